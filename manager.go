package queuednet

import (
	"context"
	"fmt"
	"iter"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A QueuedConnectionManager owns connections and the goroutines that serve
// them, and queues the ends of connections for the program's loop. Its methods
// may be called from any goroutine; the few that wait say BLOCKS. A program has
// one, as a rule, and closes it at its end.
//
// It comes from NewQueuedConnectionManager; the zero value is as one that is closed.
// It is Panda3D's QueuedConnectionManager.
type QueuedConnectionManager struct {
	config    Config
	configErr error
	began     time.Time
	resets    connectionQueue
	flusher   *flusher
	collected collectedSet

	admission admission
	refusals  [refusalReasons]refusal
	logs      sync.WaitGroup // goroutines that log refusals
	acks      ackWatchers
	lot       lot

	available atomic.Int64  // batches and connections in all queues
	waiters   atomic.Int32  // calls of WaitForReaders
	ready     chan struct{} // wakes one of them

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
	flushing    bool // the flushing goroutines have been started
}

// NewQueuedConnectionManager returns a manager; nil stands for the defaults. An
// impossible setting is the *ConfigError of everything that opens or adopts.
func NewQueuedConnectionManager(config *Config) *QueuedConnectionManager {
	m := &QueuedConnectionManager{
		began:       time.Now(),
		flusher:     newFlusher(),
		ready:       make(chan struct{}, 1),
		closed:      make(chan struct{}),
		connections: make(map[*Connection]struct{}),
		empty:       make(chan struct{}),
		ended:       make(chan struct{}),
	}
	m.config, m.configErr = config.withDefaults()
	m.resets.manager = m
	m.lot.after = idleAfter
	m.ctx, m.cancel = context.WithCancel(context.Background())
	return m
}

// OpenTCPServerRendezvous listens on a port of all interfaces, on IPv6 and IPv4
// where the system has both; port 0 is the system's choice, which LocalAddress
// of the rendezvous tells. At most backlog connections are accepted and not yet
// taken from the listener, and as many may wait in the system; 0 stands for
// 1,000. It does not accept before a listener has it. It fails with the
// system's error, such as EADDRINUSE, and for a port or backlog that is none; where
// OpenTCPClientConnection does, with errors.ErrUnsupported. It is Panda3D's
// open_TCP_server_rendezvous.
func (m *QueuedConnectionManager) OpenTCPServerRendezvous(port, backlog int) (*Connection, error) {
	var address NetAddress
	if err := address.SetPort(port); err != nil {
		return nil, err
	}
	network := "tcp"
	if m.config.IPv4Only {
		network = "tcp4"
	}
	return m.listen(network, fmt.Sprintf(":%d", port), backlog)
}

// OpenTCPServerRendezvousAt listens on exactly this address; 0.0.0.0 is all
// interfaces with IPv4 only, and [::] all of them with both versions of IP, where
// the system lets one socket have both. With IPv4Only an IPv6 address is a *net.AddrError.
// The rest is as with OpenTCPServerRendezvous.
func (m *QueuedConnectionManager) OpenTCPServerRendezvousAt(address NetAddress, backlog int) (*Connection, error) {
	network, err := m.config.networkOf("tcp", address)
	if err != nil {
		return nil, err
	}
	return m.listen(network, address.String(), backlog)
}

func (m *QueuedConnectionManager) listen(network, address string, backlog int) (*Connection, error) {
	if err := m.mayOpenSocket(); err != nil {
		return nil, err
	}
	if backlog < 0 || !fitsSystem(backlog) {
		return nil, fmt.Errorf("queuednet: backlog cannot be %d", backlog)
	}
	listener, err := m.config.listenConfig().Listen(m.ctx, network, address)
	if err != nil {
		return nil, err
	}
	if backlog == 0 {
		backlog = defaultBacklog
	}
	setBacklog(listener, backlog)
	return m.adoptRendezvous(listener, backlog)
}

// AdoptRendezvous makes a rendezvous of a listener that the program has opened,
// such as one of crypto/tls, or of net.FileListener, with which a process takes
// over a socket from systemd or from its predecessor (see ListenerFile). It owns
// the listener from then on, closed if this fails. Its backlog is 1,000, and a
// deadline of it is cleared.
//
// RemoteAddr and LocalAddr of what it accepts may wait for the peer, as with the
// PROXY protocol: such a socket reaches the listener when it has answered, and
// holds up no other one. It counts in the backlog meanwhile. One that has not
// answered after FirstDatagramTimeout, 10 seconds without that, is closed with
// a reset and counts in the AcceptErrors of Refusals. Limits by address hold for
// what RemoteAddr returned. Deadlines that the listener has left on a socket are
// cleared.
//
// An error of Accept passes, and counts in AcceptErrors: it tries again after a
// pause of 5 milliseconds, which grows up to a second. The rendezvous ends, and
// its end is reported, with net.ErrClosed, with an error of the system that says
// that there is no listening socket, and with an error that is neither the
// system's nor calls itself temporary and that comes in the same words 10 times in
// a row, which takes 2 seconds: so other libraries tell that they are closed.
// Panda3D has no counterpart.
func (m *QueuedConnectionManager) AdoptRendezvous(listener net.Listener) (*Connection, error) {
	if listener == nil {
		return nil, ErrWrongKind
	}
	if err := m.mayOpen(); err != nil {
		release(listener, func() { listener.Close() })
		return nil, err
	}
	if waker, ok := listener.(waker); ok {
		_ = waker.SetDeadline(time.Time{}) // one that the program has left
	}
	return m.adoptRendezvous(listener, defaultBacklog)
}

// AdoptConnection makes a Connection of a stream that the program has opened,
// such as one of crypto/tls or net.Pipe, and owns it from then on, closed if
// this fails. Its deadlines must work, and Close must end a Read that waits;
// deadlines that the program has set are cleared.
//
// Address and LocalAddress are those that the socket reports. One of package net,
// crypto/tls, simulate or record is asked at once. Any other may wait for its peer, as with the
// PROXY protocol, and is asked in the background: until it has answered both are
// zero, also those of its datagrams. Options of the socket (SetNoDelay …) reach
// through wrappers that have a method NetConn or Raw that returns what they wrap,
// several layers deep.
//
// Its end depends on what the socket can do:
//
//   - CloseWrite() error tells the peer that nothing more comes, when all is
//     written; the peer may go on sending until it closes too. It is looked for
//     on the socket and then below it, as long as that can be reached: a layer
//     that shows what it wraps and has no CloseWrite must hold nothing back. Without
//     any, or if it fails, the socket is closed as soon as all is written and
//     what has just arrived has been read; what the peer still sends may then
//     make its system drop the last message.
//   - When bytes whose Send returned nil are given up, the peer sees a reset: by
//     SetLinger(int) error of the socket, or of the lowest one that can be reached,
//     as *net.TCPConn has it. TLS is not ended by its own message then.
//     A socket without, such as net.Pipe, a Unix socket, or a wrapper that does
//     not show what it wraps, cannot tell: its peer sees what Close makes.
//   - CloseWithReason(reason error) error is called instead of Close, if there
//     is one, and tells the peer itself. The reason is net.ErrClosed if the
//     program closed the connection, ErrManagerClosed (which is one too) if it
//     closed the manager, io.EOF or io.ErrUnexpectedEOF if the peer had closed,
//     and else what Err says, such as a *DatagramTooLongError or a limit's
//     error. It is also an ErrGivenUp where bytes are given up.
//
// A socket that does not carry any bytes, but datagrams behind a header of one size,
// has a method TCPHeaderSize() int that returns it. A reader or a writer with another
// size, or in raw mode, answers ErrHeaderSize; if a reader is changed later, that
// ends the connection. 0 is any bytes.
//
// Close or CloseWithReason is called at most once, never on the program's loop, and may
// wait; Close of the manager does not wait for it beyond CloseTimeout. Panda3D
// has no counterpart.
func (m *QueuedConnectionManager) AdoptConnection(socket net.Conn) (*Connection, error) {
	if socket == nil {
		return nil, ErrWrongKind
	}
	if err := m.mayOpen(); err != nil {
		release(socket, func() { closeAtOnce(socket, err, false) })
		return nil, err
	}
	return m.adopt(socket)
}

// adopt makes a connection of a socket whose peer may not have told yet where it
// is: then a goroutine, which lives until the socket answers, or is closed, asks.
func (m *QueuedConnectionManager) adopt(socket net.Conn) (*Connection, error) {
	_ = socket.SetDeadline(time.Time{}) // one that the program has left
	var ends endpoints
	known := answersAtOnce(socket)
	if known {
		ends = endpointsOf(socket)
	}
	conn, err := m.newStream(socket, ends, nil, true)
	if err != nil {
		release(socket, func() { closeAtOnce(socket, err, false) })
		return nil, err
	}
	if !known {
		go func() {
			ends := endpointsOf(socket)
			conn.late.Store(&ends)
		}()
	}
	return conn, nil
}

// CloseConnection closes a connection. What was sent before still arrives: the
// rest happens in the background, within CloseTimeout. What it has received
// stays readable, and its end is not reported. It is false, and does nothing,
// where the connection is closed already, or its end has been taken from the
// reset queue, and for nil or a connection of another manager. A rendezvous
// is closed at once; connections accepted through it stay. A peer that goes on
// sending is not read for long: after 1 MiB, or MaxBytesPerSecond if that is
// less (but at least 64 KiB), it sees a reset once the last message has arrived. One
// that deserves no last message is for Abort:
//
//	if misbehaves(conn) {
//		conn.Abort()
//	} else {
//		manager.CloseConnection(conn)
//	}
//
// Datagrams of it that are queued still come out of drains, also of the one that
// is running: a program must expect them of a connection that it has forgotten.
// It is Panda3D's close_connection.
func (m *QueuedConnectionManager) CloseConnection(conn *Connection) bool {
	return conn != nil && conn.manager == m && conn.closeByProgram()
}

// ResetConnectionAvailable reports whether GetResetConnection would find one.
// It costs an atomic load or two. Like DataAvailable of a reader it reports
// false once at the end of a drain. It is Panda3D's reset_connection_available.
func (m *QueuedConnectionManager) ResetConnectionAvailable() bool { return m.resets.available() }

// GetResetConnection takes a connection that has ended: not by the program, and
// after its last datagram has been taken. Err of the connection says why. Each
// end is reported once; of those that nobody takes 50,000 are kept. It is
// Panda3D's get_reset_connection.
func (m *QueuedConnectionManager) GetResetConnection() (*Connection, bool) {
	for {
		conn, ok := m.resets.get()
		if !ok || conn.takeReport() {
			return conn, ok
		}
	}
}

// ResetConnections drains the ends that were queued when the loop began; see
// GetResetConnection. Panda3D has no counterpart.
func (m *QueuedConnectionManager) ResetConnections() iter.Seq[*Connection] {
	return m.resets.all((*Connection).takeReport)
}

// WaitForReaders BLOCKS until something is queued: a datagram in a reader, a
// connection in a listener, or an end in the reset queue, which may also be
// left from before. It fails when ctx is done, and with net.ErrClosed when the
// manager is closed. It is Panda3D's wait_for_readers.
func (m *QueuedConnectionManager) WaitForReaders(ctx context.Context) error {
	if m.isZero() {
		return net.ErrClosed
	}
	m.waiters.Add(1)
	defer m.waiters.Add(-1)
	for {
		if m.available.Load() > 0 {
			m.wake() // another call may wait for the same
			return nil
		}
		select {
		case <-m.ready:
		case <-ctx.Done():
			return ctx.Err()
		case <-m.closed:
			return net.ErrClosed
		}
	}
}

// queued counts something that was queued.
func (m *QueuedConnectionManager) queued() {
	if m == nil {
		return
	}
	m.available.Add(1)
	if m.waiters.Load() > 0 {
		m.wake()
	}
}

// taken counts what was taken from a queue.
func (m *QueuedConnectionManager) taken(n int) { m.available.Add(int64(-n)) }

func (m *QueuedConnectionManager) wake() {
	select {
	case m.ready <- struct{}{}:
	default:
	}
}

// Close closes all connections as CloseConnection does and BLOCKS until what
// was sent has been delivered and the peers have closed too, at most
// CloseTimeout, and as long as SetLinger of a connection says; what could not
// be sent by then is an error. It returns with no goroutine of the library
// left; only a look-up of a name that the system does not interrupt, a dial
// function that ignores its context, the handler of a Config.Logger, and a method of
// an adopted socket or listener that does not return, may outlive it. What is
// queued stays readable,
// later calls answer net.ErrClosed or false. A second call waits for the first.
// In Panda3D the destructor comes closest.
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
	limit := m.closeDeadline()
	close(m.closed)
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
	m.lot.close()
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

// elapsed is the time since m.began.
func (m *QueuedConnectionManager) elapsed() time.Duration { return time.Since(m.began) }

// closeDeadline is when a connection that is being closed now must be done.
func (m *QueuedConnectionManager) closeDeadline() time.Time {
	return time.Now().Add(max(m.config.CloseTimeout, 0))
}

func (m *QueuedConnectionManager) mayOpen() error {
	if m.configErr != nil {
		return m.configErr
	}
	if m.isZero() || m.isClosed.Load() {
		return net.ErrClosed
	}
	return nil
}

// mayOpenSocket is mayOpen for a socket that is not handed in.
func (m *QueuedConnectionManager) mayOpenSocket() error {
	if errNoSockets != nil {
		return errNoSockets
	}
	return m.mayOpen()
}

// isZero reports whether m does not come from NewQueuedConnectionManager. It
// answers as one that is closed.
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
	m.connections[conn] = struct{}{}
	m.goroutines.Go(run)
	return nil
}

// forget is the end of what register began.
func (m *QueuedConnectionManager) forget(conn *Connection) {
	m.mu.Lock()
	defer m.mu.Unlock()
	conn.leave()
	delete(m.connections, conn)
	if len(m.connections) == 0 && m.isClosed.Load() {
		close(m.empty)
	}
}
