package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/queuednet/queuednet"
)

// The roles of the clients that the library itself makes.
var (
	botAsks    = &role{name: "bot: asks to be closed", weight: 6, ends: []string{asked}, toServer: true, toClient: true}
	botCloses  = &role{name: "bot: closes", weight: 6, ends: []string{"EOF"}, toServer: true}
	botCancels = &role{name: "bot: cancels", weight: 3, stranger: true}
	botRoles   = []*role{botAsks, botCloses, botCancels}
)

// A bot is a client of the library.
type bot struct {
	life    *life
	wide    bool
	pending *queuednet.PendingConnection
	cancel  time.Time // of one that cancels
	conn    *queuednet.Connection
	check   check
	sent    flow
	next    time.Time // to send
	end     time.Time // of its playing
	asked   time.Time // to be closed; zero if not yet
	welcome time.Time // the latest time of its first message from the server
}

// bots is a program with many connections to the server and one loop for all.
type bots struct {
	w       *world
	random  *rand.Rand
	manager *queuednet.QueuedConnectionManager
	readers [2]*queuednet.QueuedConnectionReader // narrow and wide
	writers [2]*queuednet.ConnectionWriter
	packets *pinger
	arrive  chan *bot

	connecting map[*bot]struct{}
	playing    map[*queuednet.Connection]*bot
	closed     map[*queuednet.Connection]int // by the bot itself, and the frame
	frames     int
	message    queuednet.Datagram
	bytes      []byte
}

func newBots(w *world) (*bots, error) {
	m := queuednet.NewQueuedConnectionManager(&queuednet.Config{MaxDatagramSize: longest, CollectTCPInterval: 100 * time.Millisecond})
	b := &bots{
		w: w, manager: m, random: rand.New(rand.NewPCG(w.options.seed, 2)), arrive: make(chan *bot),
		connecting: make(map[*bot]struct{}), playing: make(map[*queuednet.Connection]*bot), closed: make(map[*queuednet.Connection]int),
	}
	for i := range b.readers {
		b.readers[i] = queuednet.NewQueuedConnectionReader(m)
		b.writers[i] = queuednet.NewConnectionWriter(m)
	}
	err := errors.Join(b.readers[1].SetTCPHeaderSize(4), b.writers[1].SetTCPHeaderSize(4))
	if err == nil {
		b.packets, err = newPinger(m, w.server.packets.address)
	}
	if err != nil {
		m.Close()
		return nil, err
	}
	return b, nil
}

// side is the index of a bot's reader and writer.
func (b *bot) side() int {
	if b.wide {
		return 1
	}
	return 0
}

// run is the loop, which ends when told to and everybody has gone.
func (b *bots) run(stop <-chan struct{}) error {
	ticker := time.NewTicker(time.Second / 30)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return b.manager.Close()
		case one := <-b.arrive:
			b.begin(one)
		case <-ticker.C:
			b.w.ledger.fail(b.frame())
		}
	}
}

// begin lets a bot connect, in the background.
func (b *bots) begin(one *bot) {
	rendezvous := b.w.server.narrow
	one.wide = b.random.IntN(4) == 0
	if one.wide {
		rendezvous = b.w.server.wide
	}
	address := rendezvous.LocalAddress()
	one.pending = b.manager.BeginTCPClientConnection(address.IPString(), address.Port(), patience)
	one.cancel = time.Now().Add(time.Duration(b.random.IntN(100)-30) * time.Millisecond)
	one.check.life = one.life.number
	b.connecting[one] = struct{}{}
}

func (b *bots) frame() error {
	b.frames++
	now := time.Now()
	for one := range b.connecting {
		if err := b.connect(one, now); err != nil {
			return err
		}
	}
	for _, reader := range b.readers {
		for datagram := range reader.Datagrams() {
			if err := b.take(datagram); err != nil {
				return err
			}
		}
	}
	if err := errors.Join(b.takeEnds(), b.packets.take()); err != nil {
		return err
	}
	for _, one := range b.playing {
		if err := b.play(one, now); err != nil {
			return err
		}
	}
	for conn, frame := range b.closed {
		if b.frames-frame > 60 {
			delete(b.closed, conn)
		}
	}
	b.packets.send(b.random)
	return nil
}

// connect goes on with connecting.
func (b *bots) connect(one *bot, now time.Time) error {
	if one.life.role == botCancels {
		if now.Before(one.cancel) {
			return nil
		}
		one.pending.Cancel()
		if !one.pending.Ready() {
			return nil
		}
		if conn, err := one.pending.Result(); conn != nil || !errors.Is(err, context.Canceled) {
			return fmt.Errorf("a cancelled attempt has %v and %w", conn, err)
		}
		delete(b.connecting, one)
		b.w.ledger.clientOver(one.life, new(account))
		return nil
	}
	if !one.pending.Ready() {
		return nil
	}
	delete(b.connecting, one)
	conn, err := one.pending.Result()
	if err != nil {
		return fmt.Errorf("a bot connects: %w", err)
	}
	one.conn = conn
	conn.SetCollectTCP(b.random.IntN(3) == 0)
	one.end = now.Add(b.w.lifetime(b.random))
	one.welcome = now.Add(patience)
	b.playing[conn] = one
	b.send(one, numbered)
	return b.readers[one.side()].AddConnection(conn)
}

func (b *bots) take(datagram *queuednet.NetDatagram) error {
	one := b.playing[datagram.Connection()]
	if one == nil {
		if _, closed := b.closed[datagram.Connection()]; closed {
			return nil
		}
		return fmt.Errorf("at the bots: a datagram of %v after its end", datagram.Connection().LocalAddress())
	}
	if _, err := one.check.take(datagram.Message()); err != nil {
		return fmt.Errorf("at a bot: %w", err)
	}
	return nil
}

func (b *bots) takeEnds() error {
	for conn := range b.manager.ResetConnections() {
		one := b.playing[conn]
		if one == nil {
			return fmt.Errorf("at the bots: the end of %v, %w, is not expected", conn.LocalAddress(), conn.Err())
		}
		delete(b.playing, conn)
		reason := endName(conn.Err())
		if reason == "EOF" {
			reason = ""
		}
		b.over(one, reason)
	}
	return nil
}

func (b *bots) over(one *bot, reason string) {
	b.w.ledger.clientOver(one.life, &account{sent: one.sent, received: one.check.flow, reason: reason})
}

// play sends at the rate of a game until it is time to end.
func (b *bots) play(one *bot, now time.Time) error {
	leaving := !now.Before(one.end)
	select {
	case <-b.w.leave:
		leaving = true
	default:
	}
	switch {
	case one.check.datagrams == 0: // until it is welcome
		if now.After(one.welcome) {
			return fmt.Errorf("life %d gets no answer", one.life.number)
		}
	case !one.asked.IsZero():
		if now.Sub(one.asked) > patience {
			return fmt.Errorf("life %d is not closed", one.life.number)
		}
	case !leaving:
		if now.After(one.next) {
			one.next = now.Add(time.Duration(20+b.random.IntN(160)) * time.Millisecond)
			b.send(one, numbered)
		}
	case one.life.role == botAsks:
		one.asked = now
		b.send(one, leave)
	default:
		b.send(one, numbered) // the last one arrives
		if b.manager.CloseConnection(one.conn) {
			delete(b.playing, one.conn)
			b.closed[one.conn] = b.frames
			b.over(one, "")
		}
	}
	return nil
}

// send sends the next message. Where the server has closed, its end will tell.
func (b *bots) send(one *bot, k kind) {
	size := messageHead
	if k == numbered {
		size = sizeFor(b.random, 1<<16-1)
	}
	b.bytes = appendMessage(b.bytes[:0], k, one.life.number, uint32(one.sent.datagrams)+1, size)
	b.message.Assign(b.bytes)
	if b.writers[one.side()].Send(&b.message, one.conn) != nil {
		return
	}
	one.sent.datagrams++
	one.sent.bytes += size
}
