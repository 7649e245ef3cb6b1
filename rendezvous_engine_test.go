package queuednet

import (
	"net"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// takeAccepted takes the connections that have been accepted, and adds them to the reader.
func (e engineEnd) takeAccepted() (conns []*Connection) {
	e.settle()
	for conn := range e.listener.NewConnections() {
		require.NoError(e.end.t, e.reader.AddConnection(conn))
		conns = append(conns, conn)
	}
	return conns
}

func (e engineEnd) waiting(socket *fakeSocket) int {
	e.fakePoller.mu.Lock()
	defer e.fakePoller.mu.Unlock()
	return len(socket.waiting)
}

func (e engineEnd) acceptsOf(socket *fakeSocket) int {
	e.fakePoller.mu.Lock()
	defer e.fakePoller.mu.Unlock()
	return socket.reads
}

func TestEngineAccepts(t *testing.T) {
	onEngine(t, nil, func(t *testing.T, e engineEnd) {
		rendezvous, socket := e.listen(10)
		far := e.dial(socket)
		conns := e.takeAccepted()
		require.Len(t, conns, 1)
		assert.Same(t, rendezvous, conns[0].Rendezvous())
		assert.Equal(t, "192.0.2.1:1", conns[0].Address().String())
		assert.Equal(t, "192.0.2.2:2", conns[0].LocalAddress().String(), "where the client has come to, not 0.0.0.0")
		_, err := far.Write([]byte(framed(2, "hello")))
		require.NoError(t, err)
		e.settle()
		assert.Equal(t, []string{"hello"}, e.messages())
		require.NoError(t, e.writer.Send(NewDatagram([]byte("served")), conns[0]))
		assert.Equal(t, framed(2, "served"), read(t, far, 8))
	})
}

// One sweep accepts some of very many, and the next ones the others: no event tells again.
func TestEngineAcceptsOn(t *testing.T) {
	onEngine(t, nil, func(t *testing.T, e engineEnd) {
		_, socket := e.listen(1000)
		const clients = 3*sweepAccepts + 1
		for range clients {
			e.dial(socket)
		}
		assert.Len(t, e.takeAccepted(), clients)
		assert.Less(t, e.acceptsOf(socket), 2*clients, "it spins")
	})
}

func TestEngineKeepsTheBacklog(t *testing.T) {
	onEngine(t, nil, func(t *testing.T, e engineEnd) {
		_, socket := e.listen(2)
		for range 5 {
			e.dial(socket)
		}
		e.settle()
		assert.Equal(t, 3, e.waiting(socket), "they wait in the system")
		_, ok := e.listener.GetNewConnection()
		require.True(t, ok)
		e.settle()
		assert.Equal(t, 2, e.waiting(socket), "there is room for one")
		assert.Len(t, e.takeAccepted(), 2)
		assert.Len(t, e.takeAccepted(), 2)
		assert.EqualValues(t, 0, e.manager.Stats().Untaken)
	})
}

// What waits while no listener has the rendezvous is accepted as soon as one has it.
func TestEngineAcceptsForAListener(t *testing.T) {
	onEngine(t, nil, func(t *testing.T, e engineEnd) {
		rendezvous, socket := e.listen(10)
		e.dial(socket)
		e.settle()
		require.True(t, e.listener.RemoveConnection(rendezvous))
		require.False(t, e.listener.RemoveConnection(rendezvous))
		e.dial(socket)
		assert.Len(t, e.takeAccepted(), 1, "what is queued stays")
		assert.Equal(t, 1, e.waiting(socket))
		before := e.acceptsOf(socket)
		e.dial(socket)
		e.settle()
		assert.Equal(t, before, e.acceptsOf(socket))
		require.NoError(t, e.listener.AddConnection(rendezvous))
		assert.Len(t, e.takeAccepted(), 2)
	})
}

// The limits hold, and a client that may not come in costs no slot.
func TestEngineAcceptsWithinLimits(t *testing.T) {
	onEngine(t, &Config{MaxConnections: 1}, func(t *testing.T, e engineEnd) {
		_, socket := e.listen(10)
		e.dial(socket)
		conns := e.takeAccepted()
		require.Len(t, conns, 1)
		for range 3 {
			_, err := e.dial(socket).Read(make([]byte, 1))
			assert.Equal(t, errConnectionReset, err)
		}
		assert.Equal(t, Refusals{Connections: 3}, e.manager.Refusals())
		assert.Len(t, e.manager.engine.Load().links, 1)
		conns[0].Abort()
		e.dial(socket)
		assert.Len(t, e.takeAccepted(), 1, "its place is free")
	})
}

// What passes at a socket that a goroutine accepts at passes here.
func TestEngineBacksOff(t *testing.T) {
	for name, reason := range passing {
		t.Run(name, func(t *testing.T) {
			onEngine(t, &Config{CloseTimeout: -1}, func(t *testing.T, e engineEnd) {
				rendezvous, socket := e.listen(10)
				e.fail(socket, reason.Err)
				time.Sleep(10 * time.Second)
				calls := e.acceptsOf(socket)
				assert.Greater(t, calls, 9, "it goes on trying")
				assert.Less(t, calls, 30, "it spins")
				assert.EqualValues(t, calls, e.manager.Refusals().AcceptErrors)
				e.fail(socket, nil)
				e.dial(socket)
				time.Sleep(time.Second)
				assert.Len(t, e.takeAccepted(), 1, "it passes")
				assert.NoError(t, rendezvous.Err())
				assert.False(t, e.manager.ResetConnectionAvailable())

				e.fail(socket, reason.Err)
				time.Sleep(time.Minute)
				start := time.Now()
				require.True(t, e.manager.CloseConnection(rendezvous))
				require.NoError(t, e.manager.Close())
				since(t, start, 0)
			})
		})
	}
}

// When the manager closes just as a client is accepted, the client sees a reset, and its
// place and its slot are given back.
func TestEngineAcceptsWhileTheManagerCloses(t *testing.T) {
	onEngine(t, &Config{MaxConnections: 10, MaxConnectionsPerAddress: 10}, func(t *testing.T, e engineEnd) {
		_, socket := e.listen(10)
		e.settle()
		closed := make(chan error, 1)
		e.fakePoller.mu.Lock()
		e.onAccept = func() {
			go func() { closed <- e.manager.Close() }() // which waits for the gate of the rendezvous
			for !e.manager.isClosed.Load() {
				time.Sleep(time.Millisecond)
			}
		}
		e.fakePoller.mu.Unlock()
		far := e.dial(socket)
		_, err := far.Read(make([]byte, 1))
		assert.Equal(t, errConnectionReset, err)
		require.NoError(t, <-closed)
		requireNoPlaceTaken(t, e.manager)
		engine := e.manager.engine.Load()
		assert.Len(t, engine.free, len(engine.links))
	})
}

// requireNoPlaceTaken checks that nobody counts under the limits on accepting.
func requireNoPlaceTaken(t *testing.T, m *QueuedConnectionManager) {
	t.Helper()
	m.admission.mu.Lock()
	defer m.admission.mu.Unlock()
	assert.Zero(t, m.admission.total)
	assert.Empty(t, m.admission.live)
	assert.Zero(t, m.counts.untaken.Load())
}

// A socket that is not there any more ends the rendezvous, and that is reported.
func TestEngineWithoutTheSocket(t *testing.T) {
	onEngine(t, nil, func(t *testing.T, e engineEnd) {
		rendezvous, socket := e.listen(10)
		e.fail(socket, os.NewSyscallError("accept4", syscall.EINVAL))
		e.settle()
		ended, ok := e.manager.GetResetConnection()
		require.True(t, ok)
		assert.Same(t, rendezvous, ended)
		assert.ErrorIs(t, rendezvous.Err(), syscall.EINVAL)
		assert.ErrorContains(t, rendezvous.Err(), "accept tcp 0.0.0.0:0: accept4: ")
		assert.Empty(t, slices.Collect(e.manager.Connections()))
		assert.ErrorIs(t, e.listener.AddConnection(rendezvous), net.ErrClosed)
	})
}

// When CloseConnection returns the socket is closed, and nothing is accepted.
func TestEngineClosesARendezvous(t *testing.T) {
	onEngine(t, nil, func(t *testing.T, e engineEnd) {
		rendezvous, socket := e.listen(10)
		e.settle()
		e.dial(socket)
		require.True(t, e.manager.CloseConnection(rendezvous))
		e.fakePoller.mu.Lock()
		assert.True(t, socket.closed)
		e.fakePoller.mu.Unlock()
		assert.Empty(t, e.takeAccepted())
		assert.Equal(t, net.ErrClosed, rendezvous.Err())
		assert.Empty(t, e.manager.engine.Load().acceptors)
		assert.Empty(t, slices.Collect(e.manager.Connections()))
		assert.Empty(t, slices.Collect(e.manager.ResetConnections()), "the program knows")
	})
}

// Where the poller has no room for a connection, and the system no copy of its socket for
// a goroutine, it is refused: the program sees no connection that has ended before it is
// there. The rendezvous goes on.
func TestEngineHasNoRoomForWhatItAccepts(t *testing.T) {
	onEngine(t, &Config{MaxConnections: 1}, func(t *testing.T, e engineEnd) {
		_, socket := e.listen(10)
		e.setFull(true)
		far := e.dial(socket)
		assert.Empty(t, e.takeAccepted())
		assert.Empty(t, slices.Collect(e.manager.ResetConnections()))
		_, err := far.Read(make([]byte, 1))
		assert.Equal(t, errConnectionReset, err)
		assert.Equal(t, Refusals{AcceptErrors: 1}, e.manager.Refusals())
		assert.EqualValues(t, 0, e.manager.Stats().Opened)
		e.setFull(false)
		e.dial(socket)
		assert.Len(t, e.takeAccepted(), 1, "it has left its place")
	})
}

// A rendezvous that neither the poller nor a goroutine can have is not opened: the error
// says so, and no end of it is reported.
func TestEngineHasNoRoomForARendezvous(t *testing.T) {
	onEngine(t, nil, func(t *testing.T, e engineEnd) {
		e.setFull(true)
		fd, socket := e.fakePoller.openListening()
		_, err := e.manager.engine.Load().acceptAt(fd, NetAddress{}, 10)
		assert.ErrorIs(t, err, syscall.EBADF, "that of the copy")
		e.settle()
		assert.True(t, socket.closed)
		assert.Empty(t, slices.Collect(e.manager.Connections()))
		assert.Empty(t, slices.Collect(e.manager.ResetConnections()))
	})
}
