package queuednet

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// collecting is what collect-tcp needs beside the pending bytes, which are
// collected simply by not claiming the connection. outbound.mu guards it.
type collecting struct {
	collect   bool
	timer     *time.Timer // runs while something is collected
	interval  time.Duration
	lastFlush time.Time
}

// hold reports whether what was just appended is to wait for more. It sees to
// it that it leaves when the interval is over, even if nobody calls again.
func (o *outbound) hold(c *Connection) bool {
	if !o.collect && o.timer == nil {
		return false
	}
	since := time.Since(o.lastFlush)
	if !o.collect || since >= o.interval {
		o.letGo(c)
		return false
	}
	if o.timer == nil {
		o.timer = time.AfterFunc(o.interval-since, func() { c.Flush() })
		c.manager.collected.add(c)
	}
	return true
}

// letGo notes that what is collected leaves now.
func (o *outbound) letGo(c *Connection) {
	if o.collect {
		o.lastFlush = time.Now()
	}
	if o.timer != nil {
		o.timer.Stop()
		o.timer = nil
		c.manager.collected.remove(c)
	}
}

// SetCollectTCP turns collecting on or off: with it, what is sent within
// CollectTCPInterval of the last flush waits and leaves in one piece, at the
// end of the interval by itself, or with Flush or ConsiderFlush. Off, the
// default, each Send leaves at once. It is Panda3D's set_collect_tcp.
func (c *Connection) SetCollectTCP(collect bool) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	c.out.collect = collect
}

// CollectTCP reports whether collecting is on. It is Panda3D's get_collect_tcp.
func (c *Connection) CollectTCP() bool {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return c.out.collect
}

// SetCollectTCPInterval sets how long what is sent may wait. It holds from the
// next flush on. It is Panda3D's set_collect_tcp_interval.
func (c *Connection) SetCollectTCPInterval(interval time.Duration) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	c.out.interval = interval
}

// CollectTCPInterval returns how long what is sent may wait. It is Panda3D's
// get_collect_tcp_interval.
func (c *Connection) CollectTCPInterval() time.Duration {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return c.out.interval
}

// Flush lets what is collected leave now; it does not wait until it has. It
// fails with the reason where the connection has ended, and with ErrWrongKind
// where it is no stream. It is Panda3D's flush.
func (c *Connection) Flush() error {
	return c.flushIf(func() bool { return true })
}

// ConsiderFlush lets what is collected leave if the interval since the last
// flush is over, or if collecting is off. Calling it is not necessary: what is
// collected leaves by itself. It fails as Flush does. It is Panda3D's
// consider_flush.
func (c *Connection) ConsiderFlush() error {
	o := &c.out
	return c.flushIf(func() bool { return !o.collect || time.Since(o.lastFlush) >= o.interval })
}

// flushIf flushes if due, which is called with outbound.mu held, says so.
func (c *Connection) flushIf(due func() bool) error {
	if c.stream == nil {
		return ErrWrongKind
	}
	c.out.mu.Lock()
	if c.out.err != nil {
		defer c.out.mu.Unlock()
		return c.out.err
	}
	flush := false
	if due() {
		c.out.letGo(c)
		flush = c.out.claim()
	}
	c.out.mu.Unlock()
	if flush {
		c.manager.flusher.queue(chain{c, c})
	}
	return nil
}

// collectedSet is the connections that have something collected.
type collectedSet struct {
	mu    sync.Mutex
	conns map[*Connection]struct{}
}

func (s *collectedSet) add(c *Connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns == nil {
		s.conns = make(map[*Connection]struct{})
	}
	s.conns[c] = struct{}{}
}

func (s *collectedSet) remove(c *Connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// flush flushes them all.
func (s *collectedSet) flush() {
	s.mu.Lock()
	conns := slices.Collect(maps.Keys(s.conns))
	s.mu.Unlock()
	for _, c := range conns {
		c.Flush()
	}
}
