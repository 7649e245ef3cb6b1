package queuednet

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"time"

	"github.com/queuednet/queuednet/internal/sockopt"
)

// OpenTCPServerRendezvous listens on a port of all interfaces, on IPv6 and IPv4 if the
// system has both. With port 0 the system chooses one, and LocalAddress of the
// rendezvous returns it. Nothing is accepted before the rendezvous is added to a
// listener. At most backlog connections are accepted and not yet taken from the
// listener, and as many may wait in the system; 0 stands for 1,000.
//
// It fails with the error of the system, such as EADDRINUSE; for an impossible port or
// backlog; and in a browser and under WASI with errors.ErrUnsupported. It is Panda3D's
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

// OpenTCPServerRendezvousAt listens on exactly this address; 0.0.0.0 is all interfaces
// with IPv4 only, and [::] is all of them with both versions of IP, if the system lets
// one socket have both. With IPv4Only an IPv6 address is a *net.AddrError. The rest is
// as with OpenTCPServerRendezvous.
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
	return m.openRendezvous(listener.(*net.TCPListener), backlog)
}

// AdoptRendezvous makes a rendezvous of a listener that the program has opened, such as
// one of crypto/tls, or of net.FileListener, with which a process takes over a socket
// from systemd or from its predecessor (see [Connection.ListenerFile]). The manager
// owns the listener from then on; if AdoptRendezvous fails it closes the listener. The
// backlog is 1,000, and a deadline of the listener is cleared.
//
// RemoteAddr and LocalAddr of an accepted socket may wait for the peer, as with the
// PROXY protocol. Such a socket reaches the program when both have returned; meanwhile
// it holds up no other, and counts in the backlog. If they have not returned after
// FirstDatagramTimeout, or 10 seconds if that is not set, the socket is closed with a
// reset and counts in the AcceptErrors of Refusals. The limits by address use what
// RemoteAddr returned. Deadlines that the listener has left on a socket are cleared.
//
// An error of Accept passes, and counts in AcceptErrors: the library tries again after
// a pause of 5 milliseconds, which grows up to a second. Three errors of Accept end the
// rendezvous, and its end is reported: net.ErrClosed; an error of the system that says
// that there is no listening socket; and an error that is not the system's, does not
// call itself temporary, and returns in the same words 10 times in a row, which takes 2
// seconds, because other libraries report in this way that they are closed.
//
// A socket of package net may be shared with other processes, and one of them may make it
// a blocking one, as the File of package net does when os/exec hands it over. The library
// undoes that before each Accept. If it happens while an Accept waits, the next client
// may be another's, and the Accept waits for one more: RemoveConnection and a close of
// the rendezvous then take a second, and that client is closed with a reset. Panda3D has
// no counterpart.
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

// AdoptConnection makes a Connection of a stream that the program has opened, such as
// one of crypto/tls or net.Pipe. The manager owns the socket from then on; if
// AdoptConnection fails it closes the socket. The deadlines of the socket must work,
// and Close must end a Read that waits. Deadlines that the program has set are cleared.
//
// Address and LocalAddress are those that the socket reports. A socket of package net,
// crypto/tls, simulate, record or queuednettest is asked at once. Any other may wait
// for its peer, as with the PROXY protocol, so it is asked in the background: until it
// has answered both are zero, also those of its datagrams. Options of the socket
// (SetNoDelay …) reach through wrappers that have a method NetConn or Raw that returns
// what they wrap, several layers deep.
//
// How a connection ends depends on what the socket can do:
//
//   - CloseWrite() error tells the peer that nothing more follows, once all is written;
//     the peer may go on sending until it closes too. The library looks for the method
//     on the socket and then below it, as far as it can reach; so a layer that shows
//     what it wraps and has no CloseWrite must hold nothing back. If there is none, or
//     it fails, the socket is closed as soon as all is written and what has just
//     arrived has been read. What the peer still sends may then make its system drop
//     the last message.
//   - If bytes whose Send returned nil are given up, the peer sees a reset: by
//     SetLinger(int) error of the socket, or of the lowest one that can be reached, as
//     *net.TCPConn has it. TLS is not ended by its own message then. A socket without
//     it, such as net.Pipe, a Unix socket, or a wrapper that does not show what it
//     wraps, cannot tell: its peer sees what Close makes.
//   - CloseWithReason(reason error) error is called instead of Close, if there is one,
//     and tells the peer itself. The reason is net.ErrClosed if the program closed the
//     connection, ErrManagerClosed (which is a net.ErrClosed too) if it closed the
//     manager, io.EOF or io.ErrUnexpectedEOF if the peer had closed, and otherwise what
//     Err says, such as a *DatagramTooLongError or the error of a limit. It is also an
//     ErrGivenUp if bytes are given up.
//   - If the socket has no reset, such as net.Pipe or a Unix socket, a peer that breaks
//     off is an io.EOF, like one that closes. The peer of a pipe cannot end its half
//     either.
//   - Limits are deadlines of the socket. If the socket does not work any more after a
//     deadline has passed, then a limit that ends the connection loses what has arrived
//     and was not read; and a process that was held up for longer ends its peer.
//
// A socket that carries datagrams behind a header of one size, and not any bytes, has a
// method TCPHeaderSize() int that returns the size. A reader or a writer with another
// size, or in raw mode, answers ErrHeaderSize; if a reader is changed later, that ends
// the connection. 0 stands for any bytes.
//
// Close or CloseWithReason is called at most once, never on the program's loop, and may
// wait; Close of the manager does not wait for it beyond CloseTimeout, and then leaves the
// goroutine that is in it. Panda3D has no counterpart.
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

// adopt makes a connection of a socket. If the socket may have to wait for its peer to
// learn its addresses, a goroutine asks it, which lives until the socket answers or is
// closed.
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

// adoptRendezvous makes a connection of a listening socket, at which a goroutine accepts.
func (m *QueuedConnectionManager) adoptRendezvous(listener net.Listener, backlog int) (*Connection, error) {
	c := m.newRendezvous(netAddressOf(listener.Addr()), backlog)
	c.listening.setSocket(listener)
	if err := m.register(c, c.accept); err != nil {
		release(listener, func() { listener.Close() })
		return nil, err
	}
	return c, nil
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

// noSystemSockets says that the system has no sockets, as in a browser. Package net
// would imitate a network there that reaches no further than the program.
const noSystemSockets = runtime.GOOS == "js" || runtime.GOOS == "wasip1"

// mayOpenSocket is mayOpen for a socket that is not handed in.
func (m *QueuedConnectionManager) mayOpenSocket() error {
	if noSystemSockets {
		return fmt.Errorf("queuednet: %s/%s has no TCP and UDP sockets: open a WebSocket and hand it to AdoptConnection: %w",
			runtime.GOOS, runtime.GOARCH, errors.ErrUnsupported)
	}
	return m.mayOpen()
}
