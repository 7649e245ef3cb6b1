package queuednet

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"time"
)

// OpenTCPClientConnection BLOCKS until it has connected to a server, at most for the
// timeout. In this time it looks the name of the host up and tries all its addresses,
// IPv6 and IPv4 in turns (unless IPv4Only is set): it tries the next one when one has
// failed or has not answered for 250 milliseconds, less if the timeout is short, and
// takes the first that answers (RFC 8305). Spaces around the host, and brackets around
// an IPv6 address, do not matter.
//
// A timeout of 0 allows a tenth of a second, which is enough for a server on this
// machine; a negative one fails at once. The call fails with the reason of the system;
// with a *net.AddrError for an empty host or an impossible port; and at the timeout
// with an error that is a context.DeadlineExceeded or os.ErrDeadlineExceeded. In a
// browser and under WASI (GOOS js and wasip1) it fails with errors.ErrUnsupported: open
// a WebSocket there, and hand it to AdoptConnection. BeginTCPClientConnection does not
// block. It is Panda3D's open_TCP_client_connection.
func (m *QueuedConnectionManager) OpenTCPClientConnection(host string, port int, timeout time.Duration) (*Connection, error) {
	return m.dial(m.ctx, host, port, timeout)
}

// shortestTimeout is the least that a connection to this machine is given.
const shortestTimeout = 100 * time.Millisecond

func (m *QueuedConnectionManager) dial(ctx context.Context, host string, port int, timeout time.Duration) (*Connection, error) {
	if err := m.mayOpenSocket(); err != nil {
		return nil, err
	}
	if host = hostOf(host); host == "" || port < 1 || port > 65535 {
		return nil, &net.AddrError{Err: "not a host and port to connect to", Addr: net.JoinHostPort(host, strconv.Itoa(port))}
	}
	ctx, end := m.attempt(ctx, timeout)
	defer end()
	socket, err := m.config.dial(ctx, host, port)
	if err != nil {
		if m.isClosed.Load() {
			return nil, net.ErrClosed
		}
		return nil, err
	}
	m.setKeepAlive(socket)
	conn, err := m.newStream(socket, endpointsOf(socket), nil, false)
	if err != nil {
		socket.Close()
	}
	return conn, err
}

// attempt begins an attempt to connect, which ManagerStats counts until end is called.
func (m *QueuedConnectionManager) attempt(ctx context.Context, timeout time.Duration) (_ context.Context, end func()) {
	if timeout == 0 {
		timeout = shortestTimeout
	}
	m.counts.connecting.Add(1)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	return ctx, func() {
		cancel()
		m.counts.connecting.Add(-1)
	}
}

// A PendingConnection is a connection that is being opened in the background: poll it
// once a frame. Its methods may be called from any goroutine. Panda3D has no
// counterpart.
type PendingConnection struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when the rest is set

	mu    sync.Mutex
	conn  *Connection
	err   error
	given bool // Result has given conn to the program
}

// BeginTCPClientConnection is OpenTCPClientConnection in the background. It returns at
// once, also on error, and never returns nil.
func (m *QueuedConnectionManager) BeginTCPClientConnection(host string, port int, timeout time.Duration) *PendingConnection {
	return m.begin(func(ctx context.Context) (*Connection, error) {
		return m.dial(ctx, host, port, timeout)
	})
}

// begin calls open in the background; the PendingConnection that it returns can cancel
// it.
func (m *QueuedConnectionManager) begin(open func(context.Context) (*Connection, error)) *PendingConnection {
	parent := m.ctx
	if m.isZero() {
		parent = context.Background()
	}
	ctx, cancel := context.WithCancel(parent)
	p := &PendingConnection{cancel: cancel, done: make(chan struct{})}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.mayOpen(); err != nil {
		p.set(nil, err, ctx)
		cancel()
		return p
	}
	m.goroutines.Go(func() {
		defer cancel()
		conn, err := open(ctx)
		p.set(conn, err, ctx)
	})
	return p
}

func (p *PendingConnection) set(conn *Connection, err error, ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if conn != nil && ctx.Err() != nil { // cancelled at the last moment
		conn.withdraw()
		conn, err = nil, ctx.Err()
	}
	p.conn, p.err = conn, err
	close(p.done)
}

// Ready reports whether Result has the outcome. It does not wait.
func (p *PendingConnection) Ready() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Result returns the connection, or the reason why there is none, as
// OpenTCPClientConnection does. It does not wait: until Ready the error is ErrNotReady.
// Later calls return the same.
func (p *PendingConnection) Result() (*Connection, error) {
	if !p.Ready() {
		return nil, ErrNotReady
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.given = true
	return p.conn, p.err
}

// Wait BLOCKS until Ready, and returns the Result; or until ctx is done, and returns
// the error of ctx. In the latter case the attempt goes on.
func (p *PendingConnection) Wait(ctx context.Context) (*Connection, error) {
	select {
	case <-p.done:
		return p.Result()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Cancel gives the attempt up. Result will be context.Canceled, unless the attempt has
// failed before. Once Result has given the connection to the program, Cancel does
// nothing.
func (p *PendingConnection) Cancel() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cancel == nil {
		return // a zero value
	}
	p.cancel()
	if p.conn != nil && !p.given {
		p.conn.withdraw()
		p.conn, p.err = nil, context.Canceled
	}
}

// OpenClientConnection BLOCKS until dial has connected to a server, at most for the
// timeout: over TLS, a WebSocket, a proxy, a Unix socket, or whatever else is a
// net.Conn. The manager owns the connection from then on. If it has a TLS handshake to
// do, that is part of connecting, so a certificate that is not trusted is an error
// here.
//
// The context of dial ends with the timeout, with Cancel of a PendingConnection and
// with Close of the manager. None of them waits for a dial that ignores its context; a
// connection that it returns afterwards is closed. The function runs on a goroutine of
// its own. Otherwise it is as with OpenTCPClientConnection: the timeout of 0, the
// errors, and the Config that holds for the connection. Without a dial function it
// fails with ErrWrongKind. BeginClientConnection does not block.
func (m *QueuedConnectionManager) OpenClientConnection(dial func(context.Context) (net.Conn, error), timeout time.Duration) (*Connection, error) {
	return m.dialBy(m.ctx, dial, timeout)
}

// BeginClientConnection is OpenClientConnection in the background. It returns at once,
// also on error, and never returns nil.
func (m *QueuedConnectionManager) BeginClientConnection(dial func(context.Context) (net.Conn, error), timeout time.Duration) *PendingConnection {
	return m.begin(func(ctx context.Context) (*Connection, error) {
		return m.dialBy(ctx, dial, timeout)
	})
}

func (m *QueuedConnectionManager) dialBy(ctx context.Context, dial func(context.Context) (net.Conn, error), timeout time.Duration) (*Connection, error) {
	if err := m.mayOpen(); err != nil {
		return nil, err
	}
	if dial == nil {
		return nil, ErrWrongKind
	}
	ctx, end := m.attempt(ctx, timeout)
	defer end()
	socket, ends, err := dialInTime(ctx, dial)
	if err != nil {
		if m.isClosed.Load() {
			return nil, net.ErrClosed
		}
		return nil, err
	}
	m.setKeepAlive(socket)
	conn, err := m.newStream(socket, ends, nil, false)
	if err != nil {
		release(socket, func() { closeAtOnce(socket, err, false) })
	}
	return conn, err
}

// dialInTime calls dial, and returns when ctx is done, even if dial does not.
func dialInTime(ctx context.Context, dial func(context.Context) (net.Conn, error)) (socket net.Conn, ends endpoints, err error) {
	if err := ctx.Err(); err != nil {
		return nil, ends, err
	}
	type outcome struct {
		socket net.Conn
		ends   endpoints
		err    error
	}
	dialed := make(chan outcome)
	go func() {
		socket, err := dialAndShake(ctx, dial)
		var ends endpoints
		if err == nil {
			ends = endpointsOf(socket) // which may wait
		}
		select {
		case dialed <- outcome{socket, ends, err}:
		case <-ctx.Done():
			if err == nil {
				closeAtOnce(socket, ctx.Err(), false)
			}
		}
	}()
	select {
	case o := <-dialed:
		return o.socket, o.ends, o.err
	case <-ctx.Done():
		return nil, ends, ctx.Err()
	}
}

var errNoSocket = errors.New("queuednet: dial returned neither a connection nor an error")

// dialAndShake calls dial and does the handshake of TLS, if there is one.
func dialAndShake(ctx context.Context, dial func(context.Context) (net.Conn, error)) (net.Conn, error) {
	socket, err := dial(ctx)
	if err != nil {
		return nil, err
	}
	if socket == nil {
		return nil, errNoSocket
	}
	if secure, ok := socket.(interface{ HandshakeContext(context.Context) error }); ok {
		if err := secure.HandshakeContext(ctx); err != nil {
			closeAtOnce(socket, err, false)
			return nil, err
		}
	}
	_ = socket.SetDeadline(time.Time{}) // one that dial has left
	return socket, nil
}
