package queuednet

import (
	"sync"
	"time"
)

// clocks calls streams when one of their limits may have passed. A manager has
// one timer for all of them. A stream is in the heap with the earliest time that
// it has asked for; it is moved only when that has passed, not with each byte.
type clocks struct {
	began time.Time

	mu     sync.Mutex
	heap   []*stream // by clock.at
	timer  *time.Timer
	closed bool

	running sync.Mutex // held while streams are called
}

// clock is a stream's place among the clocks; clocks.mu guards it.
type clock struct {
	at    time.Duration // since clocks.began
	index int           // in the heap; -1: not in it
}

// arm makes the clocks call s at a time, or earlier.
func (s *stream) arm(at time.Duration) {
	c := &s.manager.clocks
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return
	case s.clock.index < 0:
		s.clock.at, s.clock.index = at, len(c.heap)
		c.heap = append(c.heap, s)
	case at < s.clock.at:
		s.clock.at = at
	default:
		return
	}
	c.up(s.clock.index)
	if c.heap[0] == s {
		c.set(at)
	}
}

// stop takes s out: it will not be called again, but a call may be under way.
func (k *clock) stop(s *stream) {
	c := &s.manager.clocks
	c.mu.Lock()
	defer c.mu.Unlock()
	if k.index >= 0 {
		c.remove(k.index)
	}
}

// set sets the timer. c.mu is held.
func (c *clocks) set(at time.Duration) {
	wait := time.Until(c.began.Add(at))
	if c.timer == nil {
		c.timer = time.AfterFunc(wait, c.run)
	} else {
		c.timer.Reset(wait)
	}
}

// run calls all streams whose time has come.
func (c *clocks) run() {
	c.running.Lock()
	defer c.running.Unlock()
	for {
		now := time.Since(c.began)
		s := c.pop(now)
		if s == nil {
			return
		}
		if next := s.tick(now); next != 0 {
			s.arm(max(next, now+1))
		}
	}
}

// pop takes out the first stream if its time has come, or else sets the timer.
func (c *clocks) pop(now time.Duration) *stream {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed || len(c.heap) == 0:
		return nil
	case c.heap[0].clock.at > now:
		c.set(c.heap[0].clock.at)
		return nil
	}
	s := c.heap[0]
	c.remove(0)
	return s
}

// close stops the timer and waits for a call under way.
func (c *clocks) close() {
	c.mu.Lock()
	c.closed = true
	if c.timer != nil {
		c.timer.Stop()
	}
	c.mu.Unlock()
	c.running.Lock()
	defer c.running.Unlock()
}

// remove takes the stream at i out of the heap. c.mu is held.
func (c *clocks) remove(i int) {
	last := len(c.heap) - 1
	c.heap[i].clock.index = -1
	if i != last {
		c.heap[i] = c.heap[last]
		c.heap[i].clock.index = i
	}
	c.heap[last] = nil
	c.heap = c.heap[:last]
	if i != last {
		c.down(i)
		c.up(i)
	}
}

func (c *clocks) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if c.heap[parent].clock.at <= c.heap[i].clock.at {
			return
		}
		c.swap(i, parent)
		i = parent
	}
}

func (c *clocks) down(i int) {
	for {
		least := i
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < len(c.heap) && c.heap[child].clock.at < c.heap[least].clock.at {
				least = child
			}
		}
		if least == i {
			return
		}
		c.swap(i, least)
		i = least
	}
}

func (c *clocks) swap(i, j int) {
	c.heap[i], c.heap[j] = c.heap[j], c.heap[i]
	c.heap[i].clock.index, c.heap[j].clock.index = i, j
}

// later returns t + d, or the longest time if that would overflow.
func later(t, d time.Duration) time.Duration {
	const end = 1<<63 - 1
	if d > end-t {
		return end
	}
	return t + d
}

// earlier returns the first of two times, of which 0 stands for none.
func earlier(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// elapsed is the time since the manager was made. It is never 0, which stands for
// none.
func (m *QueuedConnectionManager) elapsed() time.Duration { return time.Since(m.clocks.began) }
