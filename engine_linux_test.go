package queuednet

import (
	"io"
	"net"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/queuednet/queuednet/internal/poller"
)

// Idle connections, and those whose peers take nothing, cost no goroutine.
func TestEngineHasOneGoroutine(t *testing.T) {
	needEngine(t)
	e := newEnd(t, nil)
	_, address := e.listen()
	var conns []*Connection
	before := runtime.NumGoroutine()
	for range 100 {
		raw := dialRaw(t, address)
		require.NoError(t, raw.SetReadBuffer(4<<10))
		conns = append(conns, e.accept())
	}
	payload := NewDatagram(make([]byte, 60_000))
	for _, conn := range conns[:50] {
		require.NoError(t, conn.SetSendBufferSize(16<<10))
		for range 20 { // more than the system takes, less than MaxSendQueue
			require.NoError(t, e.writer.Send(payload, conn))
		}
	}
	for _, conn := range conns[:50] {
		eventually(t, "a peer that takes nothing", func() bool { return conn.stream.out.isBlocked() })
	}
	eventually(t, "few goroutines", func() bool { return runtime.NumGoroutine()-before <= 8 })
}

// What a peer has not taken at once arrives when it takes it, in order.
func TestEngineGoesOnWithABlockedWrite(t *testing.T) {
	needEngine(t)
	e := newEnd(t, &Config{MaxSendQueue: 64 << 20})
	conn, raw := e.raw()
	const datagrams, size = 300, 50_000
	for i := range datagrams {
		b := make([]byte, size)
		b[0], b[1] = byte(i), byte(i>>8)
		require.NoError(t, e.writer.Send(NewDatagram(b), conn))
	}
	got := make([]byte, 2+size)
	for i := range datagrams {
		_, err := io.ReadFull(raw, got)
		require.NoError(t, err)
		require.Equal(t, []byte{byte(i), byte(i >> 8)}, got[2:4])
	}
}

// crammed returns a connection that more has been sent to than the system takes, how
// many bytes with the headers, and its peer, which has read nothing of it.
func crammed(t *testing.T) (e *end, conn *Connection, raw *net.TCPConn, sent int64) {
	t.Helper()
	e = newEnd(t, &Config{MaxSendQueue: 64 << 20})
	conn, raw = e.raw()
	e.requireExchange(conn, raw)
	const datagrams, size = 300, 50_000
	for range datagrams {
		require.NoError(t, e.writer.Send(NewDatagram(make([]byte, size)), conn))
	}
	return e, conn, raw, datagrams * (size + 2)
}

// NetConn gives the connection to a goroutine, also while a write is blocked, and
// nothing is lost by that.
func TestNetConnMovesTheConnection(t *testing.T) {
	needEngine(t)
	e, conn, raw, sent := crammed(t)
	socket, ok := conn.NetConn().(*net.TCPConn)
	require.True(t, ok)
	assert.Equal(t, raw.LocalAddr().String(), socket.RemoteAddr().String())
	require.NoError(t, socket.SetNoDelay(true))
	assert.Same(t, socket, conn.NetConn())
	eventually(t, "the move", func() bool { return conn.stream.link.carriedBy() != nil })
	require.NoError(t, conn.SetKeepAlive(false))
	n, err := io.CopyN(io.Discard, raw, sent)
	require.NoError(t, err, "after %d bytes", n)
	e.requireExchange(conn, raw)
	require.NoError(t, raw.Close())
	assert.Same(t, conn, e.reset())
	assert.Equal(t, io.EOF, conn.Err())
}

// A write that is under way, or that the system has just refused, when the stream moves
// goes on all the same.
func TestNetConnBetweenAWriteAndItsWait(t *testing.T) {
	needEngine(t)
	e, conn, raw, sent := crammed(t)
	s := conn.stream
	eventually(t, "a peer that takes nothing", s.out.isBlocked)
	_, flush := s.out.unblock()
	require.True(t, flush, "this test is who flushes")
	b, at, _ := s.out.take(s)
	require.NotNil(t, conn.NetConn())
	eventually(t, "the move", func() bool { return s.link.carriedBy() != nil })
	n, err := s.link.write(b.b[at:])
	require.Zero(t, n)
	require.Equal(t, poller.ErrAgain, err)
	s.link.block(b, at)
	_, err = io.CopyN(io.Discard, raw, sent)
	require.NoError(t, err)
	e.requireExchange(conn, raw)
}

// The end of the sending side reaches the peer, also if the stream has moved just then.
func TestNetConnBeforeTheEnd(t *testing.T) {
	needEngine(t)
	e := newEnd(t, nil)
	conn, raw := e.raw()
	e.requireExchange(conn, raw)
	require.NotNil(t, conn.NetConn())
	eventually(t, "the move", func() bool { return conn.stream.link.carriedBy() != nil })
	conn.stream.link.shutWrite()
	_, err := raw.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err)
}

// Where the system refuses a poller, goroutines carry everything.
func TestWithoutAPoller(t *testing.T) {
	e := newEnd(t, nil)
	e.manager.noEngine = true
	conn, raw := e.raw()
	e.requireExchange(conn, raw)
	assert.IsType(t, (*goroutineCarrier)(nil), conn.stream.carrier)
}

// A refusing poller has no room, as when the system's bound on watches is reached.
type refusing struct{ poller.Poller }

func (refusing) Add(int, poller.Key) error { return syscall.ENOSPC }

// A failing poller does not wait any more, as when a program has closed the descriptor
// of the epoll set, which is not its own.
type failing struct {
	poller.Poller
	fails atomic.Bool
}

func (f *failing) Wait(events []poller.Event, timeout time.Duration) (int, error) {
	n, err := 0, error(syscall.EBADF)
	if !f.fails.Load() {
		n, err = f.Poller.Wait(events, timeout)
	}
	if f.fails.Load() {
		return 0, syscall.EBADF
	}
	return n, err
}

func (f *failing) WantWrite(fd int, key poller.Key, want bool) error {
	if f.fails.Load() {
		return syscall.EBADF
	}
	return f.Poller.WantWrite(fd, key, want)
}

func (f *failing) Add(fd int, key poller.Key) error {
	if f.fails.Load() {
		return syscall.EBADF
	}
	return f.Poller.Add(fd, key)
}

// A poller that fails costs nobody a connection: goroutines go on with all of them.
func TestAPollerThatFails(t *testing.T) {
	needEngine(t)
	e := newEnd(t, &Config{MaxSendQueue: 64 << 20})
	p, err := poller.New()
	require.NoError(t, err)
	broken := &failing{Poller: p}
	e.manager.startEngine(broken)
	_, address := e.listen()
	const datagrams, size = 300, 50_000
	var conns []*Connection
	var raws []*net.TCPConn
	for i := range 20 {
		raws = append(raws, dialRaw(t, address))
		conns = append(conns, e.accept())
		e.requireExchange(conns[i], raws[i])
		if i%2 == 0 {
			for range datagrams {
				require.NoError(t, e.writer.Send(NewDatagram(make([]byte, size)), conns[i]))
			}
		}
	}
	broken.fails.Store(true)
	p.Wake()
	for i, conn := range conns {
		if i%2 == 0 {
			n, err := io.CopyN(io.Discard, raws[i], datagrams*(size+2))
			require.NoError(t, err, "after %d bytes", n)
		}
		e.requireExchange(conn, raws[i])
		assert.NotNil(t, conn.stream.link.carriedBy())
	}
	raw := dialRaw(t, address)
	conn := e.accept()
	e.requireExchange(conn, raw)
	assert.IsType(t, (*goroutineCarrier)(nil), conn.stream.carrier)
	for _, raw := range raws {
		require.NoError(t, raw.Close())
		assert.Equal(t, io.EOF, e.reset().Err())
	}
}

// A stream whose closing SetLinger makes wait holds up no other.
func TestEngineLingers(t *testing.T) {
	needEngine(t)
	e := newEnd(t, &Config{MaxSendQueue: 64 << 20})
	slow, slowRaw := e.raw()
	quick, quickRaw := e.raw()
	e.requireExchange(slow, slowRaw)
	e.requireExchange(quick, quickRaw)
	require.NoError(t, slowRaw.SetReadBuffer(4<<10))
	require.NoError(t, slow.SetLinger(true, patience/time.Second*time.Second))
	const size = 60_000
	require.NoError(t, e.writer.Send(NewDatagram(make([]byte, size)), slow))
	for _, conn := range []*Connection{slow, quick} {
		e.manager.CloseConnection(conn)
	}
	for _, raw := range []*net.TCPConn{slowRaw, quickRaw} {
		require.NoError(t, raw.CloseWrite())
	}
	open := func(conn *Connection) bool {
		e.manager.mu.Lock()
		defer e.manager.mu.Unlock()
		_, open := e.manager.connections[conn]
		return open
	}
	eventually(t, "end of the quick one", func() bool { return !open(quick) })
	n, err := io.Copy(io.Discard, slowRaw)
	require.NoError(t, err)
	assert.Equal(t, int64(size+2), n)
	eventually(t, "end of the slow one", func() bool { return !open(slow) })
}

// A poller that takes no more sockets costs nobody a connection: a goroutine
// carries it.
func TestAPollerWithoutRoom(t *testing.T) {
	needEngine(t)
	e := newEnd(t, nil)
	p, err := poller.New()
	require.NoError(t, err)
	e.manager.startEngine(refusing{p})
	conn, raw := e.raw()
	e.requireExchange(conn, raw)
	eventually(t, "the move", func() bool { return conn.stream.link.carriedBy() != nil })
	require.NoError(t, raw.Close())
	assert.Same(t, conn, e.reset())
	assert.Equal(t, io.EOF, conn.Err())
}

// A peer that takes nothing is found out then, and its end is reported after what
// it has sent.
func TestALateWriteFindsOutWhoIsStuck(t *testing.T) {
	needEngine(t)
	e := newEnd(t, &Config{WriteTimeout: time.Hour, MaxSendQueue: 64 << 20})
	conn, far := e.raw()
	write(t, far, "\x01\x00a")
	fill(e, conn)
	eventually(t, "a full socket", func() bool {
		conn.stream.out.mu.Lock()
		defer conn.stream.out.mu.Unlock()
		return conn.stream.out.blocked
	})
	e.manager.config.WriteTimeout = 20 * time.Millisecond
	require.NoError(t, flushLate(e, conn.stream))
	assert.Equal(t, []string{"a"}, e.messages(1))
	require.Same(t, conn, e.reset())
	assert.Equal(t, ErrWriteTimeout, conn.Err())
	requireBrokenOff(t, far)
}

// An option is set on the socket that a connection has, also if it has moved since
// the socket was asked for.
func TestOptionsReachAStreamThatMoves(t *testing.T) {
	e := newEnd(t, nil)
	conn, _ := e.raw()
	l, ok := conn.stream.carrier.(*link)
	if !ok {
		t.Skip("no engine")
	}
	before := l.system().(linkSocket)
	require.NotNil(t, conn.NetConn())
	eventually(t, "move", func() bool { return l.carriedBy() != nil })
	called := false
	require.NoError(t, before.Control(func(uintptr) { called = true }))
	assert.True(t, called)
	require.NoError(t, before.socket.with(func(tcp tcpOptions) error { return tcp.SetNoDelay(false) }))
}
