package player

import (
	"context"
	"net"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/examples/space/game"
)

// Tick is how often Update is to be called.
const Tick = time.Second / game.TicksPerSecond

// A State says what a player is doing.
type State int

// The states.
const (
	Connecting State = iota // or waiting for the server's answer
	Playing
	Waiting // the connection is lost, the next attempt comes
	Over    // left, or told to go: it does not come back
)

// Options say who plays where.
type Options struct {
	// Manager has the connection. Several players may share one.
	Manager *queuednet.QueuedConnectionManager

	// Dial connects to the server: by TCP, TLS or WebSocket.
	Dial func(context.Context) (net.Conn, error)

	// Name is the one that the player would like to have.
	Name string
}

// A Player is a client. See the package documentation.
type Player struct {
	Scene // what there is to see
	Lobby // who is there, and what was said
	Meter // how the connection does

	options Options
	reader  *queuednet.QueuedConnectionReader
	writer  *queuednet.ConnectionWriter
	pending *queuednet.PendingConnection
	conn    *queuednet.Connection

	state   State
	reason  string
	retryAt time.Time
	backoff time.Duration
	token   game.Token
	ticket  []byte
	now     time.Time
	heard   time.Time // when something has come last

	out      queuednet.Datagram
	snapshot game.Snapshot
}

// New returns a player who begins to connect with the first Update.
func New(options Options) *Player {
	return &Player{
		options: options,
		reader:  queuednet.NewQueuedConnectionReader(options.Manager),
		writer:  queuednet.NewConnectionWriter(options.Manager),
		state:   Waiting,
	}
}

// State returns what the player is doing.
func (p *Player) State() State { return p.state }

// Reason says why a player is Waiting or Over, for a human.
func (p *Player) Reason() string { return p.reason }

// RetryIn returns how long the next attempt to connect is away.
func (p *Player) RetryIn() time.Duration { return max(p.retryAt.Sub(p.now), 0) }

// Update is a tick: it takes what has come and sends what is held down. It does
// not wait for anything. After it, hand the ends that the manager reports to Ended.
func (p *Player) Update(now time.Time, keys game.Keys) {
	if now.Sub(p.now) > time.Second { // the program stood still, as in a hidden tab
		p.heard = now
	}
	p.now = now
	p.Lobby.now = now
	p.Scene.happened = p.Scene.happened[:0]
	p.connect()
	for datagram := range p.reader.Datagrams() {
		if datagram.Connection() == p.conn {
			p.heard = now
			p.Meter.in(now, datagram.Length())
			p.handle(&datagram.Datagram)
		}
	}
	p.listen()
	p.Scene.update(now)
	if p.state != Playing {
		return
	}
	in := p.Scene.steer(keys)
	p.send(&in)
	if ping, due := p.Meter.ping(now); due {
		p.send(&ping)
	}
}

// Say sends a line of chat, or a command.
func (p *Player) Say(text string) {
	if p.state == Playing && text != "" {
		p.send(&game.Say{Text: text})
	}
}

// Leave takes the ship out of the game.
func (p *Player) Leave() {
	if p.state == Playing {
		p.send(&game.Leave{})
	}
	p.end("You have left.")
}

// Break closes the connection as if the network had: the player comes back.
func (p *Player) Break() {
	if p.conn != nil {
		p.conn.Abort()
		p.lost("The connection was broken off.")
	}
}

// send sends a message. Its errors are those of the connection, whose end is reported.
func (p *Player) send(m game.Message) {
	game.Encode(&p.out, m)
	p.Meter.out(p.now, p.out.Length())
	p.writer.Send(&p.out, p.conn)
}

// end makes the player Over.
func (p *Player) end(reason string) {
	p.state = Over
	p.reason = reason
	if p.pending != nil {
		p.pending.Cancel()
		p.pending = nil
	}
	if p.conn != nil {
		p.conn.Close()
		p.conn = nil
	}
}
