package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/queuednet/queuednet"
)

// A role is how a client behaves, and what the server must make of it.
type role struct {
	name   string
	leaves bool     // it stays until it is time to leave, and leaves properly
	ends   []string // which of these the server must call its end; see endName

	part    float64       // of the duration that it plays like all others before act
	prepare func(*client) // after it has connected; nil for nothing
	act     func(*client) error
}

// after returns how long a misfit plays like all others.
func (r role) after(duration time.Duration) time.Duration {
	return time.Duration(r.part * float64(duration))
}

var (
	plays = role{
		name:   "plays",
		leaves: true,
		ends:   []string{"io.EOF"},
	}
	isCutOff = role{
		name: "is cut off",
		ends: []string{"io.ErrUnexpectedEOF"},
		part: 0.2,
		act:  cutOff,
	}
	resets = role{
		name: "resets",
		ends: []string{"ECONNRESET"},
		part: 0.3,
		act:  reset,
	}
	stopsReading = role{
		name:    "stops reading",
		ends:    []string{"ErrSendQueueFull", "ErrWriteTimeout"},
		part:    0.2,
		prepare: shrinkBuffer,
		act:     stopReading,
	}
	floods = role{
		name:   "floods",
		leaves: true,
		ends:   []string{"io.EOF"},
		part:   0.4,
		act:    flood,
	}
)

// The library's clients have no way to misbehave, so these take the socket from
// under it. That is in order as long as the library writes nothing: nothing is
// sent with it any more, and what was sent has been answered.

// cutOff ends the stream in the middle of a datagram, as when a program is killed.
// It goes on reading: what the server still had to say must arrive.
func cutOff(c *client) error {
	c.phase = lurking
	begin(&c.message, position, c.number+1)
	wire := appendFrame(nil, &c.message)
	if _, err := c.conn.NetConn().Write(wire[:len(wire)-1]); err != nil {
		return err
	}
	half, ok := c.conn.NetConn().(interface{ CloseWrite() error })
	if !ok {
		return fmt.Errorf("half closing: %w", errors.ErrUnsupported)
	}
	return half.CloseWrite()
}

// reset breaks the connection off, and with it destroys what is on its way.
func reset(c *client) error {
	c.phase = lurking
	if err := c.conn.SetLinger(true, 0); err != nil {
		return err
	}
	return c.conn.NetConn().Close()
}

// stopReading leaves to the system what comes, until it takes no more.
func stopReading(c *client) error {
	c.phase = deaf
	c.reader.RemoveConnection(c.conn)
	return nil
}

// shrinkBuffer makes the system take little. Where it cannot be told, it just
// takes longer until it is full.
func shrinkBuffer(c *client) { _ = c.conn.SetRecvBufferSize(16 << 10) }

// flood sends as fast as TCP takes it, in a goroutine because that waits. The
// client goes on with its loop.
func flood(c *client) error {
	c.phase = flooding
	c.game.isFlooded.Store(true)
	over, number := make(chan uint32, 1), c.number
	go func() { over <- pour(c.conn.NetConn(), number, c.game.leave) }()
	c.flood = over
	return nil
}

// pour writes numbered datagrams until it is time to leave, and returns the
// number of the last one.
func pour(socket net.Conn, number uint32, leave <-chan struct{}) uint32 {
	var (
		message queuednet.Datagram
		wire    []byte
	)
	for {
		wire = wire[:0]
		for range 64 {
			number++
			begin(&message, load, number)
			message.PadBytes(loadSize - message.Length())
			wire = appendFrame(wire, &message)
		}
		if _, err := socket.Write(wire); err != nil {
			return number // what has not arrived will be counted as lost
		}
		select {
		case <-leave:
			return number
		default:
		}
	}
}

// appendFrame appends a datagram as it is on the wire, with its length before it.
func appendFrame(wire []byte, datagram *queuednet.Datagram) []byte {
	wire = binary.LittleEndian.AppendUint16(wire, uint16(datagram.Length()))
	return append(wire, datagram.Message()...)
}

// endName returns what a program would compare the reason of an end with.
func endName(err error) string {
	for _, known := range []struct {
		err  error
		name string
	}{
		{queuednet.ErrSendQueueFull, "ErrSendQueueFull"},
		{queuednet.ErrWriteTimeout, "ErrWriteTimeout"},
		{io.ErrUnexpectedEOF, "io.ErrUnexpectedEOF"},
		{io.EOF, "io.EOF"},
		{syscall.ECONNRESET, "ECONNRESET"},
		{syscall.Errno(10054), "ECONNRESET"}, // WSAECONNRESET: Windows has a number of its own
	} {
		if errors.Is(err, known.err) {
			return known.name
		}
	}
	if err == nil {
		return "none"
	}
	return err.Error()
}
