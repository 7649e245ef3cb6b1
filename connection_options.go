package queuednet

import (
	"errors"
	"fmt"
	"math"
	"net"
	"syscall"
	"time"

	"github.com/queuednet/queuednet/internal/sockopt"
)

// The socket options that Panda3D's Connection has. The documentation of Connection
// says how they fail.

// SetNoDelay makes the system send small datagrams at once (true, the default here, as
// in Go), or lets it hold them back while others are on their way (false, the default
// in Panda3D). It is Panda3D's set_no_delay.
func (c *Connection) SetNoDelay(noDelay bool) error {
	return c.setTCP("SetNoDelay", func(tcp tcpOptions) error { return tcp.SetNoDelay(noDelay) })
}

// SetKeepAlive turns on or off that the system asks a silent peer whether it is still
// there (see Config.KeepAliveIdle). It is on by default, unlike in Panda3D, whose
// set_keep_alive does nothing.
func (c *Connection) SetKeepAlive(keepAlive bool) error {
	return c.setTCP("SetKeepAlive", func(tcp tcpOptions) error { return tcp.SetKeepAlive(keepAlive) })
}

// SetLinger sets what the system does with unsent bytes when the socket is closed in
// the end. With true, the system tries to deliver them for the timeout, in whole
// seconds rounded up and at most 32,767 of them, and then breaks off; with a timeout of
// 0 it breaks off at once. With false, the default, it goes on in the background. Close
// of the manager waits for the timeout too, beyond CloseTimeout. It is Panda3D's
// set_linger.
func (c *Connection) SetLinger(linger bool, timeout time.Duration) error {
	seconds := -1
	if linger {
		timeout = min(max(timeout, 0), longestLinger)
		seconds = int((timeout + time.Second - 1) / time.Second)
	}
	return c.setTCP("SetLinger", func(tcp tcpOptions) error { return tcp.SetLinger(seconds) })
}

// longestLinger is the longest that every system takes: some have 16 bits for it.
const longestLinger = math.MaxInt16 * time.Second

// SetRecvBufferSize sets the size, in bytes, of the system's buffer for bytes that
// arrive. The system may round it. It is Panda3D's set_recv_buffer_size.
func (c *Connection) SetRecvBufferSize(size int) error {
	return c.setOption("SetRecvBufferSize", sockopt.RecvBuffer, size)
}

// SetSendBufferSize sets the size, in bytes, of the system's buffer for bytes that are
// sent. The system may round it. It is Panda3D's set_send_buffer_size.
func (c *Connection) SetSendBufferSize(size int) error {
	return c.setOption("SetSendBufferSize", sockopt.SendBuffer, size)
}

// SetReuseAddr lets another socket use the same local address, or forbids it. On a
// rendezvous it is on by default on the systems where that is usual. It is Panda3D's
// set_reuse_addr.
func (c *Connection) SetReuseAddr(reuse bool) error {
	value := 0
	if reuse {
		value = 1
	}
	return c.setOption("SetReuseAddr", sockopt.ReuseAddr, value)
}

// SetIPTimeToLive sets how many routers a packet may pass, 1 to 255. It is Panda3D's
// set_ip_time_to_live, which does nothing.
func (c *Connection) SetIPTimeToLive(hops int) error {
	return c.setIPOption("SetIPTimeToLive", sockopt.TTL, sockopt.TTL6, hops)
}

// SetIPTypeOfService sets the type of service of outgoing packets, 0 to 255; with IPv6,
// the traffic class. It is Panda3D's set_ip_type_of_service, which does nothing.
func (c *Connection) SetIPTypeOfService(tos int) error {
	return c.setIPOption("SetIPTypeOfService", sockopt.TOS, sockopt.TOS6, tos)
}

// SetMaxSegment sets the longest TCP segment, in bytes. The system may lower it. It is
// Panda3D's set_max_segment, which does nothing.
func (c *Connection) SetMaxSegment(size int) error {
	return c.setOption("SetMaxSegment", sockopt.MaxSegment, size)
}

// setIPOption sets an option that has one name for IPv4 and another for IPv6. A socket
// for both versions has both.
func (c *Connection) setIPOption(name string, v4, v6 sockopt.Option, value int) error {
	address := c.systemAddress()
	if !address.IsIPv6() {
		return c.setOption(name, v4, value)
	}
	err := c.setOption(name, v6, value)
	if err == nil && address.IsAny() {
		_ = c.setOption(name, v4, value) // fails where it is for IPv6 only
	}
	return err
}

// systemAddress returns an address from which the version of IP of the system's socket
// can be told. Behind a proxy, Address belongs to somebody else.
func (c *Connection) systemAddress() NetAddress {
	if tcp, ok := c.systemSocket().(*net.TCPConn); ok {
		return netAddressOf(tcp.RemoteAddr())
	}
	return c.Address()
}

// setOption sets a numeric socket option of a stream or a rendezvous.
func (c *Connection) setOption(name string, option sockopt.Option, value int) error {
	socket, ok := c.systemSocket().(syscall.Conn)
	if !ok {
		return fmt.Errorf("queuednet: %s: %w", name, errors.ErrUnsupported)
	}
	return wrapOption(name, sockopt.Set(socket, option, value))
}

// tcpOptions are the methods of a *net.TCPConn that set options. Another socket,
// such as one of queuednettest, may have them too.
type tcpOptions interface {
	SetNoDelay(noDelay bool) error
	SetKeepAlive(keepAlive bool) error
	SetLinger(seconds int) error
}

// setTCP sets an option of a TCP stream by the methods of its socket.
func (c *Connection) setTCP(name string, set func(tcpOptions) error) error {
	switch socket := c.systemSocket().(type) {
	case linkSocket:
		return wrapOption(name, socket.socket.with(set))
	case tcpOptions:
		return wrapOption(name, set(socket))
	}
	return fmt.Errorf("queuednet: %s: %w", name, errors.ErrUnsupported)
}

// tcpSocket returns the socket of a stream of TCP; nil for any other.
func (c *Connection) tcpSocket() syscall.Conn {
	switch socket := c.systemSocket().(type) {
	case *net.TCPConn:
		return socket
	case linkSocket:
		return socket
	}
	return nil
}

// systemSocket returns the socket of the system, also from under TLS.
func (c *Connection) systemSocket() any {
	if c == nil || c.manager == nil {
		return nil // a zero value
	}
	return c.endpoint().system()
}

func wrapOption(name string, err error) error {
	if err != nil {
		err = fmt.Errorf("queuednet: %s: %w", name, err)
	}
	return err
}
