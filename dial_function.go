package queuednet

import (
	"context"
	"errors"
	"net"
	"time"
)

// OpenClientConnection BLOCKS until dial has connected to a server, at most for the
// timeout: over TLS, a WebSocket, a proxy, a Unix socket, or whatever else is a
// net.Conn. The manager owns the connection from then on. If it has a TLS handshake to
// do, that is part of connecting, so a certificate that is not trusted is an error
// here.
//
// The context of dial ends with the timeout, with Cancel of a PendingConnection and
// with Close of the manager. None of them waits for a dial that goes on nevertheless:
// the connection that it returns then is closed. The function runs on a goroutine of
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
