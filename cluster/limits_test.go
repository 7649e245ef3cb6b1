package cluster

import (
	"errors"
	"flag"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var long = flag.Bool("long", false, "run the long tests, and the others for longer")

// A loop that stands still drops, counts, and is told exactly what is missing.
func TestReceiveQueueIsBounded(t *testing.T) {
	nodes := embeddedNodes(t, 2, func(c *Config) { c.MaxReceiveQueue = 256 << 10 })
	a, b := nodes[0], nodes[1]
	b.Group("zone").Watch()
	fence(a, b)
	sent, before := 0, b.Stats()
	payload := queuednet.NewDatagram(make([]byte, 1000))
	for b.Stats().Overflowed < 1000 {
		for range 100 {
			require.NoError(t, a.Group("zone").Broadcast(nil, payload))
			sent++
		}
		assert.LessOrEqual(t, b.Stats().ReceiveWait, 256<<10)
		a.until("all sent", func() bool { return a.Stats().SendQueue == 0 })
	}
	b.until("the gap", func() bool {
		return b.Stats().Received-before.Received+b.missed(1) == uint64(sent) && b.saw(Overflow, 0) > 0
	})
	assert.Equal(t, b.missed(1), b.Stats().Missed)
	assert.GreaterOrEqual(t, b.missed(1), uint64(1000))
	hears(t, "zone", a, b)
	assert.Equal(t, b.missed(1), b.Stats().Overflowed-before.Overflowed)
}

// Beyond MaxPublishRate the publisher is told at once, and members here have it all the same.
func TestPublishRate(t *testing.T) {
	nodes := embeddedNodes(t, 2, func(c *Config) { c.MaxPublishRate = 100_000 })
	a := nodes[0]
	var refused, queued int
	payload := queuednet.NewDatagram(make([]byte, 1000))
	began := time.Now()
	for range 100 {
		switch err := a.Group("zone").Broadcast(nil, payload); {
		case err == nil:
			queued++
		case errors.Is(err, ErrPublishRate):
			refused++
		default:
			t.Fatal(err)
		}
	}
	assert.GreaterOrEqual(t, queued, 10)
	assert.LessOrEqual(t, float64(queued), 30+100*time.Since(began).Seconds())
	assert.EqualValues(t, refused, a.Stats().RefusedRate)
	assert.NoError(t, a.Err())

	b, sent, began := nodes[1], 0, time.Now() // to groups in turn, so that each is a NATS message
	for b.Group(strconv.Itoa(sent%2)).Broadcast(nil, queuednet.NewDatagram(nil)) == nil {
		sent++
	}
	const cost = 1024 + headerSize + 1
	assert.GreaterOrEqual(t, (sent+1)*cost, 25_000)
	assert.LessOrEqual(t, float64(sent*cost), 25_000+100_000*time.Since(began).Seconds())
}

// The rate is what a bucket of a quarter of a second gives.
func TestRate(t *testing.T) {
	r := rate{perSecond: 1000}
	r.fill(100*time.Millisecond, 1)
	assert.EqualValues(t, 100, r.left)
	r.fill(10*time.Second, 1)
	assert.EqualValues(t, 250, r.left)
	for now := 11 * time.Second; r.left < 600; now += 100 * time.Millisecond {
		r.fill(now, 600) // longer than the bucket: it passes after its time
		require.Less(t, now, 12*time.Second)
	}
	assert.EqualValues(t, 600, r.left)
}

func TestMessageSize(t *testing.T) {
	nodes := embeddedNodes(t, 2, func(c *Config) { c.MaxMessageSize = 100_000 })
	a, b := nodes[0], nodes[1]
	var tooLong *queuednet.DatagramTooLongError
	assert.ErrorAs(t, a.Group("zone").Broadcast(nil, queuednet.NewDatagram(make([]byte, 100_001))), &tooLong)
	assert.ErrorAs(t, a.Send(queuednet.NewDatagram(make([]byte, 100_001)), b.Self()), &tooLong)
	for _, size := range []int{0, 1, 65_535, 65_536, 100_000} {
		a.tell(b.Self(), string(make([]byte, size)))
		b.messages = nil
		b.until(strconv.Itoa(size), func() bool { return len(b.messages) == 1 })
		assert.Len(t, b.messages[0], size+3)
	}
	var broken queuednet.Datagram
	broken.AddString(string(make([]byte, 70_000)))
	assert.Error(t, a.Send(&broken, b.Self()))
	assert.Error(t, a.Send(nil, b.Self()))
}

func TestConfigErrors(t *testing.T) {
	for field, configs := range map[string][]Config{
		"Number":          {{Number: 4096}, {Listen: "127.0.0.1:0"}, {Servers: []string{"nats://127.0.0.1"}}},
		"Name":            {{Name: string(make([]byte, 256))}},
		"Cluster":         {{Cluster: "a.b"}, {Cluster: string(make([]byte, 65))}},
		"Listen":          {{Number: 1, Listen: "nonsense"}, {Number: 1, Listen: "0.0.0.0:0"}, {Number: 1, Listen: ":0"}, {Number: 1, Listen: "127.0.0.1:0", Routes: []string{"10.0.0.1:1"}}, {Number: 1, Listen: "127.0.0.1:0", Servers: []string{"nats://127.0.0.1"}}},
		"Routes":          {{Routes: []string{"127.0.0.1:1"}}, {Number: 1, Listen: "127.0.0.1:0", Routes: []string{"x"}}},
		"MaxSendQueue":    {{MaxSendQueue: -1}},
		"MaxReceiveQueue": {{MaxReceiveQueue: -1}, {MaxReceiveQueue: 1 << 40}},
		"MaxMessageSize":  {{MaxMessageSize: -1}, {MaxMessageSize: 1 << 20}},
		"MaxPublishRate":  {{MaxPublishRate: -1}},
		"MaxAge":          {{MaxAge: -1}},
		"Heartbeat":       {{Heartbeat: -1}},
		"DeadAfter":       {{DeadAfter: time.Second, Heartbeat: time.Second}},
		"CloseTimeout":    {{CloseTimeout: -time.Second}},
	} {
		for _, config := range configs {
			n, err := Open(&config)
			var bad *ConfigError
			if assert.ErrorAs(t, err, &bad, "%+v", config) {
				assert.Equal(t, field, bad.Field)
				assert.Contains(t, bad.Error(), field)
			}
			assert.Nil(t, n)
		}
	}
}

func TestPortInUse(t *testing.T) {
	a := embeddedNodes(t, 1, nil)[0]
	_, err := Open(&Config{Number: 2, Listen: a.ListenAddress()})
	assert.ErrorContains(t, err, "in use")
}

// Nothing panics, and what can fail fails.
func TestZeroValues(t *testing.T) {
	for _, n := range []*Node{nil, {}} {
		assert.Nil(t, n.Group("x"))
		for range n.Messages() {
			t.Error("a message")
		}
		for range n.Events() {
			t.Error("an event")
		}
		for range n.Peers() {
			t.Error("a peer")
		}
		assert.False(t, n.DataAvailable())
		assert.Error(t, n.WaitForMessages(t.Context()))
		assert.Error(t, n.Send(&queuednet.Datagram{}, Address{}))
		assert.Zero(t, n.Address(nil))
		assert.Zero(t, n.Self())
		assert.False(t, n.RemoveConnection(nil))
		assert.Error(t, n.Err())
		assert.Error(t, n.Close())
		assert.False(t, n.Connected())
		assert.Zero(t, n.Stats())
		assert.Zero(t, n.Number())
		assert.Zero(t, n.Incarnation())
		assert.Empty(t, n.ListenAddress())
		assert.Nil(t, n.Notify())
		assert.Nil(t, n.IDs())
		n.Leave()
		n.Drain()
		n.SetConnections(1)
	}
}

func TestZeroGroups(t *testing.T) {
	for _, g := range []*Group{nil, {}} {
		assert.Error(t, g.Join(nil))
		assert.False(t, g.Leave(nil))
		assert.False(t, g.Has(nil))
		assert.Error(t, g.Broadcast(nil, nil))
		assert.Zero(t, g.Count())
		assert.Empty(t, g.Name())
		assert.Nil(t, g.Node())
		g.Watch()
		g.Unwatch()
		for range g.Members() {
			t.Error("a member")
		}
	}
}

func TestZeroOthers(t *testing.T) {
	var r *IDRange
	_, ok := r.Next()
	assert.False(t, ok)
	assert.False(t, r.Release(1))
	assert.Zero(t, r.Alive())
	assert.NotEmpty(t, EventKind(0).String())
	assert.NotEmpty(t, PeerState(77).String())
	var m Message
	assert.Error(t, m.Forward(nil))
}

// A node that is alone has members, a mailbox and ids, and nothing else.
func TestAlone(t *testing.T) {
	n := open(t, nil)
	assert.Nil(t, n.pump, "no goroutine, no server")
	assert.Empty(t, n.ListenAddress())
	assert.False(t, n.Connected())
	e := newEnd(t)
	conn, player := e.player()
	require.NoError(t, n.Group("zone").Join(conn))
	require.NoError(t, n.Group("zone").Broadcast(e.writer, queuednet.NewDatagram([]byte("hi"))))
	assert.Equal(t, []string{"hi"}, frames(t, player, 1))
	n.tell(n.Address(conn), "you")
	for m := range n.Messages() {
		require.NoError(t, m.Forward(e.writer))
	}
	assert.Equal(t, []string{"you"}, frames(t, player, 1))
	assert.Equal(t, 1, n.Group("zone").Count())
	assert.ErrorIs(t, n.Send(queuednet.NewDatagram(nil), NodeAddress(7)), ErrNoNode)
	require.NoError(t, n.Close())
	assert.ErrorIs(t, n.Group("zone").Broadcast(e.writer, queuednet.NewDatagram(nil)), net.ErrClosed)
}

func TestIDs(t *testing.T) {
	n := open(t, &Config{Number: 4095})
	r := n.IDs()
	seen := make(map[uint32]bool)
	for range maxIDs {
		id, ok := r.Next()
		if !ok || seen[id] || NodeOf(id) != 4095 {
			t.Fatal(id, ok)
		}
		seen[id] = true
	}
	_, ok := r.Next()
	assert.False(t, ok, "all are alive")
	assert.True(t, r.Release(4095<<20|77))
	assert.False(t, r.Release(4095<<20|77))
	assert.False(t, r.Release(1<<20|78), "another node's")
	assert.False(t, r.Release(4095<<20), "nobody's")
	id, ok := r.Next()
	assert.True(t, ok)
	assert.EqualValues(t, 4095<<20|77, id)
	for i := uint32(1); i <= maxIDs; i += 10_000 {
		assert.True(t, r.Release(4095<<20|i))
	}
	for r.Alive() < maxIDs {
		_, ok := r.Next()
		require.True(t, ok)
	}
}

// A broadcast that fails says who does not get it.
func TestBroadcastError(t *testing.T) {
	nodes := embeddedNodes(t, 2, func(c *Config) { c.MaxPublishRate = 10_000 })
	a := nodes[0]
	e := newEnd(t)
	zone := a.Group("zone")
	conn, _ := e.player()
	require.NoError(t, zone.Join(conn))
	full := func() error {
		for {
			if err := zone.Broadcast(nil, queuednet.NewDatagram(make([]byte, 1000))); err != nil {
				return err
			}
		}
	}
	var who *BroadcastError
	require.ErrorAs(t, full(), &who)
	assert.Equal(t, &BroadcastError{Nodes: ErrPublishRate}, who)
	assert.ErrorIs(t, who, ErrPublishRate)

	other := newEnd(t)
	require.ErrorAs(t, zone.Broadcast(other.writer, queuednet.NewDatagram(make([]byte, 5000))), &who)
	assert.ErrorIs(t, who.Nodes, ErrPublishRate)
	assert.ErrorIs(t, who.Members, queuednet.ErrForeignConnection)
	assert.ErrorIs(t, who, ErrPublishRate)
	assert.ErrorIs(t, who, queuednet.ErrForeignConnection)
	assert.ErrorContains(t, who, ErrPublishRate.Error())

	alone := open(t, nil).Group("zone")
	require.NoError(t, alone.Join(conn))
	require.ErrorAs(t, alone.Broadcast(other.writer, dot), &who)
	assert.NoError(t, who.Nodes)
	assert.ErrorIs(t, who, queuednet.ErrForeignConnection)
	assert.NoError(t, alone.Broadcast(e.writer, dot))
}
