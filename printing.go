package queuednet

import (
	"fmt"
	"log/slog"
	"net"
)

// A program may print these by accident, for example inside a struct of its own. Each
// String is one short line, allocates, waits for no drain, and may be called from any
// goroutine, also on nil. GoString keeps %#v from reading what other goroutines change.
// Panda3D has no counterparts.

// String says how many connections the manager has, such as "manager of 3 connections",
// or "closed manager"; for nil it is "nil". It is for messages.
func (m *QueuedConnectionManager) String() string {
	switch {
	case m == nil:
		return "nil"
	case m.isZero() || m.isClosed.Load():
		return "closed manager"
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return "manager of " + count(len(m.connections), "connection")
}

// GoString is String, for %#v.
func (m *QueuedConnectionManager) GoString() string { return m.String() }

// String says how many connections are queued, such as "listener with 2 new
// connections"; for nil it is "nil". It is for messages.
func (l *QueuedConnectionListener) String() string {
	if l == nil {
		return "nil"
	}
	return "listener with " + count(int(l.queue.size.Load()), "new connection")
}

// GoString is String, for %#v.
func (l *QueuedConnectionListener) GoString() string { return l.String() }

// String says how the reader cuts bytes into datagrams, and whether any are queued,
// such as "reader of 2-byte headers, nothing queued"; for nil it is "nil". It is for
// messages.
func (r *QueuedConnectionReader) String() string {
	if r == nil {
		return "nil"
	}
	return "reader of " + framing(r) + ", " + r.fill()
}

// GoString is String, for %#v.
func (r *QueuedConnectionReader) GoString() string { return r.String() }

// fill says whether anything is queued, and does not count: a program may print a
// reader for each datagram.
func (r *QueuedConnectionReader) fill() string {
	if r.queue.size.Load() > 0 || r.state.Load() == drainLeft {
		return "datagrams queued"
	}
	return "nothing queued"
}

// String is that of QueuedConnectionReader, with "recent" before it. That of nil
// is "nil".
func (r *RecentConnectionReader) String() string {
	if r == nil {
		return "nil"
	}
	return "recent " + r.QueuedConnectionReader.String()
}

// GoString is String, for %#v.
func (r *RecentConnectionReader) GoString() string { return r.String() }

// String says how the writer marks off datagrams, such as "writer of 2-byte headers" or
// "writer of raw bytes"; for nil it is "nil". It is for messages.
func (w *ConnectionWriter) String() string {
	if w == nil {
		return "nil"
	}
	return "writer of " + framing(w)
}

// GoString is String, for %#v.
func (w *ConnectionWriter) GoString() string { return w.String() }

// String says how the attempt stands: "pending connection", the same with the reason
// why it failed, or the String of the connection; for nil it is "nil". Unlike Result it
// takes nothing, so Cancel still works. It is for messages.
func (p *PendingConnection) String() string {
	if p == nil {
		return "nil"
	}
	if !p.Ready() {
		return "pending connection"
	}
	p.mu.Lock()
	conn, err := p.conn, p.err
	p.mu.Unlock()
	if err != nil { // of a dial function, perhaps
		return "pending connection: " + err.Error()
	}
	return conn.String()
}

// GoString is String, for %#v.
func (p *PendingConnection) GoString() string { return p.String() }

// framing is what a reader or a writer is called after.
func framing(of interface {
	RawMode() bool
	TCPHeaderSize() int
}) string {
	if of.RawMode() {
		return "raw bytes"
	}
	return fmt.Sprintf("%d-byte headers", of.TCPHeaderSize())
}

// count is "1 thing" or "2 things".
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

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
		return "rendezvous " + kindOf(c.listening.system())
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
	case *net.TCPConn, *net.TCPListener, linkSocket, acceptorSocket:
		return "tcp"
	case *net.UnixConn, *net.UnixListener:
		return "unix"
	}
	if name := fmt.Sprintf("%T", socket); name != "*net.pipe" {
		return name
	}
	return "pipe"
}
