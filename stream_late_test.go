package queuednet

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// flushLate keeps the flushing goroutines away from a stream whose system takes
// nothing, as a machine without time for them does, until WriteTimeout is long
// over, and flushes then. It returns what the stream had ended by before.
func flushLate(e *end, s *stream) (before error) {
	s.out.mu.Lock()
	s.out.busy, s.out.blocked = true, false
	s.out.mu.Unlock()
	s.blocks()
	defer s.carrier.flush()
	eventually(e.t, "WriteTimeout", func() bool {
		s.out.mu.Lock()
		defer s.out.mu.Unlock()
		return s.out.stage == writeStuck
	})
	return s.Err()
}

// lateKinds are the sockets whose writes wait for nothing but their peer.
var lateKinds = map[string]func(e *end) (*Connection, net.Conn){
	"TCP":         socketKinds["TCP"],
	"adopted TCP": socketKinds["adopted TCP"],
}

// Nobody ends because the library itself did not come to write within
// WriteTimeout: a peer that takes what is written is not late.
func TestALateWriteEndsNobody(t *testing.T) {
	for name, open := range lateKinds {
		t.Run(name, func(t *testing.T) {
			e := newEnd(t, &Config{WriteTimeout: 20 * time.Millisecond})
			conn, far := open(e)
			conn.stream.out.mu.Lock()
			conn.stream.out.busy = true
			conn.stream.out.mu.Unlock()
			e.send(conn, "late")
			require.NoError(t, flushLate(e, conn.stream))
			assert.Equal(t, framed(2, "late"), read(t, far, 6))
			e.send(conn, "in time")
			assert.Equal(t, framed(2, "in time"), read(t, far, 9))
			assert.NoError(t, conn.Err())
		})
	}
}

// heldKinds are sockets that the library writes by their methods, which may wait.
var heldKinds = map[string]func(e *end) (*Connection, net.Conn){
	"a wrapper": func(e *end) (*Connection, net.Conn) { return e.pipe() },
	"TLS": func(e *end) (*Connection, net.Conn) {
		near, far := net.Pipe()
		e.t.Cleanup(func() { far.Close() })
		conn, client := e.adopt(tlsServer(near)), tlsClient(far)
		require.NoError(e.t, client.Handshake())
		return conn, client
	},
}

// A process that was held up while a write waited ends nobody: the peer was held up too,
// or could not be heard, and has some time from then on.
func TestAHeldUpWriteEndsNobody(t *testing.T) {
	const timeout = 7 * time.Second
	for name, open := range heldKinds {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEnd(t, &Config{WriteTimeout: timeout})
				conn, far := open(e)
				for _, text := range []string{"first", "again"} {
					e.send(conn, text)
					holdUp(e.manager, timeout*3/2)
					time.Sleep(lookAgain - time.Nanosecond)
					synctest.Wait()
					require.NoError(t, conn.Err())
					assert.Equal(t, framed(2, text), read(t, far, 7))
				}
				e.send(conn, "nobody takes it")
				holdUp(e.manager, timeout*3/2)
				start := time.Now()
				assert.Same(t, conn, e.reset())
				since(t, start, lookAgain+lookTime)
				assert.ErrorIs(t, conn.Err(), ErrWriteTimeout)
			})
		})
	}
}

// slowStart is a socket whose first write comes to the system only when start is closed,
// as that of a process that is held up just before.
type slowStart struct {
	net.Conn
	start chan struct{}
}

func (s *slowStart) Write(b []byte) (int, error) {
	<-s.start
	return s.Conn.Write(b)
}

// The first write of a foreign socket may come only after WriteTimeout, if the process
// was held up: then it has some time from then on.
func TestAWriteThatBeginsLateEndsNobody(t *testing.T) {
	const timeout = 7 * time.Second
	synctest.Test(t, func(t *testing.T) {
		e := newEnd(t, &Config{WriteTimeout: timeout})
		near, far := net.Pipe()
		defer far.Close()
		socket := &slowStart{near, make(chan struct{})}
		conn := e.adopt(socket)
		out := newTap(far)
		e.send(conn, "late")
		holdUp(e.manager, timeout*3/2)
		time.Sleep(lookAgain - time.Nanosecond)
		close(socket.start)
		assert.Equal(t, []string{framed(2, "late")}, out.Got())
		time.Sleep(2 * timeout)
		synctest.Wait()
		assert.NoError(t, conn.Err())
	})
}

// What nobody came to write before CloseTimeout has passed is tried once.
func TestTheLastMessageIsTriedAfterCloseTimeout(t *testing.T) {
	const timeout = 3 * time.Second
	for name, open := range heldKinds {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEnd(t, &Config{CloseTimeout: timeout})
				conn, far := open(e)
				conn.stream.out.mu.Lock()
				conn.stream.out.busy = true // nobody comes to write
				conn.stream.out.mu.Unlock()
				e.send(conn, "last")
				require.True(t, e.manager.CloseConnection(conn))
				time.Sleep(timeout + stubborn/2)
				conn.stream.carrier.flush()
				assert.Equal(t, framed(2, "last"), read(t, far, 6))
			})
		})
	}
}
