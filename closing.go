package queuednet

import (
	"fmt"
	"net"
	"reflect"
	"time"
)

// How sockets are closed. A socket of package net closes at once. Close of any other is
// code of the program or of another library, and may wait: it is called once, never on
// the loop, and the manager's Close waits for it for at most closeGrace beyond
// CloseTimeout.

const closeGrace = 100 * time.Millisecond

// maxLayers bounds how many layers of a socket are looked into, because the NetConn of
// one might return itself.
const maxLayers = 8

// layersOf returns a stream and the sockets below it. The system's is the last, if
// every layer says what it wraps.
func layersOf(stream net.Conn) []net.Conn {
	layers := []net.Conn{stream}
	for len(layers) < maxLayers {
		if stream = socketBelow(stream); stream == nil {
			break
		}
		layers = append(layers, stream)
	}
	return layers
}

// socketBelow returns what a socket wraps, or nil if it wraps nothing or does not say.
// NetConn is what crypto/tls calls it, Raw what go-proxyproto does.
func socketBelow(stream net.Conn) net.Conn {
	switch over := stream.(type) {
	case interface{ NetConn() net.Conn }:
		return over.NetConn()
	case interface{ Raw() net.Conn }:
		return over.Raw()
	}
	return nil
}

// systemSocketOf returns the lowest socket that can be reached.
func systemSocketOf(stream net.Conn) net.Conn {
	layers := layersOf(stream)
	return layers[len(layers)-1]
}

// isForeign reports whether a socket's methods may wait, because they are not those of
// package net.
func isForeign(socket any) bool {
	switch socket.(type) {
	case *net.TCPConn, *net.UnixConn, *net.UDPConn, *net.TCPListener, *net.UnixListener, acceptorSocket:
		return false
	}
	return true
}

// release calls close, the function that closes a socket, in the background if that may
// wait.
func release(socket any, close func()) {
	if isForeign(socket) {
		go close()
		return
	}
	close()
}

// closeReason is what CloseWithReason of an adopted socket gets.
func (s *stream) closeReason(lost bool) error {
	reason := s.Err()
	switch {
	case reason == nil:
		reason = net.ErrClosed
	case reason == net.ErrClosed && s.manager.isClosed.Load():
		reason = ErrManagerClosed
	}
	if lost {
		reason = fmt.Errorf("%w: %w", ErrGivenUp, reason)
	}
	return reason
}

// closeAtOnce closes a stream, with a reset if that is asked for, and waits for no
// peer. Close of TLS would first tell the peer, and wait if the peer takes nothing. But
// either CloseWrite has told the peer already, or the peer is not to be told, so the
// socket below is closed first.
func closeAtOnce(stream net.Conn, reason error, reset bool) {
	if system := systemSocketOf(stream); reset && !isTold(stream) {
		if tcp, ok := system.(interface{ SetLinger(seconds int) error }); ok {
			_ = tcp.SetLinger(0)
			_ = system.Close()
		}
	}
	type layer interface {
		CloseWrite() error
		NetConn() net.Conn
	}
	if over, ok := stream.(layer); ok && !isTold(stream) {
		closeLayer(over.NetConn(), reason)
		if isTLS(stream) {
			return // it would only close what is below once more
		}
	}
	closeLayer(stream, reason)
}

// A reasonedCloser is a socket that tells its peer why it is closed; see
// AdoptConnection.
type reasonedCloser interface{ CloseWithReason(reason error) error }

func isTold(socket net.Conn) bool {
	_, ok := socket.(reasonedCloser)
	return ok
}

func closeLayer(socket net.Conn, reason error) {
	if told, ok := socket.(reasonedCloser); ok {
		_ = told.CloseWithReason(reason)
		return
	}
	_ = socket.Close()
}

// isTLS reports whether a stream is one of crypto/tls, without linking that
// package into programs that do not use it.
func isTLS(stream net.Conn) bool { return packageOf(stream) == "crypto/tls" }

// packageOf returns the package whose type a socket is a pointer to.
func packageOf(socket net.Conn) string {
	if t := reflect.TypeOf(socket); t.Kind() == reflect.Pointer {
		return t.Elem().PkgPath()
	}
	return ""
}

// closeWrite ends the sending side of a stream, and reports whether the peer was told.
// A layer that has no CloseWrite but shows what is below it is passed over, because it
// holds nothing back.
func closeWrite(stream net.Conn) bool {
	for _, layer := range layersOf(stream) {
		if half, ok := layer.(interface{ CloseWrite() error }); ok {
			return half.CloseWrite() == nil
		}
	}
	return false
}

// isForeign reports whether a method of the program's, or another library's,
// may hold up a goroutine of c.
func (c *Connection) isForeign() bool {
	switch {
	case c.stream != nil:
		return c.stream.carrier.isForeign()
	case c.packets != nil:
		return isForeign(c.packets.socket)
	default:
		return c.listening.isForeign()
	}
}

// awaitEmpty waits until all connections are done, and after CloseTimeout, whose last part
// passes while the process runs, breaks off those that are not. It reports false if that
// does not help, because the method of a foreign socket does not return.
func (m *QueuedConnectionManager) awaitEmpty(limit time.Time) bool {
	last := lastPart(m.closeTimeout())
	if isClosedWithin(m.empty, time.Until(limit)-last) || isClosedWithin(m.empty, last) {
		return true
	}
	m.mu.Lock()
	for conn := range m.connections {
		m.goroutines.Go(conn.endpoint().breakOff)
	}
	m.mu.Unlock()
	for !isClosedWithin(m.empty, closeGrace) {
		if m.onlyForeign() {
			return false
		}
	}
	return true
}

// onlyForeign reports whether all that is left are foreign sockets, and counts
// those with something unsent.
func (m *QueuedConnectionManager) onlyForeign() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	unsent := 0
	for conn := range m.connections {
		if !conn.isForeign() {
			return false
		}
		if conn.stream != nil && conn.stream.out.lost() {
			unsent++
		}
	}
	m.undelivered.Add(int64(unsent))
	return true
}
