package queuednet

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/queuednet/queuednet/internal/poller"
	"github.com/queuednet/queuednet/internal/testmode"
)

// A QueuedConnectionManager owns connections and the goroutines that serve them, and
// queues the ends of connections for the program's loop. Its methods may be called from
// any goroutine; the documentation of the few that wait says BLOCKS. A program usually
// has one, and closes it at its end.
//
// It comes from NewQueuedConnectionManager; the zero value behaves like one that is
// closed. It is Panda3D's QueuedConnectionManager.
type QueuedConnectionManager struct {
	config    Config
	configErr error
	resets    connectionQueue
	flusher   *flusher
	log       sendLog
	collected collectedSet

	counts    counts
	admission admission
	refusals  [refusalReasons]refusal
	logs      sync.WaitGroup // goroutines that log refusals and events
	events    eventLog
	acks      ackWatchers
	clocks    clocks

	ready  ready
	notify atomic.Pointer[chan struct{}] // of Notify; nil: it was not called

	goroutines  sync.WaitGroup
	undelivered atomic.Int64    // connections that Close could not deliver everything to
	ctx         context.Context // cancelled by Close, for connection attempts
	cancel      context.CancelFunc
	isClosed    atomic.Bool   // changed with mu held
	closed      chan struct{} // closed by Close

	mu          sync.Mutex
	connections map[*Connection]struct{}
	empty       chan struct{} // closed when connections is empty after Close
	ended       chan struct{} // closed when Close is done
	closeErr    error
	flushing    bool                   // the flushing goroutines have been started
	engine      atomic.Pointer[engine] // changed with mu held
	noEngine    bool                   // there can be none
}

// NewQueuedConnectionManager returns a manager; a nil config stands for the defaults.
// If a setting is impossible, everything that opens or adopts fails with a
// *ConfigError.
func NewQueuedConnectionManager(config *Config) *QueuedConnectionManager {
	m := &QueuedConnectionManager{
		flusher:     newFlusher(),
		ready:       ready{gate: newGate()},
		closed:      make(chan struct{}),
		connections: make(map[*Connection]struct{}),
		empty:       make(chan struct{}),
		ended:       make(chan struct{}),
	}
	m.config, m.configErr = config.withDefaults()
	m.resets.manager = m
	m.log.flusher, m.flusher.log = m.flusher, &m.log
	m.clocks.began = time.Now().Add(-1) // so that no time since then is 0
	m.ctx, m.cancel = context.WithCancel(context.Background())
	return m
}

// CloseConnection closes a connection. What was sent before still arrives: the rest
// happens in the background, within CloseTimeout. The datagrams that were received stay
// readable. The end is reported only with Config.ReportClosed.
//
// It returns false, and does nothing, if the connection is closed already, if its end
// has been taken from the reset queue, and for nil or a connection of another manager.
// A rendezvous is closed at once; the connections that were accepted through it stay.
//
// A peer that goes on sending is not read for long: after 1 MiB, or MaxBytesPerSecond
// if that is less (but at least 64 KiB), it sees a reset, once the last message has
// arrived. A peer that deserves no last message is for Abort:
//
//	if misbehaves(conn) {
//		conn.Abort()
//	} else {
//		manager.CloseConnection(conn)
//	}
//
// Drains still yield the queued datagrams of the connection, also the drain that is
// running. A program that forgets a player when it kicks the player must therefore
// expect datagrams of a connection that it does not know. With Config.ReportClosed it
// forgets the player when the end is reported, which is after all of them. It is
// Panda3D's close_connection.
func (m *QueuedConnectionManager) CloseConnection(conn *Connection) bool {
	return conn != nil && conn.manager == m && conn.closeByProgram()
}

// Connections yields the connections that were open when the loop began and are still
// open when their turn comes, in no order. It yields every kind: rendezvous and UDP
// sockets too, and connections that nobody has taken from a listener yet. The loop may
// close them, and do anything else. It serves displays, and programs that keep no map
// of their own. Each loop copies the list, so do not run one every frame. Panda3D has
// no counterpart.
func (m *QueuedConnectionManager) Connections() iter.Seq[*Connection] {
	return func(yield func(*Connection) bool) {
		if m == nil {
			return
		}
		m.mu.Lock()
		all := slices.Collect(maps.Keys(m.connections))
		m.mu.Unlock()
		for _, conn := range all {
			if conn.Err() == nil && !yield(conn) {
				return
			}
		}
	}
}

// ResetConnectionAvailable reports whether GetResetConnection would find a connection.
// It costs an atomic load or two. Like DataAvailable of a reader it reports false once
// at the end of a drain. It is Panda3D's reset_connection_available.
func (m *QueuedConnectionManager) ResetConnectionAvailable() bool { return m.resets.available() }

// GetResetConnection takes a connection that has ended from the reset queue, after its
// last datagram was taken; Err of the connection says why it ended. A connection that
// the program closed itself is in the queue only with Config.ReportClosed. Each end is
// reported once; 50,000 of those that nobody takes are kept. It is Panda3D's
// get_reset_connection.
func (m *QueuedConnectionManager) GetResetConnection() (*Connection, bool) {
	for {
		conn, ok := m.resets.get()
		if !ok || conn.takeReport() {
			return conn, ok
		}
	}
}

// ResetConnections drains the ends that were queued when the loop began; see
// [QueuedConnectionManager.GetResetConnection]. Panda3D has no counterpart.
func (m *QueuedConnectionManager) ResetConnections() iter.Seq[*Connection] {
	return m.resets.all((*Connection).takeReport)
}

// WaitForReaders BLOCKS until something is queued: a datagram in a reader, a connection
// in a listener, or an end in the reset queue. It returns at once if something is left
// from before. It fails with the error of ctx when ctx is done, with
// [context.DeadlineExceeded] when the deadline of ctx passes, even if ctx is not done
// then, and with net.ErrClosed when the manager is closed. Any number of goroutines may
// wait; each of them is woken.
//
// With plain TCP on Linux the goroutine that waits reads and writes the sockets itself:
// what a loop sends to a few connections between two calls leaves in the second one, or
// after at most 5 milliseconds. Calls whose contexts have the same Done channel allocate
// nothing, whatever their deadlines. So a loop that waits until its next frame can do
// without a new context each time: it passes one with a Deadline method of its own. It
// is Panda3D's wait_for_readers.
func (m *QueuedConnectionManager) WaitForReaders(ctx context.Context) error {
	if m.isZero() {
		return net.ErrClosed
	}
	if e := m.engine.Load(); e != nil {
		return e.waitForReaders(ctx)
	}
	_, err := m.ready.wait(ctx, m.closed, nil)
	return err
}

// Notify returns a channel for a program that waits, in one select, for the library and
// for something else. Each call returns the same channel.
//
//	select {
//	case <-manager.Notify():
//	case line := <-typed:
//		…
//	}
//	// look at all that WaitForReaders would: readers, listeners, the reset queue
//
// The channel holds at most one token. There is a token if something was queued since
// the last one was taken: datagrams in a reader, a connection in a listener, or an end
// in the reset queue; at the first call; and once when the manager closes. A token says
// only that it is worth looking: it stands for any number of things, and they may have
// been taken already. What stays in a queue, because the program left a drain half-way
// or did not look, gets no further token. So after each token look at every queue, and
// take everything.
//
// Whoever waits here is not in WaitForReaders. So the engine, which carries plain TCP
// on Linux, pauses between its sweeps, and the token for a datagram or a connection may
// come up to 2 milliseconds late. A program that does not call Notify pays nothing for
// it. Panda3D has no counterpart.
func (m *QueuedConnectionManager) Notify() <-chan struct{} {
	if c := m.notify.Load(); c != nil {
		return *c
	}
	c := make(chan struct{}, 1)
	if m.notify.CompareAndSwap(nil, &c) {
		m.tellNotify()
	}
	return *m.notify.Load()
}

// announce counts something that was queued, and tells who waits for it.
func (m *QueuedConnectionManager) announce() {
	if m == nil {
		return
	}
	m.ready.add()
	m.tellNotify()
}

// tellNotify puts a token into the channel of Notify, if there is one.
func (m *QueuedConnectionManager) tellNotify() {
	if c := m.notify.Load(); c != nil {
		signal(*c)
	}
}

// signal puts a token into a channel of capacity one, unless one is in it.
func signal(token chan<- struct{}) {
	select {
	case token <- struct{}{}:
	default:
	}
}

// Close BLOCKS until what was sent has been delivered and the peers have closed too:
// for at most CloseTimeout, or longer if SetLinger of a connection allows more. It
// closes all connections like CloseConnection, and returns an error if something could
// not be sent by then.
//
// When it returns no goroutine of the library is left, with four exceptions: a look-up
// of a name that the system does not interrupt, a dial function that ignores its
// context, the handler of a Config.Logger, and a method of an adopted socket or
// listener that has not returned. What is queued stays readable; later calls answer
// net.ErrClosed, or false. A second call waits for the first. Its counterpart in
// Panda3D is the destructor.
func (m *QueuedConnectionManager) Close() error {
	if m.isZero() {
		return nil
	}
	m.mu.Lock()
	if m.isClosed.Swap(true) {
		m.mu.Unlock()
		<-m.ended
		return m.closeErr
	}
	limit := time.Now().Add(m.closeTimeout())
	close(m.closed)
	if e := m.engine.Load(); e != nil {
		e.wake() // a loop that sweeps
	}
	m.tellNotify()
	m.cancel()
	open := make([]*Connection, 0, len(m.connections))
	for conn := range m.connections {
		open = append(open, conn)
	}
	if len(open) == 0 {
		close(m.empty)
	}
	m.mu.Unlock()

	for _, conn := range open {
		conn.closeByProgram()
	}
	done := m.awaitEmpty(limit)
	close(m.flusher.stop)
	m.clocks.close()
	if e := m.engine.Load(); e != nil {
		e.close()
	}
	if done {
		m.goroutines.Wait()
	}
	m.awaitLogs(limit)
	if n := m.undelivered.Load(); n > 0 {
		m.closeErr = fmt.Errorf("queuednet: %d connections closed before all was sent", n)
	}
	close(m.ended)
	return m.closeErr
}

// closeTimeout is how long a connection may take to be closed.
func (m *QueuedConnectionManager) closeTimeout() time.Duration { return max(m.config.CloseTimeout, 0) }

// isZero reports whether m does not come from NewQueuedConnectionManager. Such a
// manager answers like a closed one.
func (m *QueuedConnectionManager) isZero() bool { return m.ended == nil }

// unlessClosed returns m, or nil once it is closed.
func (m *QueuedConnectionManager) unlessClosed() *QueuedConnectionManager {
	if m == nil || m.isZero() || m.isClosed.Load() {
		return nil
	}
	return m
}

func (m *QueuedConnectionManager) initialHeaderSize() int32 {
	if m == nil {
		return 2
	}
	return int32(m.config.TCPHeaderSize)
}

// startedEngine returns the manager's engine, which it makes and starts for the first
// stream or rendezvous, or nil if the system has none, or a test wants goroutines alone.
func (m *QueuedConnectionManager) startedEngine() *engine {
	m.mu.Lock()
	defer m.mu.Unlock()
	if testmode.Goroutines || m.isClosed.Load() || m.noEngine {
		return nil
	}
	if m.engine.Load() == nil {
		p, err := poller.New()
		if m.noEngine = err != nil; err != nil {
			return nil
		}
		m.startEngine(p)
	}
	return m.engine.Load()
}

// register makes conn one of the manager's and starts its goroutine, and the
// flushing ones with the first connection.
func (m *QueuedConnectionManager) register(conn *Connection, run func()) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.isClosed.Load() {
		return net.ErrClosed
	}
	if !m.flushing {
		m.flushing = true
		for range flushers() {
			m.goroutines.Go(m.flusher.run)
		}
	}
	conn.opened = m.elapsed()
	m.connections[conn] = struct{}{}
	m.counts.connections.made(conn)
	m.happened(conn, nil)
	if run != nil {
		m.goroutines.Go(run)
	}
	return nil
}

// forget undoes register.
func (m *QueuedConnectionManager) forget(conn *Connection) {
	m.mu.Lock()
	defer m.mu.Unlock()
	conn.leave()
	delete(m.connections, conn)
	m.counts.connections.gone(conn)
	if len(m.connections) == 0 && m.isClosed.Load() {
		close(m.empty)
	}
}
