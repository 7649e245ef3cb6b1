package queuednet

import (
	"context"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/queuednet/queuednet/internal/testmode"
	"github.com/stretchr/testify/require"
)

// TestMain fails the run if a goroutine of the library is left at its end. With
// QUEUEDNET_CARRIER=goroutine in the environment every stream has a goroutine.
func TestMain(m *testing.M) {
	testmode.Goroutines = os.Getenv("QUEUEDNET_CARRIER") == "goroutine"
	code := m.Run()
	if left := libraryGoroutines(5 * time.Second); code == 0 && left != "" {
		os.Stderr.WriteString("goroutines left:\n" + left)
		code = 1
	}
	os.Exit(code)
}

// libraryGoroutines returns the stacks of the library's goroutines that have
// not ended by themselves within the time.
func libraryGoroutines(wait time.Duration) string {
	for end := time.Now().Add(wait); ; time.Sleep(time.Millisecond) {
		buf := make([]byte, 1<<20)
		buf = buf[:runtime.Stack(buf, true)]
		var left []string
		for _, stack := range strings.Split(string(buf), "\n\n") {
			// The manager starts all of them in one way.
			if strings.Contains(stack, "queuednet.(*") && strings.Contains(stack, "created by sync.(*WaitGroup).Go") {
				left = append(left, stack)
			}
		}
		if len(left) == 0 || time.Now().After(end) {
			return strings.Join(left, "\n\n")
		}
	}
}

// patience bounds every wait of the tests for something that is to happen.
const patience = 20 * time.Second

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

// dialRaw opens a plain socket that is closed with the test.
func dialRaw(t testing.TB, address string) *net.TCPConn {
	t.Helper()
	raw, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { raw.Close() })
	require.NoError(t, raw.SetDeadline(time.Now().Add(patience)))
	return raw.(*net.TCPConn)
}

// halfPipe is a net.Pipe whose sending side can be ended: the peer does not see it.
type halfPipe struct{ net.Conn }

func (halfPipe) CloseWrite() error { return nil }

// pipe connects the end to a halfPipe and returns both sides.
func (e *end) pipe() (*Connection, net.Conn) {
	e.t.Helper()
	near, far := net.Pipe()
	e.t.Cleanup(func() { far.Close() })
	conn, err := e.manager.AdoptConnection(halfPipe{near})
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

// read reads exactly n bytes from a plain socket.
func read(t testing.TB, r io.Reader, n int) string {
	t.Helper()
	b := make([]byte, n)
	_, err := io.ReadFull(r, b)
	require.NoError(t, err)
	return string(b)
}

// write writes to a plain socket.
func write(t testing.TB, w io.Writer, text string) {
	t.Helper()
	_, err := io.WriteString(w, text)
	require.NoError(t, err)
}

// eventually waits for what no queue tells.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(time.Millisecond) {
		require.False(t, time.Now().After(end), "no %s", what)
	}
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
