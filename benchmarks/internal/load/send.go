package load

import (
	"time"

	"github.com/queuednet/queuednet/benchmarks/internal/wire"
)

// burst is datagrams of one connection that go out in one write.
type burst struct {
	b      []byte
	header int // of a frame
	frame  int // its size
	next   uint64
}

func (c *clients) newBurst(connection int) *burst {
	b := &burst{next: wire.FirstNumber(connection)}
	payload := wire.Pattern(c.spec.Size)
	b.header = len(c.spec.Framing.AppendHeader(nil, len(payload)))
	b.frame = b.header + len(payload)
	for range max(c.spec.Burst, 1) {
		b.b = append(c.spec.Framing.AppendHeader(b.b, len(payload)), payload...)
	}
	return b
}

// send numbers the datagrams and writes them.
func (b *burst) send(conn *conn, timed bool) error {
	now := int64(0)
	if timed {
		now = wire.Now()
	}
	for rest := b.b; len(rest) > 0; rest = rest[b.frame:] {
		payload := rest[b.header:]
		wire.SetNumber(payload, b.next)
		b.next++
		if timed {
			wire.SetTime(payload, now)
		}
	}
	_, err := conn.Write(b.b)
	return err
}

// flood sends without a pause over each step-th connection from first on.
func (c *clients) flood(first, step int) {
	bursts := c.bursts(first, step)
	for !c.stopped.Load() {
		for i := first; i < len(c.conns) && !c.stopped.Load(); i += step {
			if !c.sendOne(bursts[i], i, false) {
				return
			}
		}
	}
}

// pace sends at the rate that was asked for; where it is late it does not wait.
func (c *clients) pace() {
	bursts := c.bursts(0, 1)
	period := time.Duration(float64(time.Second) / c.spec.Hz)
	begin := time.Now()
	for round := 0; ; round++ {
		for i := range c.conns {
			due := begin.Add(time.Duration(round) * period)
			if c.spec.Spread {
				due = due.Add(period * time.Duration(i) / time.Duration(len(c.conns)))
			}
			if i == 0 || c.spec.Spread {
				// A sleep is not shorter than some 50 µs: several go out together.
				if wait := time.Until(due); wait > 0 {
					time.Sleep(wait)
				}
				if c.stopped.Load() {
					return
				}
			}
			if !c.sendOne(bursts[i], i, true) {
				return
			}
		}
	}
}

// bursts makes those of each step-th connection from first on.
func (c *clients) bursts(first, step int) []*burst {
	bursts := make([]*burst, len(c.conns))
	for i := first; i < len(bursts); i += step {
		bursts[i] = c.newBurst(i)
	}
	return bursts
}

func (c *clients) sendOne(b *burst, i int, timed bool) bool {
	if err := b.send(c.conns[i], timed); err != nil {
		c.fail("connection %d: %v", i, err)
		return false
	}
	c.sent.Add(int64(max(c.spec.Burst, 1)))
	return true
}
