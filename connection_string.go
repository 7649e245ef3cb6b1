package queuednet

import (
	"fmt"
	"log/slog"
	"net"
)

// String returns the kind of the connection and its Address, such as "tcp
// 127.0.0.1:49400", "udp 0.0.0.0:9099" or "rendezvous tcp 127.0.0.1:9099". If there is
// no address it is the kind alone, such as "unix" or "pipe"; for a socket of another
// library, which AdoptConnection may have, that is the name of its type. For nil it is
// "nil". It allocates: it is for messages.
func (c *Connection) String() string {
	if c == nil {
		return "nil"
	}
	kind := c.kind()
	if address := c.Address(); address != (NetAddress{}) {
		return kind + " " + address.String()
	}
	return kind
}

// GoString is String. So %#v, too, does not read the state inside, which other
// goroutines change.
func (c *Connection) GoString() string { return c.String() }

// LogValue is String for package log/slog.
func (c *Connection) LogValue() slog.Value { return slog.StringValue(c.String()) }

func (c *Connection) kind() string {
	switch {
	case c.listening != nil:
		return "rendezvous " + kindOf(c.listening.socket)
	case c.packets != nil:
		return "udp"
	case c.stream != nil:
		return kindOf(c.stream.carrier.system())
	}
	return "no connection"
}

// kindOf names a socket. It asks none of its methods, which may wait.
func kindOf(socket any) string {
	switch socket.(type) {
	case *net.TCPConn, *net.TCPListener, linkSocket:
		return "tcp"
	case *net.UnixConn, *net.UnixListener:
		return "unix"
	}
	if name := fmt.Sprintf("%T", socket); name != "*net.pipe" {
		return name
	}
	return "pipe"
}
