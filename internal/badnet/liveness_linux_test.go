package badnet

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/queuednet/queuednet"
)

// The limits that the cuts are tested with: in the long form the defaults.
var shortLimits = queuednet.Config{
	KeepAliveIdle: time.Second, KeepAliveInterval: time.Second, KeepAliveCount: 2,
	AckTimeout: 3 * time.Second,
}

// What these make of the time after which an end is reported.
const (
	shortKeepAlive    = 3 * time.Second
	shortAckTimeout   = 3 * time.Second
	defaultKeepAlive  = 11 * time.Second
	defaultAckTimeout = 10 * time.Second
)

// A live is a pair of ends with two connections: nothing is sent over the idle
// one, and numbered datagrams both ways over the busy one, in each frame.
type live struct {
	t              *testing.T
	network        *network
	client, server *end
	idle, busy     pair
	sequence       sequence
}

// A pair is both sides of a connection.
type pair struct {
	dialled, accepted *queuednet.Connection
	up, down          flow
}

// A flow counts the datagrams of one way.
type flow struct{ sent, arrived int }

func newLive(t *testing.T, config queuednet.Config, c conditions) *live {
	n := newNetwork(t, c)
	l := &live{t: t, network: n, client: newEnd(t, n.client, &config), server: newEnd(t, n.server, &config)}
	dialled, accepted := connect(l.client, l.server, 2)
	l.idle = pair{dialled: dialled[0], accepted: accepted[0]}
	l.busy = pair{dialled: dialled[1], accepted: accepted[1]}
	return l
}

// frame is one of both loops.
func (l *live) frame(sending bool) {
	l.receive(l.client, l.busy.dialled, &l.busy.down)
	l.receive(l.server, l.busy.accepted, &l.busy.up)
	if sending {
		l.send(l.client, l.busy.dialled, &l.busy.up)
		l.send(l.server, l.busy.accepted, &l.busy.down)
	}
}

func (l *live) receive(e *end, conn *queuednet.Connection, f *flow) {
	for datagram := range e.reader.Datagrams() {
		require.Same(l.t, conn, datagram.Connection())
		requireSame(l.t, l.sequence.datagram(f.arrived), datagram, f.arrived)
		f.arrived++
	}
}

// send sends the next datagram, which fails only if the connection has ended.
func (l *live) send(e *end, conn *queuednet.Connection, f *flow) {
	datagram := queuednet.NewDatagram(l.sequence.datagram(f.sent))
	f.sent++
	e.send(func() error {
		if err := e.writer.Send(datagram, conn); conn.Err() == nil {
			return err
		}
		return nil
	})
}

// run runs frames with traffic for a while.
func (l *live) run(while time.Duration, each func()) {
	start := time.Now()
	frames(l.t, "end of time", func() bool {
		l.frame(true)
		each()
		return time.Since(start) >= while
	})
}

func (l *live) requireNoEnds() {
	l.client.requireNoEnds()
	l.server.requireNoEnds()
}

// assertSound asserts that both connections are open, when all has arrived.
func (l *live) assertSound() {
	frames(l.t, "rest", func() bool {
		l.frame(false)
		l.requireNoEnds()
		return l.busy.up.arrived == l.busy.up.sent && l.busy.down.arrived == l.busy.down.sent
	})
	for _, p := range []pair{l.idle, l.busy} {
		assert.NoError(l.t, p.dialled.Err())
		assert.NoError(l.t, p.accepted.Err())
	}
	l.client.assertSendsDidNotWait()
	l.server.assertSendsDidNotWait()
}

// late is how much later than documented an end may be reported: what the
// kernel's timers, a frame and a busy machine need.
const late = 5 * time.Second

// A cut is one of a live network at a time, and the ends that are to follow.
type cut struct {
	*live
	name     string
	start    time.Time
	expected map[*queuednet.Connection]*expectation
	reported int
}

// An expectation is by when a connection's end is reported, and how often it was.
type expectation struct {
	name  string
	limit time.Duration
	ends  int
}

// look asserts that what is reported now is in time, and as documented.
func (c *cut) look() {
	for _, e := range []*end{c.client, c.server} {
		for conn := range e.manager.ResetConnections() {
			took, x := time.Since(c.start), c.expected[conn]
			x.ends++
			c.reported++
			recordCut(c.t, c.name, x.name, x.limit, took, conn.Err())
			assert.LessOrEqual(c.t, took, x.limit+late, x.name)
			assert.ErrorIs(c.t, conn.Err(), queuednet.ErrNoAnswer)
			assert.ErrorIs(c.t, conn.Err(), os.ErrDeadlineExceeded)
		}
	}
}

// A cut is reported for both ends of both connections, once, in time, and as a
// timeout.
func TestCut(t *testing.T) {
	t.Parallel()
	for name, sever := range map[string]func(n *network) error{
		"silent link":             func(n *network) error { n.silent.Store(true); return nil },
		"server's interface down": func(n *network) error { return n.server.setUpOrDown(false) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Linux counts AckTimeout from when it first repeats something. Where
			// packets are lost that may be seconds later.
			steady := bad
			steady.loss = 0
			l := newLive(t, shortOrLong(shortLimits, queuednet.Config{}), steady)
			l.run(time.Second/2, l.requireNoEnds)
			heard := l.busy.dialled.LastReceived()
			assert.Less(t, time.Since(heard), late)
			require.NoError(t, sever(l.network))

			idle, busy := shortOrLong(shortKeepAlive, defaultKeepAlive), shortOrLong(shortAckTimeout, defaultAckTimeout)
			c := &cut{live: l, name: name, start: time.Now(), expected: map[*queuednet.Connection]*expectation{
				l.idle.dialled:  {name: "idle, client", limit: idle},
				l.idle.accepted: {name: "idle, server", limit: idle},
				l.busy.dialled:  {name: "data in flight, client", limit: busy},
				l.busy.accepted: {name: "data in flight, server", limit: busy},
			}}
			frames(t, "ends of all", func() bool {
				l.frame(true)
				c.look()
				return c.reported == len(c.expected) || time.Since(c.start) > max(idle, busy)+late
			})
			l.run(time.Second/4, c.look)
			for _, x := range c.expected {
				assert.Equal(t, 1, x.ends, "ends of %s", x.name)
			}
			assert.Less(t, l.busy.dialled.LastReceived().Sub(c.start), time.Second, "nothing has come")
			l.client.assertSendsDidNotWait()
			l.server.assertSendsDidNotWait()
		})
	}
}

// shortCut is less than the time between two questions to an idle peer, of which
// there are three: the network may lose one of the two that are not in the cut.
const shortCut = 1500 * time.Millisecond

// With the default limits a cut of a second and a half that heals is not an end,
// and nothing is lost.
func TestShortCut(t *testing.T) {
	t.Parallel()
	l := newLive(t, queuednet.Config{}, bad)
	l.run(time.Second/2, l.requireNoEnds)
	for _, conn := range []*queuednet.Connection{l.busy.dialled, l.busy.accepted} {
		roundTrip, variation, err := conn.RoundTrip()
		require.NoError(t, err)
		t.Logf("RoundTrip: %v, varying by %v", roundTrip, variation)
		assert.Greater(t, roundTrip, 2*bad.delay)
		assert.Less(t, roundTrip, late)
	}
	for range shortOrLong(1, 6) {
		l.network.silent.Store(true)
		l.run(shortCut, l.requireNoEnds)
		l.network.silent.Store(false)
		healed := time.Now()
		frames(t, "up to date", func() bool {
			l.frame(true)
			l.requireNoEnds()
			return l.busy.up.sent-l.busy.up.arrived < 30 && l.busy.down.sent-l.busy.down.arrived < 30
		})
		t.Logf("up to date %v after a cut of %v", time.Since(healed).Round(time.Millisecond), shortCut)
		// Time for the idle connection too to be asked, and answer, between two cuts.
		l.run(shortOrLong(0, 5*time.Second), l.requireNoEnds)
	}
	l.assertSound()
}

// A peer that is there and takes nothing, because its program does not poll, is
// not dead, however short AckTimeout is: it is left to WriteTimeout, and nothing
// is lost.
func TestPause(t *testing.T) {
	t.Parallel()
	config := shortOrLong(shortLimits, queuednet.Config{})
	// After a pause TCP goes on at the next repetition, which comes the later the
	// longer it was, and may be lost. That is no reason to fail here.
	config.WriteTimeout = 2 * time.Minute
	config.MaxReceiveQueue = 16 << 10
	l := newLive(t, config, bad)
	require.NoError(t, l.busy.accepted.SetRecvBufferSize(16<<10))
	for range 1200 { // more than the buffers on the way
		l.send(l.client, l.busy.dialled, &l.busy.up)
	}
	start, pause := time.Now(), shortOrLong(4*time.Second, 15*time.Second)
	frames(t, "end of the pause", func() bool {
		l.client.requireNoEnds()
		return time.Since(start) > pause
	})
	l.assertSound()
}
