//go:build !queuednet_noserver

package cluster

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
)

// How a node stands a machine on which it does not run for a while.

// A clocked node has a receiver that a test drives, at times of its own.
type clocked struct {
	*member
	beats uint64
}

func newClocked(t *testing.T) *clocked {
	n := open(t, nil)
	n.config.Number = 1
	n.receiver, n.pump = newReceiver(n.Node), newPump(n.Node)
	t.Cleanup(func() { n.pump = nil }) // which has not been started
	return &clocked{member: n}
}

// pass lets time pass in which the node does not run.
func (c *clocked) pass(d time.Duration) { c.began = c.began.Add(-d) }

// beat takes a heartbeat of node 2.
func (c *clocked) beat(tails ...tail) {
	c.receiver.receive(c.heartbeat(3, tails...), c.now())
	c.poll()
}

// heartbeat is one of an incarnation of node 2.
func (c *clocked) heartbeat(incarnation uint64, tails ...tail) *nats.Msg {
	c.beats++
	h := header{kind: kindHeartbeat, number: 2, incarnation: incarnation, sequence: c.beats}
	b := heartbeat{}
	for _, t := range tails {
		b.tails = appendTail(b.tails, t)
	}
	return &nats.Msg{Subject: c.subjects.heartbeat, Data: b.appendTo(h.appendTo(nil))}
}

// run lets the node run for so long.
func (c *clocked) run(d time.Duration) {
	for tick := c.config.Heartbeat / 2; d > 0; d -= tick {
		c.pass(tick)
		c.receiver.tick()
	}
	c.poll()
}

// Time for which a node does not run is no silence of others, also if it is shorter than
// DeadAfter.
func TestStallIsNobodysSilence(t *testing.T) {
	n := newClocked(t)
	n.run(time.Second)
	for _, stall := range []time.Duration{1700 * time.Millisecond, 1900 * time.Millisecond, 10 * time.Second} {
		n.beat()
		n.run(500 * time.Millisecond)
		n.pass(stall)
		n.receiver.tick()
		n.poll()
		assert.Equal(t, []string{"NodeJoined"}, n.kinds(2), "after %v", stall)
	}
	assert.Equal(t, 1, n.saw(Paused, 0))
	n.beat()
	n.run(2500 * time.Millisecond)
	assert.Equal(t, []string{"NodeJoined", "NodeLeft: " + ErrNoHeartbeat.Error()}, n.kinds(2), "what is silence is told")
}

// Nor is it a sign of life: a node that has died is replaced by its next incarnation all the same.
func TestStallIsNoSignOfLife(t *testing.T) {
	n := newClocked(t)
	n.beat()
	n.receiver.receive(n.heartbeat(4), n.now())
	n.pass(time.Second)
	n.receiver.tick()
	n.receiver.receive(n.heartbeat(4), n.now())
	n.poll()
	assert.Equal(t, []string{"NodeJoined", "NodeLeft: " + ErrReplaced.Error(), "NodeJoined"}, n.kinds(2))
}

// A heartbeat that waits behind what others have sent is heard: nobody is called silent before
// all that had come is taken.
func TestNobodyIsSilentWhoWaits(t *testing.T) {
	n := newClocked(t)
	n.beat()
	for range 2*maxBatch + 1 {
		n.receiver.channel <- &nats.Msg{}
	}
	n.receiver.channel <- n.heartbeat(3)
	n.run(n.config.DeadAfter + n.config.Heartbeat)
	assert.Equal(t, []string{"NodeJoined"}, n.kinds(2), "nothing was taken meanwhile")
	for len(n.receiver.channel) > 0 {
		n.receiver.receiveBatch(<-n.receiver.channel)
		n.poll()
		assert.Equal(t, []string{"NodeJoined"}, n.kinds(2))
	}
	n.run(n.config.DeadAfter)
	assert.Len(t, n.kinds(2), 1)
	n.run(n.config.Heartbeat)
	assert.Len(t, n.kinds(2), 2, "what is silence is told")
}

// A message that was sent to a group before the node was in it is not missing.
func TestTailOfWhatCameBefore(t *testing.T) {
	n := newClocked(t)
	g := n.Group("zone")
	last := tail{g.subject.hash, 7}
	n.beat()
	g.Watch()
	for range n.config.tailRepeats() {
		n.beat(last)
		n.run(n.config.Heartbeat)
	}
	assert.Zero(t, n.missed(2))
	for range 2 * n.config.tailRepeats() {
		n.beat()
		n.run(n.config.Heartbeat)
	}
	last.sequence++
	n.beat(last)
	assert.EqualValues(t, 1, n.missed(2), "one that was sent since is")
}

// A gated connection has reads that wait while the gate is locked.
type gated struct {
	net.Conn
	gate *sync.RWMutex
}

func (g *gated) Read(b []byte) (int, error) {
	n, err := g.Conn.Read(b)
	g.gate.RLock()
	defer g.gate.RUnlock()
	return n, err
}

type gatedServer struct {
	nats.InProcessConnProvider
	gate sync.RWMutex
}

func (g *gatedServer) InProcessConn() (net.Conn, error) {
	conn, err := g.InProcessConnProvider.InProcessConn()
	return &gated{conn, &g.gate}, err
}

// The embedded server is not given up while this process does not get round to it.
func TestOwnServerIsNotLost(t *testing.T) {
	t.Parallel()
	nodes := embeddedNodes(t, 2, nil)
	a, b := nodes[0], nodes[1]
	server := &gatedServer{InProcessConnProvider: &inProcess{b.server, b.pump.carrier}}
	b.pump.carrier.conn.Opts.InProcessServer = server
	b.pump.carrier.raw.Close()
	b.until("its connection again", func() bool { return b.saw(Connected, 0) == 2 })
	b.Group("zone").Watch()
	hears(t, "zone", a, b)

	server.gate.Lock()
	for end := time.Now().Add(natsTimeout + 2*time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		a.say("zone", "meanwhile")
		b.poll()
	}
	server.gate.Unlock()
	b.messages = nil
	hears(t, "zone", a, b)
	assert.Equal(t, 1, b.saw(Disconnected, 0))
	assert.Zero(t, b.missed(1))
}
