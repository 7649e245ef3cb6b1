package load

import (
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/queuednet/queuednet/benchmarks/internal/wire"
)

// receipt is what the clients receive: datagrams with numbers that go up by one
// on each connection, from 0, and the time they were sent at.
type receipt struct {
	count atomic.Int64
	worst [maxNumbers]atomic.Int64 // how long a number took, in nanoseconds
	done  sync.WaitGroup
}

// maxNumbers is how many datagrams a connection receives at most.
const maxNumbers = 1 << 16

func (r *receipt) start(c *clients) {
	for i, conn := range c.conns {
		r.done.Go(func() { r.receive(c, i, conn) })
	}
}

// receive is the goroutine of a connection.
func (r *receipt) receive(c *clients, i int, conn net.Conn) {
	var (
		b     = make([]byte, 0, 2*c.spec.Size+4096)
		next  uint64
		whole bool
	)
	for {
		n, err := conn.Read(b[len(b):cap(b)])
		if err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) && err != io.EOF {
				c.fail("connection %d: %v", i, err)
			}
			return
		}
		now := wire.Now()
		b = b[:len(b)+n]
		rest := b
		for {
			var payload []byte
			if payload, rest, whole = c.spec.Framing.Next(rest); !whole {
				break
			}
			number := wire.Number(payload)
			if number != next {
				c.fail("client %d: datagram %d came instead of %d", i, number, next)
			}
			next = number + 1
			r.count.Add(1)
			r.note(number, now-wire.Time(payload))
		}
		b = b[:copy(b, rest)]
	}
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

// awaitReceived waits until nothing has come for a while.
func (c *clients) awaitReceived() {
	if !c.spec.Receive {
		return
	}
	for was := int64(-1); was != c.receipt.count.Load(); {
		was = c.receipt.count.Load()
		time.Sleep(100 * time.Millisecond)
	}
	for _, conn := range c.conns {
		conn.SetReadDeadline(time.Now())
	}
	c.receipt.done.Wait()
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
func (c *clients) await(conn net.Conn, b []byte) ([]byte, error) {
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
