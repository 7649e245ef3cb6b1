package queuednet

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
