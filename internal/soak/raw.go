package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// patience bounds every wait for something that must happen.
const patience = time.Minute

// A rawClient is a client of a plain socket. Its role runs in one goroutine, and
// what it receives is checked in another.
type rawClient struct {
	w      *world
	life   *life
	random *rand.Rand
	conn   *net.TCPConn
	wide   bool
	sent   flow
	wire   []byte

	hold     sync.Mutex // held by the role while it does not read
	welcome  chan struct{}
	done     chan struct{} // closed when nothing more will be received
	received check
	readErr  error
}

var errLeft = errors.New("the server has closed")

// play is the goroutine of a raw client: it connects and plays its role.
func (w *world) playRaw(role *role, random *rand.Rand) error {
	wide := role.wide || random.IntN(4) == 0
	rendezvous := w.server.narrow
	if wide {
		rendezvous = w.server.wide
	}
	conn, err := net.DialTimeout("tcp", rendezvous.LocalAddress().String(), patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	c := &rawClient{
		w: w, life: w.ledger.begin(role), random: random, conn: conn.(*net.TCPConn), wide: wide,
		welcome: make(chan struct{}), done: make(chan struct{}),
	}
	c.received.life = c.life.number
	if role.deaf {
		c.conn.SetReadBuffer(8 << 10)
	}
	go c.read()
	err = role.play(c)
	if errors.Is(err, errLeft) {
		err = nil // it was told by its stream's end, which the ledger judges
	}
	c.conn.Close()
	<-c.done
	reason := ""
	if c.readErr != io.EOF {
		reason = fmt.Sprint(c.readErr)
	}
	w.ledger.clientOver(c.life, &account{sent: c.sent, received: c.received.flow, reason: reason})
	if err != nil {
		return fmt.Errorf("life %d, which %s: %w", c.life.number, role.name, err)
	}
	return nil
}

// read receives and checks until the end of the stream.
func (c *rawClient) read() {
	defer close(c.done)
	in := bufio.NewReaderSize(c.conn, 4<<10)
	header := make([]byte, c.headerSize())
	var b []byte
	for {
		c.hold.Lock()
		c.hold.Unlock() //lint:ignore SA2001 it waits for the role to let go
		c.conn.SetReadDeadline(time.Now().Add(patience))
		if _, c.readErr = io.ReadFull(in, header); c.readErr != nil {
			return
		}
		n := int(binary.LittleEndian.Uint16(header))
		if c.wide {
			n = int(binary.LittleEndian.Uint32(header))
		}
		if n > longest {
			c.fail(fmt.Errorf("a header of %d", n))
			return
		}
		b = append(b[:0], make([]byte, n)...)
		if _, c.readErr = io.ReadFull(in, b); c.readErr != nil {
			if c.readErr == io.EOF {
				c.readErr = io.ErrUnexpectedEOF
			}
			return
		}
		if _, err := c.received.take(b); err != nil {
			c.fail(err)
			return
		}
		if c.received.datagrams == 1 {
			select {
			case <-c.welcome:
			default:
				close(c.welcome)
			}
		}
	}
}

func (c *rawClient) fail(err error) {
	c.readErr = err
	c.w.ledger.fail(fmt.Errorf("at a client: %w", err))
}

func (c *rawClient) headerSize() int {
	if c.wide {
		return 4
	}
	return 2
}

func (c *rawClient) most() int {
	if c.wide {
		return longest
	}
	return 1<<16 - 1
}

func (c *rawClient) appendHeader(b []byte, n int) []byte {
	if c.wide {
		return binary.LittleEndian.AppendUint32(b, uint32(n))
	}
	return binary.LittleEndian.AppendUint16(b, uint16(n))
}

// appendNext appends the next message as it is on the wire. It is not yet sent.
func (c *rawClient) appendNext(b []byte, k kind, size int) []byte {
	b = c.appendHeader(b, size)
	return appendMessage(b, k, c.life.number, uint32(c.sent.datagrams)+1, size)
}

// counted counts a message that has been written whole.
func (c *rawClient) counted(size int) {
	c.sent.datagrams++
	c.sent.bytes += size
}

// write writes bytes, in one piece.
func (c *rawClient) write(b []byte) error {
	select {
	case <-c.done:
		return errLeft
	default:
	}
	c.conn.SetWriteDeadline(time.Now().Add(patience))
	if _, err := c.conn.Write(b); err != nil {
		select {
		case <-c.life.over: // what was sent to a server that has closed may be refused
			return errLeft
		case <-time.After(time.Second):
			return err
		}
	}
	return nil
}

// send sends the next message.
func (c *rawClient) send(k kind, size int) error {
	c.wire = c.appendNext(c.wire[:0], k, size)
	err := c.write(c.wire)
	c.counted(size) // perhaps it did not go out: then the life is no longer exact
	return err
}

// pause waits, unless the server closes or the world is to end. It reports
// whether to go on.
func (c *rawClient) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.done:
		return false
	case <-c.w.leave:
		return false
	}
}

// awaitEnd waits until the server has ended the stream.
func (c *rawClient) awaitEnd() error {
	select {
	case <-c.done:
		return nil
	case <-time.After(patience):
		return errors.New("the server does not end its stream")
	}
}

// awaitOver waits until the server knows the end.
func (c *rawClient) awaitOver() error {
	select {
	case <-c.life.over:
		return nil
	case <-time.After(patience):
		return errors.New("the server does not end the connection")
	}
}
