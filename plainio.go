package queuednet

import "time"

// Sockets that only have the methods of net.Conn: those that the program
// adopted, and all of them where the system has nothing better.

// plainRead is what an idle connection of this kind holds.
const plainRead = 2 << 10

// fillPlain is fill by plain Reads. When the outgoing side has failed it looks
// for what has arrived: such a socket cannot be asked without waiting, so that
// nothing is there when nothing has come for lookTime.
func (c *Connection) fillPlain() error {
	in := &c.in
	var quiet time.Time
	for {
		if in.lastLook != 0 {
			if c.manager.elapsed() > in.lastLook {
				return errFailed
			}
			quiet = time.Now().Add(lookTime)
			c.socket.SetReadDeadline(quiet)
		}
		err := c.readPlain()
		switch {
		case !isTimeout(err) || in.load() != inFailed:
			return err
		case in.lastLook == 0:
			in.lastLook = c.manager.lastLook()
		case !time.Now().Before(quiet): // else another goroutine's deadline
			return errFailed
		}
	}
}

// lastLook is how long what has arrived at a connection whose outgoing side has
// failed goes on being read, since m.began.
func (m *QueuedConnectionManager) lastLook() time.Duration {
	return m.elapsed() + max(m.config.CloseTimeout, time.Second)
}

// readPlain reads once. It waits with a small buffer and takes a large one once
// that has been filled.
func (c *Connection) readPlain() error {
	size := plainRead
	if c.in.try.full {
		size = readBlock
	}
	c.in.park()
	room := c.in.room(size)
	n, err := c.stream.Read(room)
	c.in.try.full = n == len(room)
	c.in.got(n)
	if n > 0 && isTimeout(err) {
		return nil
	}
	return err
}
