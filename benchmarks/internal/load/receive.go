package load

import (
	"bytes"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/queuednet/queuednet/benchmarks/internal/wire"
)

// receipt is what the clients receive: datagrams with numbers that go up by one
// on each connection, from 0, and the time they were sent at.
type receipt struct {
	fail    func(format string, args ...any)
	count   atomic.Int64
	worst   [maxNumbers]atomic.Int64 // how long a number took, in nanoseconds
	stopped atomic.Bool
	done    sync.WaitGroup
}

// maxNumbers is how many datagrams a connection receives at most.
const maxNumbers = 1 << 16

// start begins to receive on all connections.
func (r *receipt) start(c *clients) {
	r.fail = c.fail
	receivers := make([]*receiver, len(c.conns))
	pattern := wire.Pattern(c.spec.Receive)
	for i, conn := range c.conns {
		receivers[i] = &receiver{conn: conn, number: i, framing: c.spec.Framing, pattern: pattern, b: make([]byte, 0, 4096)}
	}
	r.done.Go(func() { r.receive(receivers) })
}

// A receiver is one client that receives.
type receiver struct {
	conn    *conn
	number  int
	framing wire.Framing
	pattern []byte // what datagrams have behind number and time
	b       []byte // a part of a frame
	next    uint64
}

// read reads once.
func (c *receiver) read(r *receipt) error {
	n, err := c.conn.Read(c.b[len(c.b):cap(c.b)])
	if err != nil {
		return err
	}
	now := wire.Now()
	c.b = c.b[:len(c.b)+n]
	rest := c.b
	for {
		payload, left, whole := c.framing.Next(rest)
		if !whole {
			break
		}
		rest = left
		if len(payload) != len(c.pattern) ||
			!bytes.Equal(payload[wire.PatternStart:], c.pattern[wire.PatternStart:]) {
			r.fail("client %d: a datagram of %d bytes has other content than was sent", c.number, len(payload))
			continue
		}
		number := wire.Number(payload)
		if number != c.next {
			r.fail("client %d: datagram %d came instead of %d", c.number, number, c.next)
		}
		c.next = number + 1
		r.count.Add(1)
		r.note(number, now-wire.Time(payload))
	}
	c.b = c.b[:copy(c.b, rest)]
	return nil
}

// note keeps the longest time that a number took.
func (r *receipt) note(number uint64, took int64) {
	if number >= maxNumbers {
		return
	}
	worst := &r.worst[number]
	for was := worst.Load(); took > was && !worst.CompareAndSwap(was, took); was = worst.Load() {
	}
}

// lags returns the longest times of all numbers, in order of size.
func (r *receipt) lags() (lags []int64) {
	for i := range r.worst {
		if took := r.worst[i].Load(); took > 0 {
			lags = append(lags, took)
		}
	}
	slices.Sort(lags)
	return lags
}

// await waits until so many datagrams have come, as long as any come.
func (r *receipt) await(expected int64) {
	const patience = 5 * time.Second
	was, since := r.count.Load(), time.Now()
	for was < expected && time.Since(since) < patience {
		time.Sleep(5 * time.Millisecond)
		if now := r.count.Load(); now != was {
			was, since = now, time.Now()
		}
	}
	r.stopped.Store(true)
	r.done.Wait()
}

// echo sends a datagram, waits until it has come back, and begins again.
func (c *clients) echo() {
	b, conn := c.newBurst(0), c.conns[0]
	c.took = make([]int64, 0, 1<<20)
	answer := make([]byte, 0, 2*b.frame)
	for number := b.next; !c.stopped.Load(); number++ {
		begin := time.Now()
		if !c.sendOne(b, 0, true) {
			return
		}
		payload, err := c.await(conn, answer)
		if err != nil {
			c.fail("round trip %d: %v", number, err)
			return
		}
		c.took = append(c.took, int64(time.Since(begin)))
		c.receipt.count.Add(1)
		if wire.Number(payload) != number || len(payload) != c.spec.Size {
			c.fail("round trip %d brought datagram %d of %d bytes", number, wire.Number(payload), len(payload))
		}
	}
	slices.Sort(c.took)
}

// await reads one datagram.
func (c *clients) await(conn *conn, b []byte) ([]byte, error) {
	for b = b[:0]; ; {
		n, err := conn.Read(b[len(b):cap(b)])
		if err != nil {
			return nil, err
		}
		b = b[:len(b)+n]
		if payload, _, whole := c.spec.Framing.Next(b); whole {
			return payload, nil
		}
	}
}

// exchange makes each connection send some datagrams and await their echo.
func (c *clients) exchange() error {
	bursts := c.bursts(0, 1)
	answer := make([]byte, 0, c.spec.Size+64)
	for range exchanges {
		for i := range c.conns {
			if !c.sendOne(bursts[i], i, true) {
				return errors.New(c.fault)
			}
		}
		for i, conn := range c.conns {
			payload, err := c.await(conn, answer)
			if err != nil {
				return err
			}
			if wire.Sender(wire.Number(payload)) != i {
				c.fail("client %d got what client %d sent", i, wire.Sender(wire.Number(payload)))
			}
			c.receipt.count.Add(1)
		}
	}
	return nil
}

const exchanges = 3
