package peer

import (
	"bytes"
	"fmt"

	"github.com/queuednet/queuednet/benchmarks/internal/wire"
)

// A Consumer is the loop's own work on datagrams, the same for every peer: it
// counts them and checks that each connection's come in order. The content of
// one in a thousand is compared too, that of each with Thorough.
//
// With CountOnly it counts and looks at nothing, so that what it costs is not
// mistaken for what the library costs. What it checks later must then begin as
// far ahead as it has counted.
type Consumer struct {
	Count, Bytes int
	Each         func(Conn, []byte) // called for each datagram, if not nil
	Thorough     bool
	CountOnly    bool
	Fault        string // the first thing that was wrong

	next    []uint64 // the number that each connection's next datagram must have
	unseen  uint64   // datagrams that were only counted, and not yet found missing
	pattern []byte
}

// NewConsumer returns one for datagrams of a size over a number of connections.
func NewConsumer(connections, size int) *Consumer {
	c := &Consumer{next: make([]uint64, connections), pattern: wire.Pattern(size)}
	for i := range c.next {
		c.next[i] = wire.FirstNumber(i)
	}
	return c
}

// Take takes a datagram, which is not kept.
func (c *Consumer) Take(conn Conn, payload []byte) {
	if c.CountOnly {
		c.Count++
		c.Bytes += len(payload)
		c.unseen++
		return
	}
	if len(payload) < wire.NumberSize {
		c.fail("a datagram of %d bytes", len(payload))
		return
	}
	number := wire.Number(payload)
	sender := wire.Sender(number)
	if sender >= len(c.next) || c.next[sender] != number && !c.follows(sender, number) {
		c.misplaced(sender, number)
		return
	}
	c.next[sender] = number + 1
	c.Count++
	c.Bytes += len(payload)
	if c.Thorough || c.Count%1024 == 0 {
		c.compare(payload)
	}
	if c.Each != nil {
		c.Each(conn, payload)
	}
}

// follows reports whether a number is behind ones that were only counted.
func (c *Consumer) follows(sender int, number uint64) bool {
	if number < c.next[sender] || number-c.next[sender] > c.unseen {
		return false
	}
	c.unseen -= number - c.next[sender]
	return true
}

func (c *Consumer) compare(payload []byte) {
	if len(payload) != len(c.pattern) ||
		!bytes.Equal(payload[wire.PatternStart:], c.pattern[wire.PatternStart:]) {
		c.fail("a datagram of %d bytes has other content than was sent", len(payload))
	}
}

func (c *Consumer) misplaced(sender int, number uint64) {
	if sender >= len(c.next) {
		c.fail("a datagram of connection %d, which there is not", sender)
		return
	}
	c.fail("connection %d: datagram %d came instead of %d", sender,
		number-wire.FirstNumber(sender), c.next[sender]-wire.FirstNumber(sender))
	c.next[sender] = number + 1
}

func (c *Consumer) fail(format string, args ...any) {
	if c.Fault == "" {
		c.Fault = fmt.Sprintf(format, args...)
	}
}
