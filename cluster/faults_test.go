package cluster

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// crash makes a node die without a word.
func crash(m *member) {
	m.pump.carrier.n.connected.Store(false) // nothing more goes out
	m.server.stop()
}

// kinds are the events about a node, in order.
func (m *member) kinds(node uint16) (kinds []string) {
	for _, e := range m.events {
		if e.Node == node && e.Kind != Gap {
			kind := e.Kind.String()
			if e.Err != nil {
				kind += ": " + e.Err.Error()
			}
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// A node that dies is told once, in time.
func TestDeath(t *testing.T) {
	nodes := embeddedNodes(t, 3, deadSoon)
	crash(nodes[2])
	began := time.Now()
	for _, n := range nodes[:2] {
		n.until("death", func() bool { return n.saw(NodeLeft, 3) > 0 })
		assert.Equal(t, []string{"NodeJoined", "NodeLeft: " + ErrNoHeartbeat.Error()}, n.kinds(3))
		assert.ErrorIs(t, n.Send(queuednet.NewDatagram(nil), NodeAddress(3)), ErrNoNode)
		for p := range n.Peers() {
			assert.Equal(t, p.Number == 3, p.State == PeerDead, "%+v", p)
			assert.NotEmpty(t, p.Name)
		}
	}
	assert.Less(t, time.Since(began), 2*nodes[0].config.DeadAfter)
}

// A node that restarts faster than its death is noticed is told as two nodes, one after the
// other, and what each sent comes between its own events.
func TestQuickRestart(t *testing.T) {
	nodes := embeddedNodes(t, 2, nil)
	a, b := nodes[0], nodes[1]
	a.Group("zone").Watch()
	fence(b, a)
	b.say("zone", "old")
	a.until("old", func() bool { return contains(a.messages, "zone:old") })
	crash(b)
	config := quick(Config{Number: 2, Listen: "127.0.0.1:0", Routes: []string{a.ListenAddress()}})
	again := open(t, config)
	again.until("the first", func() bool { return again.saw(NodeJoined, 1) > 0 })
	hears(t, "zone", again, a)
	assert.Equal(t, []string{"NodeJoined", "NodeLeft: " + ErrReplaced.Error(), "NodeJoined"}, a.kinds(2))
	var incarnations []uint64
	for _, e := range a.events {
		if e.Node == 2 {
			incarnations = append(incarnations, e.Incarnation)
		}
	}
	assert.Equal(t, []uint64{b.Incarnation(), b.Incarnation(), again.Incarnation()}, incarnations)
}

// Messages and events keep their order, though they are drained apart.
func TestOrderOfMessagesAndEvents(t *testing.T) {
	n := open(t, nil)
	push := func(text string, from uint64) {
		n.in.push(packet{kind: kindDirected, number: 2, incarnation: from, body: append([]byte{0, byte(len(text))}, text...)})
	}
	n.happened(Event{Kind: NodeJoined, Node: 2, Incarnation: 1})
	push("of the first", 1)
	n.happened(Event{Kind: Gap, Node: 2, Incarnation: 1, Missed: 1})
	n.happened(Event{Kind: NodeLeft, Node: 2, Incarnation: 1})
	n.happened(Event{Kind: NodeJoined, Node: 2, Incarnation: 2})
	n.happened(Event{Kind: Gap, Node: 2, Incarnation: 1, Missed: 2})
	push("of the second", 2)
	m := &member{Node: n.Node, t: t}
	var got []string
	for m.DataAvailable() {
		messages, events := len(m.messages), len(m.events)
		for e := range m.Events() {
			m.events = append(m.events, e)
			got = append(got, fmt.Sprint(e.Kind, " ", e.Incarnation, " ", e.Missed))
		}
		for msg := range m.Messages() {
			m.messages = append(m.messages, "")
			got = append(got, string(msg.Payload()))
		}
		require.Greater(t, len(m.messages)+len(m.events), messages+events, "nothing to take, though DataAvailable says so")
	}
	assert.Equal(t, []string{"NodeJoined 1 0", "Gap 1 3", "of the first", "NodeLeft 1 0", "NodeJoined 2 0", "of the second"}, got)
}

// Of two nodes with one number the younger ends, and the older goes on.
func TestDuplicateNumber(t *testing.T) {
	// The older one has the time between two heartbeats to say that it is there.
	seldom := func(c *Config) { c.Heartbeat = time.Second }
	nodes := embeddedNodes(t, 2, seldom)
	a, b := nodes[0], nodes[1]
	config := quick(Config{Number: 1, Listen: "127.0.0.1:0", Routes: []string{a.ListenAddress()}})
	seldom(config)
	twin := open(t, config)
	twin.until("its end", func() bool { return twin.saw(Ended, 0) == 1 })
	assert.ErrorIs(t, twin.Err(), ErrDuplicateNumber)
	assert.ErrorIs(t, twin.Group("zone").Broadcast(nil, queuednet.NewDatagram(nil)), ErrDuplicateNumber)
	assert.ErrorIs(t, twin.Group("zone").Join(nil), queuednet.ErrForeignConnection)
	require.NoError(t, twin.Close())
	b.Group("zone").Watch()
	hears(t, "zone", a, b)
	assert.NoError(t, a.Err())
	assert.Equal(t, []string{"NodeJoined"}, b.kinds(1), "nobody else noticed")
}

// A node that leaves is told at once, and what it sent before comes before.
func TestLeave(t *testing.T) {
	nodes := embeddedNodes(t, 2, nil)
	a, b := nodes[0], nodes[1]
	b.Drain()
	a.until("draining", func() bool { return a.saw(NodeDraining, 2) == 1 })
	for p := range a.Peers() {
		assert.Equal(t, PeerDraining, p.State)
	}
	a.Group("zone").Watch()
	fence(b, a)
	for _, text := range numbered(1000) {
		b.say("zone", text)
	}
	b.Leave()
	assert.ErrorIs(t, b.Group("zone").Broadcast(nil, queuednet.NewDatagram(nil)), ErrLeft)
	a.until("its leaving", func() bool { return a.saw(NodeLeft, 2) == 1 })
	assert.ErrorIs(t, a.events[len(a.events)-1].Err, ErrLeft)
	assert.Len(t, a.messages, 1000)
	assert.Zero(t, a.missed(2))
}

// Close returns in time in each state, and leaves nothing.
func TestClose(t *testing.T) {
	s := externalServer(t, nil)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	for name, config := range map[string]Config{
		"alone":     {},
		"embedded":  {Number: 1, Listen: "127.0.0.1:0"},
		"external":  {Number: 1, Servers: []string{s.ClientURL()}},
		"nobody":    {Number: 1, Servers: []string{"nats://127.0.0.1:1"}},
		"silent":    {Number: 1, Servers: []string{"nats://" + silent.Addr().String()}},
		"blackhole": {Number: 1, Servers: []string{"nats://192.0.2.1:4222"}},
	} {
		for _, wait := range []time.Duration{0, 50 * time.Millisecond} {
			t.Run(fmt.Sprint(name, wait), func(t *testing.T) {
				t.Parallel()
				config := config
				config.CloseTimeout = 3 * time.Second
				n := open(t, &config)
				time.Sleep(wait) // into another state
				errs := make(chan error, 2)
				began := time.Now()
				go func() { errs <- n.Close() }()
				go func() { errs <- n.Close() }()
				first, second := <-errs, <-errs
				assert.Less(t, time.Since(began), 2*config.CloseTimeout)
				assert.True(t, (first == nil) != (second == nil))
				assert.ErrorIs(t, n.Err(), net.ErrClosed)
				assert.ErrorIs(t, n.Group("x").Broadcast(nil, queuednet.NewDatagram(nil)), net.ErrClosed)
				assert.ErrorIs(t, n.Send(queuednet.NewDatagram(nil), NodeAddress(2)), net.ErrClosed)
				assert.ErrorIs(t, n.WaitForMessages(t.Context()), net.ErrClosed)
				n.poll()
			})
		}
	}
}

// A node that the servers refuse ends, with the reason.
func TestCredentials(t *testing.T) {
	s := externalServer(t, &server.Options{Username: "u", Password: "p"})
	bad := open(t, quick(Config{Number: 1, Servers: []string{s.ClientURL()}, Secret: "u:wrong"}))
	bad.until("its end", func() bool { return bad.saw(Ended, 0) == 1 })
	assert.ErrorIs(t, bad.Err(), ErrCredentials)
	good := open(t, quick(Config{Number: 2, Servers: []string{s.ClientURL()}, Secret: "u:p"}))
	good.until("connected", good.Connected)

	s = externalServer(t, &server.Options{Authorization: "token"})
	good = open(t, quick(Config{Number: 2, Servers: []string{s.ClientURL()}, Secret: "token"}))
	good.until("connected", good.Connected)
}
