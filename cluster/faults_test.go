package cluster

import (
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
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
	assert.Less(t, time.Since(began), 3*time.Second)
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
		require.True(t, n.in.push(packet{kind: kindDirected, number: 2, incarnation: from,
			body: append([]byte{0, byte(len(text))}, text...)}))
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
	nodes := embeddedNodes(t, 2, nil)
	a, b := nodes[0], nodes[1]
	twin := open(t, quick(Config{Number: 1, Listen: "127.0.0.1:0", Routes: []string{a.ListenAddress()}}))
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

// externalServer is a NATS server of the test.
func externalServer(t testing.TB, options *server.Options) *server.Server {
	t.Helper()
	if options == nil {
		options = &server.Options{}
	}
	options.Host, options.NoSigs, options.NoLog = "127.0.0.1", true, true
	if options.Port == 0 {
		options.Port = -1
	}
	s, err := server.NewServer(options)
	require.NoError(t, err)
	s.Start()
	require.True(t, s.ReadyForConnections(patience))
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}

func externalNodes(t testing.TB, url string, count int, change func(*Config)) (nodes []*member) {
	t.Helper()
	for i := range count {
		config := quick(Config{Number: uint16(i + 1), Servers: []string{url}})
		if change != nil {
			change(config)
		}
		nodes = append(nodes, open(t, config))
	}
	know(t, nodes...)
	return nodes
}

// With an external server all is the same; it may go and come back, and nothing that was
// sent meanwhile comes late.
func TestExternalServer(t *testing.T) {
	s := externalServer(t, nil)
	port := s.Addr().(*net.TCPAddr).Port
	nodes := externalNodes(t, s.ClientURL(), 3, func(c *Config) { c.MaxAge = 100 * time.Millisecond })
	a, b := nodes[0], nodes[1]
	b.Group("zone").Watch()
	hears(t, "zone", a, b)
	s.Shutdown()
	s.WaitForShutdown()
	for _, n := range nodes {
		n.until("disconnected", func() bool { return n.saw(Disconnected, 0) == 1 })
		assert.False(t, n.Connected())
	}
	for _, text := range numbered(10) {
		a.say("zone", text)
	}
	a.until("them to be too old", func() bool { return a.Stats().TooOld == 10 })
	externalServer(t, &server.Options{Port: port})
	for _, n := range nodes {
		n.until("connected", func() bool { return n.saw(Connected, 0) == 2 })
	}
	b.messages = nil
	hears(t, "zone", a, b)
	b.until("the gap", func() bool { return b.missed(1) >= 10 })
	assert.NotContains(t, b.messages, "zone:0")
	for _, text := range b.messages {
		assert.Contains(t, text, "fence")
	}
}

// NATS takes nothing for a while: the queue is bounded, and all goes on afterwards.
func TestSendQueueFull(t *testing.T) {
	s := externalServer(t, nil)
	port := s.Addr().(*net.TCPAddr).Port
	nodes := externalNodes(t, s.ClientURL(), 2, func(c *Config) {
		c.MaxSendQueue, c.MaxAge = 100_000, time.Minute
	})
	a, b := nodes[0], nodes[1]
	b.Group("zone").Watch()
	fence(a, b)
	s.Shutdown()
	s.WaitForShutdown()
	a.until("disconnected", func() bool { return a.saw(Disconnected, 0) == 1 })
	var queued, refused uint64
	for i := range 5000 {
		if err := a.Group("zone").Broadcast(nil, queuednet.NewDatagram([]byte(strconv.Itoa(100_000+i)+string(make([]byte, 94))))); err == nil {
			queued++
		} else {
			require.ErrorIs(t, err, ErrSendQueueFull)
			refused++
		}
		require.LessOrEqual(t, a.Stats().SendQueue, 101_000, "and messages of the module itself")
	}
	assert.Greater(t, refused, uint64(3900))
	assert.Equal(t, refused, a.Stats().RefusedFull)
	externalServer(t, &server.Options{Port: port})
	b.until("what was queued", func() bool { return b.Stats().Received+b.missed(1) >= queued })
	a.until("room", func() bool { return a.Stats().SendQueue == 0 })
	hears(t, "zone", a, b)
}

// proxy passes connections on to an address, until cut.
type proxy struct {
	listener net.Listener
	conns    chan net.Conn
}

func newProxy(t testing.TB, to string) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{l, make(chan net.Conn, 1000)}
	t.Cleanup(func() { l.Close(); p.cut() })
	go func() {
		for {
			here, err := l.Accept()
			if err != nil {
				return
			}
			there, err := net.Dial("tcp", to)
			if err != nil {
				here.Close()
				continue
			}
			p.conns <- here
			p.conns <- there
			go func() { defer there.Close(); copyAll(there, here) }()
			go func() { defer here.Close(); copyAll(here, there) }()
		}
	}()
	return p
}

func copyAll(to, from net.Conn) {
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if _, failed := to.Write(buf[:n]); err != nil || failed != nil {
			return
		}
	}
}

// cut breaks all connections off.
func (p *proxy) cut() {
	for {
		select {
		case c := <-p.conns:
			c.Close()
		default:
			return
		}
	}
}

// A connection to the server that breaks again and again brings nothing twice, nothing out
// of order, and each loss is told.
func TestReconnects(t *testing.T) {
	s := externalServer(t, nil)
	p := newProxy(t, s.Addr().String())
	b := open(t, quick(Config{Number: 2, Servers: []string{s.ClientURL()}}))
	config := quick(Config{Number: 1, Servers: []string{"nats://" + p.listener.Addr().String()}})
	a := open(t, config)
	know(t, a, b)
	b.Group("zone").Watch()
	fence(a, b)
	rounds := 10
	if *long {
		rounds = 100
	}
	sent, last, got := 0, -1, 0
	take := func() {
		for m := range b.Messages() {
			i, err := strconv.Atoi(string(m.Payload()))
			require.NoError(t, err)
			require.Greater(t, i, last)
			last = i
			got++
		}
		for e := range b.Events() {
			b.events = append(b.events, e)
		}
	}
	for range rounds {
		for range 50 {
			for range 20 {
				a.say("zone", strconv.Itoa(sent))
				sent++
			}
			take()
			time.Sleep(time.Millisecond) // a frame
		}
		before := a.Stats().Reconnects
		p.cut()
		a.until("reconnected", func() bool { take(); return a.Stats().Reconnects > before })
	}
	for end := time.Now().Add(patience); uint64(got)+b.missed(1) < uint64(sent) && time.Now().Before(end); take() {
		time.Sleep(time.Millisecond)
	}
	assert.EqualValues(t, sent, uint64(got)+b.missed(1))
	assert.Empty(t, b.kinds(1)[1:])
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
				assert.Less(t, time.Since(began), 3500*time.Millisecond)
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

// The server's port for clients is for nobody else.
func TestClientPortIsClosed(t *testing.T) {
	n := embeddedNodes(t, 1, nil)[0]
	host, _, err := net.SplitHostPort(n.server.server.Addr().String())
	require.NoError(t, err)
	assert.Equal(t, "127.0.0.1", host)
	_, err = nats.Connect(n.server.server.Addr().String())
	assert.ErrorIs(t, err, nats.ErrAuthorization)
	_, err = nats.Connect(n.server.server.Addr().String(), nats.UserInfo("queuednet", ""))
	assert.ErrorIs(t, err, nats.ErrAuthorization)
}
