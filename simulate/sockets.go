package simulate

import (
	"errors"
	"io"
	"net"
	"syscall"
	"time"
)

// conn is a stream whose incoming side goes through a line.
type conn struct {
	net.Conn
	line *line
}

// pump reads ahead until the stream is over.
func (c *conn) pump() {
	_ = c.Conn.SetReadDeadline(time.Time{}) // one left from before is not the pump's
	buf := make([]byte, readSize)
	for {
		n, err := c.Conn.Read(buf)
		if n > 0 && !c.arrived(item{data: append([]byte(nil), buf[:n]...)}) {
			return
		}
		if err != nil {
			c.arrived(item{err: err})
			return
		}
	}
}

// arrived puts something behind what waits: a stream loses, doubles and
// reorders nothing.
func (c *conn) arrived(i item) bool {
	f := c.line.network.throw(c.line.dice)
	f.copies, f.overtake = 1, false
	return c.line.put(i, f)
}

func (c *conn) Read(b []byte) (n int, err error) {
	takeErr := c.line.take(func(i *item) (done bool) {
		n, err = copy(b, i.data), i.err
		i.data = i.data[n:]
		return err == nil && len(i.data) == 0 // the end of the stream stays
	})
	if takeErr != nil {
		return 0, opError(c.Conn.LocalAddr(), takeErr)
	}
	return n, err
}

func (c *conn) Close() error {
	c.line.close()
	return c.Conn.Close()
}

func (c *conn) SetReadDeadline(t time.Time) error { return c.line.setDeadline(t) }

func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.line.setDeadline(t), c.Conn.SetWriteDeadline(t))
}

// CloseWrite ends the outgoing side, where the socket can.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// NetConn returns the socket, for its options.
func (c *conn) NetConn() net.Conn { return c.Conn }

type listener struct {
	net.Listener
	network *Network
}

func (l *listener) Accept() (net.Conn, error) {
	socket, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.network.Conn(socket), nil
}

// packetConn is a packet socket whose incoming side goes through a line.
type packetConn struct {
	net.PacketConn
	line   *line
	locals localSocket // the same socket, if it knows the local address of each packet
}

// receive reads a packet from the socket itself.
func (p *packetConn) receive(b []byte) (n int, from, to net.Addr, err error) {
	if p.locals != nil {
		return p.locals.ReadFromTo(b)
	}
	n, from, err = p.PacketConn.ReadFrom(b)
	return n, from, nil, err
}

// pump reads ahead until the socket is closed.
func (p *packetConn) pump() {
	_ = p.PacketConn.SetReadDeadline(time.Time{})
	buf := make([]byte, readSize)
	for {
		n, from, to, err := p.receive(buf)
		switch {
		case err == nil:
			f := p.line.network.throw(p.line.dice)
			if !p.line.put(item{data: append([]byte(nil), buf[:n]...), from: from, to: to}, f) {
				return
			}
		case !p.line.put(item{err: err}, fate{copies: 1}), isOver(err):
			return
		}
	}
}

// isOver reports whether a packet socket that failed so will never read again.
func isOver(err error) bool {
	return errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe)
}

func (p *packetConn) ReadFrom(b []byte) (n int, from net.Addr, err error) {
	n, from, _, err = p.take(b)
	return n, from, err
}

// take takes a packet off the line.
func (p *packetConn) take(b []byte) (n int, from, to net.Addr, err error) {
	takeErr := p.line.take(func(i *item) (done bool) {
		n, from, to, err = copy(b, i.data), i.from, i.to, i.err
		return err == nil || !isOver(err)
	})
	if takeErr != nil {
		return 0, nil, nil, opError(p.PacketConn.LocalAddr(), takeErr)
	}
	return n, from, to, err
}

func (p *packetConn) Close() error {
	p.line.close()
	return p.PacketConn.Close()
}

func (p *packetConn) SetReadDeadline(t time.Time) error { return p.line.setDeadline(t) }

func (p *packetConn) SetDeadline(t time.Time) error {
	return errors.Join(p.line.setDeadline(t), p.PacketConn.SetWriteDeadline(t))
}

// SyscallConn returns the socket of the system, for its options.
func (p *packetConn) SyscallConn() (syscall.RawConn, error) {
	if socket, ok := p.PacketConn.(syscall.Conn); ok {
		return socket.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}

// opError words an error as package net does.
func opError(local net.Addr, err error) error {
	network := "simulated"
	if local != nil {
		network = local.Network()
	}
	return &net.OpError{Op: "read", Net: network, Source: local, Err: err}
}
