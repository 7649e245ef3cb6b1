package matrix

import (
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/internal/testend"
	"github.com/queuednet/queuednet/internal/testnet"
)

// callRows are about calls of the program: promises 1, 2, 8 and 9.
func callRows() []row {
	return []row{
		{promise: 1, name: "a peer that takes nothing holds up no call", test: stuckPeer},
		{promise: 1, name: "a peer that says nothing holds up nobody", test: silentPeer},
		{promise: 1, name: "a Close that waits holds up no call", needs: []testend.Ability{testend.Adopt}, test: closeThatWaits},
		{promise: 2, name: "a drain ends", test: drainEnds},
		{promise: 8, name: "an idle poll allocates nothing", alone: true, test: idlePoll},
		{promise: 8, name: "idle connections have few goroutines", test: idleGoroutines},
		{promise: 9, name: "Close of the manager is in time", test: closeInTime},
	}
}

// stuckPeer never closes its socket until the end of the test: a call that
// waited for it would never return.
func stuckPeer(c *cell) {
	s := c.serve(&queuednet.Config{WriteTimeout: -1, CloseTimeout: time.Hour, MaxSendQueue: 64 << 20})
	conn, far := s.Connect()
	testend.Shrink(far)
	payload := queuednet.NewDatagram(make([]byte, 60_000))
	testend.Within(c, "calls", func() {
		var datagram queuednet.NetDatagram
		for range 300 {
			if err := s.Writer.Send(payload, conn); err != nil {
				c.Error("Send: ", err)
			}
			if err := s.Writer.Broadcast(payload, slices.Values([]*queuednet.Connection{conn})); err != nil {
				c.Error("Broadcast: ", err)
			}
			s.Writer.Flush()
			if err := conn.Flush(); err != nil {
				c.Error("Flush: ", err)
			}
			conn.Address()
			s.Reader.GetData(&datagram)
			for range s.Reader.Datagrams() {
			}
			s.Manager.ResetConnectionAvailable()
		}
		s.Reader.RemoveConnection(conn)
		s.Manager.CloseConnection(conn)
		s.Manager.CloseConnection(s.Rendezvous)
	})
}

// silentPeer has one that connects and says nothing, so that a TLS handshake or
// a proxy's header is missing, and others beside it.
func silentPeer(c *cell) {
	requireCloseInTime(c, func() *testend.Server { return silentBesideOthers(c) })
}

func silentBesideOthers(c *cell) *testend.Server {
	s := c.serve(&queuednet.Config{CloseTimeout: 100 * time.Millisecond})
	s.Dial()
	if c.kind.Cannot[testend.Adopt] == "" {
		near, _ := s.Kind.Near(c)
		testend.Within(c, "calls", func() {
			conn, err := s.Manager.AdoptConnection(near)
			if err != nil {
				c.Error("AdoptConnection: ", err)
				return
			}
			s.Reader.AddConnection(conn)
			s.Writer.Send(queuednet.NewDatagram([]byte("hello")), conn)
			conn.Address()
			s.Manager.CloseConnection(conn)
		})
	}
	far := s.Greeted()
	go func() {
		if layer, ok := far.(interface{ Handshake() error }); ok {
			layer.Handshake()
		}
		far.Write([]byte(testend.Frames("ping")))
	}()
	ping := ""
	s.Until("ping", func() bool {
		for conn := range s.Listener.NewConnections() {
			s.Add(conn)
		}
		for datagram := range s.Reader.Datagrams() {
			ping = string(datagram.Message())
		}
		return ping != ""
	})
	return s
}

// slowClose is a socket, or a listener, whose Close waits.
type slowClose struct {
	net.Conn
	gate   <-chan struct{}
	closed atomic.Int32
}

func (s *slowClose) Close() error {
	s.closed.Add(1)
	<-s.gate
	return s.Conn.Close()
}

type slowListener struct {
	net.Listener
	gate   <-chan struct{}
	closed atomic.Int32
}

func (s *slowListener) Close() error {
	s.closed.Add(1)
	<-s.gate
	return s.Listener.Close()
}

func closeThatWaits(c *cell) {
	gate := make(chan struct{})
	open := sync.OnceFunc(func() { close(gate) })
	var (
		listener *slowListener
		sockets  []*slowClose
	)
	wrapped := c.kind.Wrapped(func(socket net.Conn) net.Conn {
		slow := &slowClose{Conn: socket, gate: gate}
		sockets = append(sockets, slow) // by the one goroutine that accepts
		return slow
	})
	listen := wrapped.Listen
	wrapped.Listen = func(t testing.TB) (net.Listener, func() net.Conn) {
		l, dial := listen(t)
		listener = &slowListener{Listener: l, gate: gate}
		return listener, dial
	}
	s := testend.Serve(c, wrapped, &queuednet.Config{CloseTimeout: 100 * time.Millisecond})
	c.Cleanup(open) // before the manager's own
	closed, _ := s.Connect()
	s.Connect()
	testend.Within(c, "calls", func() {
		s.Manager.CloseConnection(closed)
		s.Manager.CloseConnection(s.Rendezvous)
	})
	testend.Within(c, "Close of the manager", func() { s.Manager.Close() })
	open()
	testend.Eventually(c, "the end of the methods of the sockets", func() bool { return c.goroutines.OfLibrary() == "" })
	if n := listener.closed.Load(); n != 1 {
		c.Errorf("the listener was closed %d times", n)
	}
	for _, socket := range sockets {
		if n := socket.closed.Load(); n != 1 {
			c.Errorf("a socket was closed %d times", n)
		}
	}
}

// drainEnds has a peer that sends more while a drain runs. All of that is queued
// once Err knows the end behind it.
func drainEnds(c *cell) {
	s := c.serve(nil)
	conn, far := s.Connect()
	first := c.write(far, testend.Frames("a", "b", "c"))
	s.Until("datagram", s.Reader.DataAvailable)
	c.requireWritten(first)
	got := 0
	for range s.Reader.Datagrams() {
		if got++; got == 1 {
			go func() {
				far.Write([]byte(testend.Frames("d", "e", "f", "g")))
				far.Close()
			}()
			testend.Eventually(c, "the end", func() bool { return conn.Err() != nil })
		}
		if got > 3 {
			c.Fatal("the drain takes what was queued after it began")
		}
	}
	for range s.Reader.Datagrams() {
		got++
		break // the next drain goes on
	}
	for range s.Reader.Datagrams() {
		got++
	}
	if got != 7 {
		c.Errorf("%d of 7 datagrams", got)
	}
	c.requireEnd(s, conn, io.EOF, 0)
}

func idlePoll(c *cell) {
	s := c.serve(nil)
	conn, far := s.Connect()
	c.requirePing(s, conn, far)
	for range s.Reader.Datagrams() { // the end of the drain
	}
	allocations := testing.AllocsPerRun(100, func() {
		if s.Reader.DataAvailable() || s.Listener.NewConnectionAvailable() || s.Manager.ResetConnectionAvailable() {
			c.Error("something is queued")
		}
	})
	if allocations != 0 {
		c.Errorf("%v allocations", allocations)
	}
}

func idleGoroutines(c *cell) {
	s := c.serve(nil)
	s.Connect()
	before := c.goroutines.Count()
	const count, others = 20, 4
	for range count {
		s.Connect()
	}
	limit := before + count*c.kind.Goroutines + others
	testend.Eventually(c, "few goroutines", func() bool { return c.goroutines.Count() <= limit })
}

// requireCloseInTime closes a manager with a CloseTimeout of 100 ms, of several that the
// function returns, as a busy machine may stop one for longer. The bound is below the 5
// seconds of crypto/tls. What is in a method of an adopted socket may be left for a while.
func requireCloseInTime(c *cell, serve func() *testend.Server) {
	c.Helper()
	testnet.RequireSoon(c, 3*time.Second, func() time.Duration {
		s := serve()
		start := time.Now()
		testend.Within(c, "Close of the manager", func() { s.Manager.Close() })
		took := time.Since(start)
		if left := c.goroutines.OfLibrary(); left != "" && c.kind.Cannot[testend.Adopt] != "" {
			c.Errorf("left by Close:\n%s", left)
		}
		testend.Eventually(c, "the end of the library's goroutines", func() bool { return c.goroutines.OfLibrary() == "" })
		return took
	})
}

func closeInTime(c *cell) { requireCloseInTime(c, func() *testend.Server { return busyServer(c) }) }

// busyServer has connections in all states.
func busyServer(c *cell) *testend.Server {
	s := c.serve(&queuednet.Config{CloseTimeout: 100 * time.Millisecond, MaxSendQueue: 64 << 20, MaxReceiveQueue: 1000})
	s.Connect() // idle
	removed, _ := s.Connect()
	s.Reader.RemoveConnection(removed)
	_, flood := s.Connect()
	c.write(flood, string(make([]byte, 10<<20)))
	stuck, far := s.Connect()
	testend.Shrink(far)
	for range 200 {
		s.Send(stuck, string(make([]byte, 60_000)))
	}
	closed, _ := s.Connect()
	s.Manager.CloseConnection(closed)
	s.Dial() // accepted and not taken, or never accepted
	s.Until("flood", s.Reader.DataAvailable)
	return s
}
