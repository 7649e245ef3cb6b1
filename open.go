package queuednet

import (
	"fmt"
	"net"
	"time"

	"github.com/queuednet/queuednet/internal/sockopt"
)

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
	if backlog < 0 || !sockopt.Fits(backlog) {
		return nil, fmt.Errorf("queuednet: backlog cannot be %d", backlog)
	}
	listener, err := m.config.listenConfig().Listen(m.ctx, network, address)
	if err != nil {
		return nil, err
	}
	if backlog == 0 {
		backlog = defaultBacklog
	}
	sockopt.SetBacklog(listener, backlog)
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
// crypto/tls, simulate, record or queuednettest is asked at once. Any other may wait
// for its peer, as with the PROXY protocol, and is asked in the background: until it
// has answered both are zero, also those of its datagrams. Options of the socket
// (SetNoDelay …) reach through wrappers that have a method NetConn or Raw that
// returns what they wrap, several layers deep.
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
//   - A peer that breaks off is an io.EOF like one that closes, where the socket
//     has no reset, such as net.Pipe or a Unix socket. A pipe's peer cannot end its
//     half either.
//   - Limits are deadlines of the socket. One that works no more after a deadline
//     has passed loses, when a limit ends the connection, what has arrived and not
//     been read; and a process that was held up for longer ends its peer.
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
