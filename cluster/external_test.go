package cluster

import (
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// externalServer is a NATS server of the test.
func externalServer(t testing.TB, options *server.Options) *server.Server {
	t.Helper()
	if options == nil {
		options = &server.Options{}
	}
	options.Host, options.NoSigs, options.NoLog = "127.0.0.1", true, true
	options.Port = -1
	s, err := server.NewServer(options)
	require.NoError(t, err)
	s.Start()
	require.True(t, s.ReadyForConnections(patience))
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}

// externalServerAgain is another NATS server. The nodes close before it ends: without one they
// would try to say goodbye for as long as CloseTimeout allows.
func externalServerAgain(t testing.TB, nodes []*member) (address string) {
	t.Helper()
	s := externalServer(t, nil)
	for _, n := range nodes {
		t.Cleanup(func() { n.Close() })
	}
	return s.Addr().String()
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
	door := newProxy(t, s.Addr().String())
	nodes := externalNodes(t, "nats://"+door.address(), 3, func(c *Config) { c.MaxAge = 100 * time.Millisecond })
	a, b := nodes[0], nodes[1]
	b.Group("zone").Watch()
	hears(t, "zone", a, b)
	s.Shutdown()
	s.WaitForShutdown()
	door.shut()
	for _, n := range nodes {
		n.until("disconnected", func() bool { return n.saw(Disconnected, 0) == 1 })
		assert.False(t, n.Connected())
	}
	for _, text := range numbered(10) {
		a.say("zone", text)
	}
	a.until("them to be too old", func() bool { return a.Stats().TooOld >= 10 })
	door.lead(externalServerAgain(t, nodes))
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
	door := newProxy(t, s.Addr().String())
	nodes := externalNodes(t, "nats://"+door.address(), 2, func(c *Config) {
		c.MaxSendQueue, c.MaxAge = 100_000, time.Minute
	})
	a, b := nodes[0], nodes[1]
	b.Group("zone").Watch()
	hears(t, "zone", a, b)
	before := b.Stats().Received
	s.Shutdown()
	s.WaitForShutdown()
	door.shut()
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
	door.lead(externalServerAgain(t, nodes))
	b.until("what was queued", func() bool { return b.Stats().Received-before+b.missed(1) >= queued })
	a.until("room", func() bool { return a.Stats().SendQueue == 0 })
	hears(t, "zone", a, b)
}

// proxy passes connections on to an address, until it is cut or shut. Its own address is its
// own as long as the test runs, which a port that is closed for a while would not be.
type proxy struct {
	listener net.Listener

	mu    sync.Mutex
	to    string // empty: connections are refused
	conns []net.Conn
}

func newProxy(t testing.TB, to string) *proxy {
	p := newDoor(t)
	p.lead(to)
	return p
}

// newDoor is a proxy that is shut.
func newDoor(t testing.TB) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{listener: l}
	t.Cleanup(func() { l.Close(); p.cut() })
	go func() {
		for {
			here, err := l.Accept()
			if err != nil {
				return
			}
			p.pass(here)
		}
	}()
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

// lead makes connections go to an address from now on.
func (p *proxy) lead(to string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.to = to
}

// pass passes a connection on.
func (p *proxy) pass(here net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var there net.Conn
	if p.to != "" {
		there, _ = net.Dial("tcp", p.to)
	}
	if there == nil {
		here.Close()
		return
	}
	p.conns = append(p.conns, here, there)
	go func() { defer there.Close(); copyAll(there, here) }()
	go func() { defer here.Close(); copyAll(here, there) }()
}

// shut breaks all connections off, and refuses others.
func (p *proxy) shut() {
	p.lead("")
	p.cut()
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
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

// A connection to the server that breaks again and again brings nothing twice, nothing out
// of order, and each loss is told.
func TestReconnects(t *testing.T) {
	s := externalServer(t, nil)
	p := newProxy(t, s.Addr().String())
	b := open(t, quick(Config{Number: 2, Servers: []string{s.ClientURL()}}))
	config := quick(Config{Number: 1, Servers: []string{"nats://" + p.address()}})
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
