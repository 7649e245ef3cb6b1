package queuednet

import "time"

// Sockets that only have the methods of net.Conn: those that the program
// adopted, and all of them where the system has nothing better.

// plainRead is what an idle connection of this kind holds.
const plainRead = 2 << 10

// fillPlain is fill by a plain Read. It waits with a small buffer and takes a
// large one once that has been filled.
func (c *Connection) fillPlain() error {
	size := plainRead
	if c.in.try.full {
		size = readBlock
	}
	c.in.park()
	room := c.in.room(size)
	n, err := c.stream.Read(room)
	c.in.try.full = n == len(room)
	c.in.got(n)
	return err
}

// The longest piece written under one WriteTimeout. A timeout in the middle of
// a plain write cannot be continued, as with TLS.
const (
	rawWritePiece   = 64 << 10
	plainWritePiece = 16 << 10
)

// writeAll writes b and waits for it, as long as the peer takes something
// within each WriteTimeout and the limit of a closing connection allows.
func (c *Connection) writeAll(b []byte) error {
	for len(b) > 0 {
		piece := rawWritePiece
		if c.raw == nil {
			piece = plainWritePiece
		}
		limit, err := c.out.setDeadline(c)
		if err != nil {
			return err
		}
		stop := c.watch(limit)
		n, err := c.stream.Write(b[:min(len(b), piece)])
		stop()
		c.out.wrote(n)
		b = b[n:]
		switch {
		case err == nil:
		case !isTimeout(err):
			return err
		case n == 0 || c.raw == nil:
			return ErrWriteTimeout
		}
	}
	// All is written: what the socket says now is no failed write. It may be
	// closed already.
	_ = c.socket.SetWriteDeadline(time.Time{})
	return nil
}

// watch ends the connection of a plain write that goes on beyond its deadline, as
// one of TLS does that waits for its peer's part of the handshake. The write is
// broken off when what has arrived has been delivered: see awaitWritten.
func (c *Connection) watch(limit time.Time) (stop func() bool) {
	if c.raw != nil || limit.IsZero() {
		return func() bool { return true }
	}
	const grace = 50 * time.Millisecond // for the deadline to work
	return time.AfterFunc(time.Until(limit)+grace, func() { c.fail(ErrWriteTimeout, 0) }).Stop
}
