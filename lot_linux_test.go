package queuednet

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newIdleEnd returns an end whose connections are set aside so soon.
func newIdleEnd(t testing.TB, after time.Duration, config *Config) *end {
	e := newEnd(t, config)
	e.manager.lot.after = after
	return e
}

// isAside reports whether conn has no goroutine.
func isAside(conn *Connection) bool {
	conn.in.mu.Lock()
	defer conn.in.mu.Unlock()
	return conn.in.aside
}

func awaitAside(t testing.TB, conn *Connection) {
	t.Helper()
	eventually(t, "setting aside", func() bool { return isAside(conn) })
}

// awaitForgotten waits until all connections are done.
func (e *end) awaitForgotten() {
	e.t.Helper()
	eventually(e.t, "end", func() bool {
		e.manager.mu.Lock()
		defer e.manager.mu.Unlock()
		return len(e.manager.connections) == 1 // the rendezvous
	})
}

// inLot returns how many connections the lot of the end knows.
func (e *end) inLot() int {
	e.manager.lot.mu.Lock()
	defer e.manager.lot.mu.Unlock()
	return len(e.manager.lot.conns)
}

// What may happen to a connection that is set aside, before it has ever said
// anything and after it has.
func TestSetAside(t *testing.T) {
	events := map[string]func(t *testing.T, e *end, conn *Connection, raw *net.TCPConn){
		"data": func(t *testing.T, e *end, conn *Connection, raw *net.TCPConn) {
			for _, text := range []string{"a", "b"} {
				write(t, raw, "\x01\x00"+text)
				assert.Equal(t, []string{text}, e.messages(1))
				awaitAside(t, conn)
			}
		},
		"sending": func(t *testing.T, e *end, conn *Connection, raw *net.TCPConn) {
			e.send(conn, "out")
			assert.Equal(t, "\x03\x00out", read(t, raw, 5))
			assert.True(t, isAside(conn))
		},
		"half a datagram": func(t *testing.T, e *end, conn *Connection, raw *net.TCPConn) {
			write(t, raw, "\x02\x00a")
			eventually(t, "waking", func() bool { return conn.LastReceived().After(conn.manager.began) && !isAside(conn) })
			awaitAside(t, conn)
			write(t, raw, "b")
			assert.Equal(t, []string{"ab"}, e.messages(1))
		},
		"FIN": func(t *testing.T, e *end, conn *Connection, raw *net.TCPConn) {
			require.NoError(t, raw.CloseWrite())
			assert.Same(t, conn, e.reset())
			assert.Equal(t, io.EOF, conn.Err())
		},
		"data and FIN": func(t *testing.T, e *end, conn *Connection, raw *net.TCPConn) {
			write(t, raw, "\x01\x00a")
			require.NoError(t, raw.Close())
			assert.Equal(t, []string{"a"}, e.messages(1))
			assert.Same(t, conn, e.reset())
			assert.Equal(t, io.EOF, conn.Err())
		},
		"RST": func(t *testing.T, e *end, conn *Connection, raw *net.TCPConn) {
			require.NoError(t, raw.SetLinger(0))
			require.NoError(t, raw.Close())
			assert.Same(t, conn, e.reset())
			assert.ErrorIs(t, conn.Err(), syscall.ECONNRESET)
		},
		"closing": func(t *testing.T, e *end, conn *Connection, raw *net.TCPConn) {
			e.send(conn, "last")
			assert.True(t, e.manager.CloseConnection(conn))
			assert.Equal(t, "\x04\x00last", read(t, raw, 6))
			_, err := raw.Read(make([]byte, 1))
			assert.Equal(t, io.EOF, err)
			e.awaitForgotten() // though its peer does not close
		},
		"failing": func(t *testing.T, e *end, conn *Connection, raw *net.TCPConn) {
			for e.writer.Send(NewDatagram(make([]byte, 60_000)), conn) == nil {
			}
			assert.Same(t, conn, e.reset())
			assert.ErrorIs(t, conn.Err(), ErrSendQueueFull)
		},
		"another reader": func(t *testing.T, e *end, conn *Connection, raw *net.TCPConn) {
			require.True(t, e.reader.RemoveConnection(conn))
			write(t, raw, "\x01\x00a")
			eventually(t, "waking", func() bool { return !isAside(conn) })
			e.reader = NewQueuedConnectionReader(e.manager)
			require.NoError(t, e.reader.AddConnection(conn))
			assert.Equal(t, []string{"a"}, e.messages(1))
			awaitAside(t, conn)
			write(t, raw, "\x01\x00b")
			assert.Equal(t, []string{"b"}, e.messages(1))
		},
		"the program's own closing": func(t *testing.T, e *end, conn *Connection, _ *net.TCPConn) {
			socket := conn.NetConn()
			assert.False(t, isAside(conn))
			require.NoError(t, socket.Close())
			assert.Same(t, conn, e.reset())
			assert.ErrorIs(t, conn.Err(), net.ErrClosed)
		},
	}
	for name, event := range events {
		for _, fresh := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, fresh %t", name, fresh), func(t *testing.T) {
				e := newIdleEnd(t, 20*time.Millisecond, &Config{MaxSendQueue: 1 << 20, CloseTimeout: 200 * time.Millisecond})
				conn, raw := e.raw()
				if !fresh {
					write(t, raw, "\x01\x00x")
					e.messages(1)
				}
				awaitAside(t, conn)
				event(t, e, conn, raw)
				raw.Close()
				e.manager.CloseConnection(conn)
				e.awaitForgotten()
				assert.Zero(t, e.inLot())
			})
		}
	}
}

// What never is set aside.
func TestStays(t *testing.T) {
	for name, test := range map[string]struct {
		config Config
		open   func(e *end) *Connection
	}{
		"a limit in time": {Config{IdleTimeout: time.Hour}, func(e *end) *Connection {
			conn, _ := e.raw()
			return conn
		}},
		"adopted": {Config{}, func(e *end) *Connection {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(e.t, err)
			e.t.Cleanup(func() { listener.Close() })
			conn, err := e.manager.AdoptConnection(dialRaw(e.t, listener.Addr().String()))
			require.NoError(e.t, err)
			require.NoError(e.t, e.reader.AddConnection(conn))
			return conn
		}},
		"NetConn": {Config{}, func(e *end) *Connection {
			conn, _ := e.raw()
			conn.NetConn()
			return conn
		}},
	} {
		t.Run(name, func(t *testing.T) {
			e := newIdleEnd(t, time.Millisecond, &test.config)
			assert.False(t, test.open(e).setAside())
		})
	}
}

// Whose descriptor has become another connection's leaves that one in the lot.
func TestLotOfAReusedDescriptor(t *testing.T) {
	e := newIdleEnd(t, time.Millisecond, nil)
	conn, raw := e.raw()
	awaitAside(t, conn)
	e.manager.lot.remove(new(Connection), conn.in.spot-1)
	assert.Equal(t, 1, e.inLot())
	write(t, raw, "\x01\x00a")
	assert.Equal(t, []string{"a"}, e.messages(1))
}

// Where the system does not tell of events any more, connections have goroutines.
func TestLotWithoutEvents(t *testing.T) {
	e := newIdleEnd(t, time.Millisecond, nil)
	conn, raw := e.raw()
	awaitAside(t, conn)
	require.NoError(t, e.manager.lot.epoll.Close())
	eventually(t, "waking", func() bool { return !isAside(conn) })
	e.manager.lot.mu.Lock()
	assert.True(t, e.manager.lot.broken)
	e.manager.lot.mu.Unlock()
	for _, text := range []string{"a", "b"} {
		write(t, raw, "\x01\x00"+text)
		assert.Equal(t, []string{text}, e.messages(1))
	}
	assert.False(t, conn.setAside())
}

// A connection with traffic keeps its goroutine.
func TestTrafficIsNotSetAside(t *testing.T) {
	e := newIdleEnd(t, 300*time.Millisecond, nil)
	conn, raw := e.raw()
	for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		write(t, raw, "\x01\x00x")
		e.messages(1)
		require.False(t, isAside(conn))
	}
	awaitAside(t, conn)
}

// Whether it comes just before, while or after a connection is set aside,
// nothing is lost. Many connections end meanwhile, so that descriptors are used
// again.
func TestNothingIsLostAroundSettingAside(t *testing.T) {
	const conns, rounds = 8, 500
	e := newIdleEnd(t, 50*time.Microsecond, nil)
	_, address := e.listen()
	var peers sync.WaitGroup
	for range conns {
		peers.Go(func() {
			for round := 0; round < rounds; {
				raw, err := net.Dial("tcp", address)
				if !assert.NoError(t, err) {
					return
				}
				raw.SetDeadline(time.Now().Add(patience))
				for range 1 + rand.IntN(50) {
					time.Sleep(time.Duration(rand.IntN(200)) * time.Microsecond)
					_, err := raw.Write([]byte("\x01\x00x"))
					echo := make([]byte, 3)
					if err == nil {
						_, err = io.ReadFull(raw, echo)
					}
					if !assert.NoError(t, err, "round %d", round) || !assert.Equal(t, "\x01\x00x", string(echo)) {
						return
					}
					round++
				}
				if rand.IntN(2) == 0 {
					raw.(*net.TCPConn).SetLinger(0)
				}
				raw.Close()
			}
		})
	}
	done := make(chan struct{})
	go func() { peers.Wait(); close(done) }()
	open, accepted := 0, 0
	finished := func() bool {
		select {
		case <-done:
			return open == 0
		default:
			return false
		}
	}
	eventually(t, "end of all", func() bool {
		for conn := range e.listener.NewConnections() {
			require.NoError(t, e.reader.AddConnection(conn))
			open++
			accepted++
		}
		for datagram := range e.reader.Datagrams() {
			assert.NoError(t, e.writer.Send(&datagram.Datagram, datagram.Connection()))
		}
		for range e.manager.ResetConnections() {
			open--
		}
		return finished()
	})
	assert.Greater(t, accepted, conns)
	eventually(t, "an empty lot", func() bool { return e.inLot() == 0 })
}

// A closing manager waits for connections that are set aside as for others, and
// leaves nothing of the lot.
func TestManagerClosesWhatIsAside(t *testing.T) {
	before := descriptors(t)
	e := newIdleEnd(t, time.Millisecond, nil)
	_, address := e.listen()
	var conns []*Connection
	var raws []*net.TCPConn
	for range 100 {
		raws = append(raws, dialRaw(t, address))
		conns = append(conns, e.accept())
	}
	for _, conn := range conns {
		awaitAside(t, conn)
		e.send(conn, "last")
	}
	assert.Less(t, goroutinesIn("(*Connection).run"), 5)
	for _, raw := range raws {
		go func() {
			io.Copy(io.Discard, raw)
			raw.Close()
		}()
	}
	require.NoError(t, e.manager.Close())
	assert.Zero(t, e.inLot())
	eventually(t, "no descriptor", func() bool { return descriptors(t) <= before })
}

// What comes at the moment of a close, or of a failure, does not start a second
// goroutine, and an old deadline does not end the connection early: the peer,
// which takes its time, sees a clean end.
func TestClosingAroundSettingAside(t *testing.T) {
	e := newIdleEnd(t, 300*time.Microsecond, nil)
	_, address := e.listen()
	for i := range 300 {
		raw := dialRaw(t, address)
		conn := e.accept()
		write(t, raw, "\x01\x00x")
		e.messages(1)
		time.Sleep(time.Duration(rand.IntN(600)) * time.Microsecond)
		e.send(conn, "last")
		require.True(t, e.manager.CloseConnection(conn))
		time.Sleep(time.Duration(rand.IntN(600)) * time.Microsecond)
		write(t, raw, "\x01\x00y")
		require.Equal(t, "\x04\x00last", read(t, raw, 6), "round %d", i)
		_, err := raw.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err, "round %d", i)
		write(t, raw, "\x01\x00z") // still taken
		raw.Close()
	}
	require.NoError(t, e.manager.Close())
}

func TestWithoutEpollConnectionsStay(t *testing.T) {
	e := newIdleEnd(t, time.Millisecond, nil)
	e.manager.lot.broken = true
	conn, raw := e.raw()
	for range 3 {
		write(t, raw, "\x01\x00x")
		assert.Equal(t, []string{"x"}, e.messages(1))
		assert.False(t, conn.setAside())
	}
	raw.Close()
	assert.Same(t, conn, e.reset())
}

// descriptors returns how many this process has open.
func descriptors(t testing.TB) int {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(open)
}
