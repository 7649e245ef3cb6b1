package main

import (
	"encoding/binary"
	"errors"
	"math"
	"time"
)

// A role is how a client lives, and what must come of it.
type role struct {
	name   string
	weight int // how often it is drawn
	play   func(*rawClient) error
	ends   []string // what the server may call its end

	toServer, toClient bool // everything arrives, not only a beginning
	stranger           bool // it says nothing that tells who it is
	deaf               bool // it reads little
	wide               bool // headers of 4 bytes only
}

// rawRoles are those of plain sockets; those of the library's clients are in bots.go.
var rawRoles = []*role{
	{name: "leaves", weight: 6, play: leavePolitely, ends: []string{"EOF"}, toServer: true, toClient: true},
	{name: "asks to be closed", weight: 6, play: askToBeClosed, ends: []string{asked}, toServer: true, toClient: true},
	{name: "reads late", weight: 3, play: readLate, ends: []string{"EOF"}, toServer: true, toClient: true},
	{name: "stalls within a datagram", weight: 3, play: stallWithin, ends: []string{"EOF"}, toServer: true, toClient: true},
	{name: "sends byte by byte", weight: 2, play: trickle, ends: []string{"EOF"}, toServer: true, toClient: true},
	{name: "floods", weight: 1, play: flood, ends: []string{"EOF"}, toServer: true, toClient: true},
	{name: "stops reading", weight: 2, play: stopReading, deaf: true, ends: []string{"send queue full", "write timeout"}, toServer: true},
	{name: "half-closes within a datagram", weight: 2, play: halfCloseWithin, ends: []string{"unexpected EOF"}, toServer: true, toClient: true},
	{name: "closes at once", weight: 2, play: closeAtOnce, ends: []string{"EOF", "reset"}},
	{name: "closes within a datagram", weight: 2, play: closeWithin, ends: []string{"unexpected EOF", "reset"}},
	{name: "resets", weight: 2, play: reset, ends: []string{"reset"}},
	{name: "resets within a datagram", weight: 2, play: resetWithin, ends: []string{"reset"}},
	{name: "announces too much", weight: 2, play: announceTooMuch, wide: true, ends: []string{"too long"}, toServer: true},
	{name: "knocks", weight: 2, play: knock, stranger: true},
}

// playOn plays as games do for some seconds, and is welcomed first: from then on
// the server knows who it is. It reports whether the world goes on.
func playOn(c *rawClient) (bool, error) {
	if err := c.send(numbered, sizeFor(c.random, c.most())); err != nil {
		return false, err
	}
	select {
	case <-c.welcome:
	case <-c.done:
		return false, errLeft
	case <-time.After(patience):
		return false, errors.New("no answer")
	}
	end := time.Now().Add(c.w.lifetime(c.random))
	for time.Now().Before(end) {
		if !c.pause(time.Duration(20+c.random.IntN(160)) * time.Millisecond) {
			return false, nil
		}
		for range 1 + c.random.IntN(2) {
			if err := c.send(numbered, sizeFor(c.random, c.most())); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// halfClose ends the client's side and reads the server's to its end.
func halfClose(c *rawClient) error {
	if err := c.conn.CloseWrite(); err != nil {
		select {
		case <-c.done:
		default:
			return err
		}
	}
	return c.awaitEnd()
}

func leavePolitely(c *rawClient) error {
	if _, err := playOn(c); err != nil {
		return err
	}
	return halfClose(c)
}

func askToBeClosed(c *rawClient) error {
	if _, err := playOn(c); err != nil {
		return err
	}
	if err := c.send(leave, messageHead); err != nil {
		return err
	}
	return c.awaitEnd()
}

// readLate stops reading for less than the server's patience.
func readLate(c *rawClient) error {
	on, err := playOn(c)
	if err != nil {
		return err
	}
	if on {
		c.hold.Lock()
		c.pause(time.Duration(200+c.random.IntN(1000)) * time.Millisecond)
		c.hold.Unlock()
	}
	return sayGoodbye(c)
}

// sayGoodbye says a last word and leaves.
func sayGoodbye(c *rawClient) error {
	if err := c.send(numbered, sizeFor(c.random, c.most())); err != nil {
		return err
	}
	return halfClose(c)
}

// within writes a part of a message, at least one byte and not all.
func within(c *rawClient, size int) (rest []byte, err error) {
	c.wire = c.appendNext(c.wire[:0], numbered, size)
	n := 1 + c.random.IntN(len(c.wire)-1)
	return c.wire[n:], c.write(c.wire[:n])
}

func stallWithin(c *rawClient) error {
	if _, err := playOn(c); err != nil {
		return err
	}
	size := sizeFor(c.random, c.most())
	rest, err := within(c, size)
	if err != nil {
		return err
	}
	c.pause(time.Duration(200+c.random.IntN(3000)) * time.Millisecond)
	if err := c.write(rest); err != nil {
		return err
	}
	c.counted(size)
	return sayGoodbye(c)
}

func trickle(c *rawClient) error {
	if _, err := playOn(c); err != nil {
		return err
	}
	for range 3 {
		size := messageHead + c.random.IntN(60)
		c.wire = c.appendNext(c.wire[:0], numbered, size)
		for i := range c.wire {
			if err := c.write(c.wire[i : i+1]); err != nil {
				return err
			}
			c.pause(5 * time.Millisecond)
		}
		c.counted(size)
	}
	return halfClose(c)
}

func flood(c *rawClient) error {
	if _, err := playOn(c); err != nil {
		return err
	}
	for range 20 + c.random.IntN(100) {
		c.wire = c.wire[:0]
		for range 300 {
			size := messageHead + c.random.IntN(60)
			c.wire = c.appendNext(c.wire, numbered, size)
			c.counted(size)
		}
		if err := c.write(c.wire); err != nil {
			return err
		}
	}
	return halfClose(c)
}

// stopReading asks for more than its buffers and the server's hold.
func stopReading(c *rawClient) error {
	if _, err := playOn(c); err != nil {
		return err
	}
	c.hold.Lock()
	defer c.hold.Unlock()
	if err := c.send(much, messageHead); err != nil {
		return err
	}
	return c.awaitOver()
}

func halfCloseWithin(c *rawClient) error {
	if _, err := playOn(c); err != nil {
		return err
	}
	if _, err := within(c, sizeFor(c.random, c.most())); err != nil {
		return err
	}
	return halfClose(c)
}

func closeAtOnce(c *rawClient) error {
	_, err := playOn(c)
	return errors.Join(err, c.conn.Close())
}

func closeWithin(c *rawClient) error {
	if _, err := playOn(c); err != nil {
		return err
	}
	_, err := within(c, sizeFor(c.random, c.most()))
	return errors.Join(err, c.conn.Close())
}

func reset(c *rawClient) error {
	_, err := playOn(c)
	return errors.Join(err, c.conn.SetLinger(0), c.conn.Close())
}

func resetWithin(c *rawClient) error {
	if _, err := playOn(c); err != nil {
		return err
	}
	_, err := within(c, sizeFor(c.random, c.most()))
	return errors.Join(err, c.conn.SetLinger(0), c.conn.Close())
}

func announceTooMuch(c *rawClient) error {
	if _, err := playOn(c); err != nil {
		return err
	}
	claim := uint32(longest + 1)
	if c.random.IntN(2) == 0 {
		claim = math.MaxUint32
	}
	c.wire = append(binary.LittleEndian.AppendUint32(c.wire[:0], claim), filling[:1000]...)
	if err := c.write(c.wire); err != nil {
		return err
	}
	return c.awaitOver()
}

// knock connects and goes, with nothing or part of a header.
func knock(c *rawClient) error {
	var err error
	if c.random.IntN(2) == 0 {
		err = c.write([]byte{9})
	}
	c.pause(time.Duration(c.random.IntN(300)) * time.Millisecond)
	if c.random.IntN(2) == 0 {
		err = errors.Join(err, c.conn.SetLinger(0))
	}
	return errors.Join(err, c.conn.Close())
}
