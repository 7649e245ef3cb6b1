package queuednet

import (
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/queuednet/queuednet/internal/sockopt"
	"github.com/queuednet/queuednet/internal/testnet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A slowConn's Close waits, and so does a slowListener's.
type slowConn struct {
	net.Conn
	slowClose
}

type slowListener struct {
	net.Listener
	slowClose
}

type slowClose struct {
	entered chan struct{} // closed by the first Close: a second one would panic
	leave   chan struct{}
}

func newSlowClose(t *testing.T) slowClose {
	s := slowClose{make(chan struct{}), make(chan struct{})}
	t.Cleanup(func() { close(s.leave) })
	return s
}

func (s slowClose) wait() {
	close(s.entered)
	<-s.leave
}

func (c slowConn) Close() error     { c.Conn.Close(); c.wait(); return nil }
func (l slowListener) Close() error { l.Listener.Close(); l.wait(); return nil }

// Whose Close waits holds up neither the loop nor Close of the manager.
func TestForeignCloseThatWaits(t *testing.T) {
	const limit = 200 * time.Millisecond
	for name, adopt := range map[string]func(e *end, wait slowClose) *Connection{
		"listener": func(e *end, wait slowClose) *Connection {
			rendezvous, _ := e.adoptListener(slowListener{listenRaw(e.t, "tcp4", "127.0.0.1:0"), wait})
			return rendezvous
		},
		"conn": func(e *end, wait slowClose) *Connection {
			near, far := net.Pipe()
			e.t.Cleanup(func() { far.Close() })
			return e.adopt(slowConn{near, wait})
		},
		"TLS over such a conn": func(e *end, wait slowClose) *Connection {
			near, far := net.Pipe()
			e.t.Cleanup(func() { far.Close() })
			return e.adopt(tlsServer(slowConn{near, wait}))
		},
	} {
		for _, closedBefore := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				e := newEnd(t, &Config{CloseTimeout: limit})
				wait := newSlowClose(t)
				conn := adopt(e, wait)
				start := time.Now()
				if closedBefore {
					require.True(t, e.manager.CloseConnection(conn)) // would never return
				}
				require.NoError(t, e.manager.Close())
				assert.Less(t, time.Since(start), limit+closeGrace+patience/4)
				select {
				case <-wait.entered:
				default:
					assert.Fail(t, "not closed")
				}
			})
		}
	}
}

// A goroutine that looks after what was sent does not wait with a Close that waits.
func TestForeignCloseThatWaitsLeavesNoSweep(t *testing.T) {
	if !sockopt.HasAckTimeout {
		t.Skip("nobody looks after what was sent here")
	}
	e := newEnd(t, &Config{CloseTimeout: time.Millisecond, AckTimeout: time.Hour})
	_, address := e.adoptListener(slowAccepts{listenRaw(t, "tcp4", "127.0.0.1:0"), newSlowClose(t)})
	testnet.DialRaw(t, address)
	conn := e.accept()
	for range 20 { // more than the peer's system acknowledges if nobody reads
		require.NoError(t, e.writer.Send(NewDatagram(make([]byte, 60_000)), conn))
	}
	const sweep = "sweepAcks"
	eventually(t, "sweep", func() bool { return testnet.GoroutinesIn(sweep) > 0 })
	_ = e.manager.Close() // perhaps before all was sent
	eventually(t, "end of the sweep", func() bool { return testnet.GoroutinesIn(sweep) == 0 })
}

// slowAccepts accepts sockets whose Close waits, and that show the one of the system below.
type slowAccepts struct {
	net.Listener
	slowClose
}

func (l slowAccepts) Accept() (net.Conn, error) {
	socket, err := l.Listener.Accept()
	return slowLayer{slowConn{socket, l.slowClose}}, err
}

type slowLayer struct{ slowConn }

func (l slowLayer) NetConn() net.Conn { return l.Conn }

func TestForeignCloseThatWaitsOfWhatIsAdoptedInVain(t *testing.T) {
	e := newEnd(t, nil)
	require.NoError(t, e.manager.Close())
	near, far := net.Pipe()
	defer far.Close()
	wait := newSlowClose(t)
	_, err := e.manager.AdoptConnection(slowConn{near, wait})
	require.ErrorIs(t, err, net.ErrClosed)
	<-wait.entered
	wait = newSlowClose(t)
	_, err = e.manager.AdoptRendezvous(slowListener{listenRaw(t, "tcp4", "127.0.0.1:0"), wait})
	require.ErrorIs(t, err, net.ErrClosed)
	<-wait.entered
}

// deafConn does not do what AdoptConnection asks for: nothing ends its Read.
type deafConn struct {
	net.Conn
	leave   chan struct{}
	reading *atomic.Bool
}

func (c deafConn) Read([]byte) (int, error) {
	c.reading.Store(true)
	<-c.leave
	return 0, net.ErrClosed
}

func TestForeignReadThatWaits(t *testing.T) {
	e := newEnd(t, &Config{CloseTimeout: time.Millisecond})
	near, far := net.Pipe()
	defer far.Close()
	socket := deafConn{near, make(chan struct{}), new(atomic.Bool)}
	e.adopt(socket)
	eventually(t, "a read", socket.reading.Load)
	require.NoError(t, e.manager.Close())
	close(socket.leave)
}
