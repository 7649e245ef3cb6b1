package queuednet

import (
	"context"
	"net"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queuednet/queuednet/internal/testnet"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) { testnet.Main(m) }

// What these tests share with those outside the package.
const (
	patience = testnet.Patience
	soon     = 30 * time.Second
)

type (
	halfPipe     = testnet.HalfPipe
	tap          = testnet.Tap
	pipeListener = testnet.PipeListener
)

var (
	errConnectionReset   = testnet.ErrConnectionReset
	errConnectionRefused = testnet.ErrConnectionRefused

	framed          = testnet.Framed
	packed          = testnet.Packed
	read            = testnet.Read
	write           = testnet.Write
	dialRaw         = testnet.DialRaw
	rawUDP          = testnet.RawUDP
	closedPort      = testnet.ClosedPort
	hostPort        = testnet.HostPort
	needIPv6        = testnet.NeedIPv6
	eventually      = testnet.Eventually
	requireTimeout  = testnet.RequireTimeout
	heapAllocated   = testnet.HeapAllocated
	newTap          = testnet.NewTap
	newPipeListener = testnet.NewPipeListener
	onlyNames       = testnet.OnlyNames
	serveNames      = testnet.ServeNames
	serveAllNames   = testnet.ServeAllNames
	systemError     = testnet.SystemError
	seed            = testnet.Seed
)

// An end is a manager with what polls it: one end of a wire.
type end struct {
	t        testing.TB
	manager  *QueuedConnectionManager
	listener *QueuedConnectionListener
	reader   *QueuedConnectionReader
	writer   *ConnectionWriter
}

// newEnd returns an end that is closed with the test.
func newEnd(t testing.TB, config *Config) *end {
	manager := NewQueuedConnectionManager(config)
	e := &end{
		t:        t,
		manager:  manager,
		listener: NewQueuedConnectionListener(manager),
		reader:   NewQueuedConnectionReader(manager),
		writer:   NewConnectionWriter(manager),
	}
	t.Cleanup(func() { manager.Close() })
	return e
}

// listen opens a rendezvous on the loopback and returns its address.
func (e *end) listen() (rendezvous *Connection, address string) {
	e.t.Helper()
	var local NetAddress
	require.NoError(e.t, local.SetLocalhost(0))
	rendezvous, err := e.manager.OpenTCPServerRendezvousAt(local, 100)
	require.NoError(e.t, err)
	require.NoError(e.t, e.listener.AddConnection(rendezvous))
	return rendezvous, rendezvous.LocalAddress().String()
}

// accept waits for the next connection and adds it to the reader.
func (e *end) accept() *Connection {
	e.t.Helper()
	conn := e.accepted()
	require.NoError(e.t, e.reader.AddConnection(conn))
	return conn
}

// accepted waits for the next connection.
func (e *end) accepted() *Connection {
	e.t.Helper()
	var conn *Connection
	e.until("a connection", func() (ok bool) {
		conn, ok = e.listener.GetNewConnection()
		return ok
	})
	return conn
}

// raw connects a plain socket to the end and returns both sides.
func (e *end) raw() (*Connection, *net.TCPConn) {
	e.t.Helper()
	_, address := e.listen()
	raw := dialRaw(e.t, address)
	return e.accept(), raw
}

// pipe connects the end to a halfPipe and returns both sides.
func (e *end) pipe() (*Connection, net.Conn) {
	e.t.Helper()
	near, far := net.Pipe()
	e.t.Cleanup(func() { far.Close() })
	conn, err := e.manager.AdoptConnection(halfPipe{Conn: near})
	require.NoError(e.t, err)
	require.NoError(e.t, e.reader.AddConnection(conn))
	return conn, far
}

// until calls done whenever something is queued, until it is true.
func (e *end) until(what string, done func() bool) {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for !done() {
		err := e.manager.WaitForReaders(ctx)
		if err == nil {
			err = ctx.Err() // something else may be queued all the time
		}
		if err != nil {
			require.True(e.t, done(), "no %s: %v", what, err)
			return
		}
		runtime.Gosched()
	}
}

// next waits for the next datagram.
func (e *end) next() *NetDatagram {
	e.t.Helper()
	var datagram NetDatagram
	e.until("datagram", func() bool { return e.reader.GetData(&datagram) })
	return &datagram
}

// messages waits for n datagrams and returns their payloads.
func (e *end) messages(n int) []string {
	e.t.Helper()
	var got []string
	for range n {
		got = append(got, string(e.next().Message()))
	}
	return got
}

// reset waits for the next end of a connection.
func (e *end) reset() *Connection {
	e.t.Helper()
	var conn *Connection
	e.until("reset", func() (ok bool) {
		conn, ok = e.manager.GetResetConnection()
		return ok
	})
	return conn
}

// send sends text, which must succeed.
func (e *end) send(conn *Connection, text string) {
	e.t.Helper()
	require.NoError(e.t, e.writer.Send(NewDatagram([]byte(text)), conn))
}

// queuedBytes returns how many bytes of conn are queued, none of them just about to be.
func queuedBytes(conn *Connection) int64 {
	in := conn.account()
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.charged()
}

// waitsForRoom reports whether the goroutine of conn waits for the loop.
func waitsForRoom(conn *Connection) bool {
	in := conn.account()
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.charged() > 0 && in.awaited.queue != nil
}

// connect opens a connection to another end and adds it to the reader.
func (e *end) connect(address string) *Connection {
	e.t.Helper()
	host, port := hostPort(e.t, address)
	conn, err := e.manager.OpenTCPClientConnection(host, port, patience)
	require.NoError(e.t, err)
	require.NoError(e.t, e.reader.AddConnection(conn))
	return conn
}

// drain returns the payloads that are queued, by one drain, without waiting.
func (e *end) drain() []string {
	var got []string
	for datagram := range e.reader.Datagrams() {
		got = append(got, string(datagram.Message()))
	}
	return got
}

// requireNoReset asserts that no end of a connection is reported, nor will be
// of conns, which must have ended or been closed: it waits until nothing of
// the library is busy with them.
func (e *end) requireNoReset(conns ...*Connection) {
	e.t.Helper()
	for _, conn := range conns {
		eventually(e.t, "end of the connection's goroutine", func() bool {
			e.manager.mu.Lock()
			defer e.manager.mu.Unlock()
			_, busy := e.manager.connections[conn]
			return !busy
		})
	}
	require.Empty(e.t, slices.Collect(e.manager.ResetConnections()))
}

// requireExchange asserts that a datagram arrives each way.
func (e *end) requireExchange(conn *Connection, raw net.Conn) {
	e.t.Helper()
	e.send(conn, "there")
	require.Equal(e.t, framed(2, "there"), read(e.t, raw, 7))
	write(e.t, raw, framed(2, "and back"))
	require.Equal(e.t, "and back", string(e.next().Message()))
}

// everywhere opens a rendezvous on all interfaces and returns its port.
func (e *end) everywhere() (rendezvous *Connection, port int) {
	e.t.Helper()
	rendezvous, err := e.manager.OpenTCPServerRendezvous(0, 100)
	require.NoError(e.t, err)
	require.NoError(e.t, e.listener.AddConnection(rendezvous))
	return rendezvous, rendezvous.LocalAddress().Port()
}

// inBubble runs tests in bubbles of synctest: the time passes only when all
// wait, and exactly.
func inBubble(t *testing.T, tests map[string]func(t *testing.T)) {
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
	}
}

// since asserts how much time has passed.
func since(t *testing.T, start time.Time, want time.Duration, what ...any) {
	t.Helper()
	require.Equal(t, want, time.Since(start), what...)
}
