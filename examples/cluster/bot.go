package main

import (
	"math/rand/v2"
	"time"

	"github.com/queuednet/queuednet"
)

const (
	sayEvery  = 500 * time.Millisecond
	goEvery   = 3 * time.Second
	sayAgain  = time.Second // what was not acknowledged
	connectIn = 3 * time.Second
	retry     = 50 * time.Millisecond
)

// A bot is a player: it goes from zone to zone, shouts, and keeps an account of what it
// hears. When its server dies, or sends it away, it goes to another one with its ticket.
type bot struct {
	swarm   *swarm
	random  *rand.Rand
	server  int // the index of its address
	pending *queuednet.PendingConnection
	conn    *queuednet.Connection
	tryAt   time.Time

	ticket  []byte
	player  uint64
	node    source // that it is connected to
	zone    uint16
	playing bool // it has been told who is in its zone
	leaving bool // it has been asked to move on

	number uint32 // of what it has said last
	saidAt time.Time
	acked  uint32
	sayAt  time.Time
	goAt   time.Time

	account account
	move    *move // of the server that it has lost; nil while it has one
}

// A move is a bot's way from one server to another.
type move struct {
	bot       *bot
	from, to  source
	asked     bool // to move on, not cut off
	lost      time.Time
	back      time.Time // zero: not yet
	forgotten uint32    // how many of its shouts the new one does not know of
	same      bool      // it is the same player as before
}

// step is the bot's frame.
func (b *bot) step(now time.Time) {
	switch {
	case b.pending != nil:
		if b.pending.Ready() {
			b.connected(b.pending.Result())
		}
	case b.conn == nil:
		if now.After(b.tryAt) {
			b.pending = b.swarm.connect(b.server)
		}
	case b.leaving:
		if b.number == b.acked || now.Sub(b.saidAt) > sayAgain {
			b.conn.Close() // and when that is reported it goes on
		}
	case b.playing && !b.swarm.quiet:
		b.play(now)
	}
}

func (b *bot) connected(conn *queuednet.Connection, err error) {
	b.pending = nil
	if err != nil {
		b.elsewhere(retry)
		return
	}
	b.conn = conn
	b.swarm.bots[conn] = b
	b.swarm.reader.AddConnection(conn)
	out := begin(&b.swarm.out, kindHello)
	out.AddBlob(b.ticket)
	b.send(out)
}

// elsewhere makes the bot try another server, as a load balancer would.
func (b *bot) elsewhere(after time.Duration) {
	n := len(b.swarm.addresses)
	b.server = (b.server + 1 + b.random.IntN(max(n-1, 1))) % n
	b.tryAt = b.swarm.now.Add(after)
}

// play says and does something now and then.
func (b *bot) play(now time.Time) {
	switch {
	case b.number > b.acked:
		if now.Sub(b.saidAt) > sayAgain {
			b.say(now)
		}
	case now.After(b.sayAt):
		b.number++
		b.sayAt = now.Add(b.about(sayEvery))
		b.say(now)
	case now.After(b.goAt):
		b.goAt = now.Add(b.about(goEvery))
		b.enter((b.zone + 1 + uint16(b.random.IntN(2))*(zoneCount-2)) % zoneCount)
		out := begin(&b.swarm.out, kindGo)
		out.AddUint16(b.zone)
		b.send(out)
	}
}

// about returns a time from half of d to one and a half.
func (b *bot) about(d time.Duration) time.Duration {
	return d/2 + time.Duration(b.random.Int64N(int64(d)))
}

func (b *bot) say(now time.Time) {
	b.saidAt = now
	out := begin(&b.swarm.out, kindSay)
	out.AddUint32(b.number)
	b.send(out)
}

// send sends to the server. If that fails the end of the connection is reported.
func (b *bot) send(d *queuednet.Datagram) { _ = b.swarm.writer.Send(d, b.conn) }

// enter begins a stay in a zone.
func (b *bot) enter(zone uint16) {
	b.zone, b.playing = zone, false
	b.account.begin(zone)
}

// handle takes what the server says.
func (b *bot) handle(it queuednet.DatagramIterator, now time.Time) {
	switch kind := it.GetUint8(); kind {
	case kindWelcome:
		b.welcome(it.GetUint64(), it.GetUint32(), source{it.GetUint16(), it.GetUint64()})
	case kindTicket:
		b.ticket = append(b.ticket[:0], it.GetBlob()...)
	case kindMoveOn:
		b.leaving = true
	case kindSaid:
		e := readEvent(&it)
		if number := it.GetUint32(); number == b.number && number > b.acked {
			b.acked = number
			b.swarm.acknowledged(e)
		}
	default:
		b.hear(kind, &it, now)
	}
}

// welcome is the server's answer to the hello.
func (b *bot) welcome(player uint64, said uint32, node source) {
	if b.move != nil {
		b.move.same = player == b.player
		b.move.forgotten = b.acked - min(said, b.acked)
	}
	b.player, b.node = player, node
	b.enter(noZone) // the first roster says which one
}

// hear takes what happens in the zone.
func (b *bot) hear(kind uint8, it *queuednet.DatagramIterator, now time.Time) {
	e := readEvent(it)
	if b.zone == noZone && kind == kindRoster {
		b.enter(e.zone) // it is back in the zone that its ticket says
	}
	if e.zone != b.zone {
		return // it comes from the one before
	}
	b.account.take(kind, e, it)
	if kind == kindRoster && e.source == b.node && !b.playing {
		b.playing = true
		if b.move != nil {
			b.move.to, b.move.back = e.source, now
			b.move = nil
		}
	}
}

// lost is for the end of the connection.
func (b *bot) lost(now time.Time) {
	pause := retry
	if b.playing {
		pause = 0
	}
	if b.player != 0 && b.move == nil {
		b.move = &move{bot: b, from: b.node, asked: b.leaving, lost: now}
		b.swarm.moves = append(b.swarm.moves, b.move)
	}
	b.conn, b.playing, b.leaving = nil, false, false
	b.enter(noZone)
	b.elsewhere(pause)
}
