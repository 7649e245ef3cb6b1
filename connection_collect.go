package queuednet

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// collecting is the state of collect-tcp, beside the pending bytes: those are collected
// simply by not claiming the connection. outgoing.mu guards it.
type collecting struct {
	on        bool
	timer     *time.Timer // runs while something is collected
	interval  time.Duration
	lastFlush time.Time
}

// collecting returns the state of collect-tcp, which the first call makes. out.mu is
// held.
func (s *stream) collecting() *collecting {
	o := &s.out
	if o.collecting == nil {
		o.collecting = &collecting{interval: max(s.manager.config.CollectTCPInterval, 0)}
	}
	return o.collecting
}

// isDue reports whether the collected bytes are to leave now.
func (c *collecting) isDue() bool {
	return c == nil || !c.on || time.Since(c.lastFlush) >= c.interval
}

// collects reports whether the bytes just appended are to wait for more. If so, a timer
// lets them leave at the end of the interval, even if nobody calls again.
func (o *outgoing) collects(s *stream) bool {
	c := o.collecting
	if c.isDue() {
		o.stopCollecting(s)
		return false
	}
	if c.timer == nil {
		c.timer = time.AfterFunc(time.Until(c.lastFlush.Add(c.interval)), func() { s.Flush() })
		s.manager.collected.add(s)
	}
	return true
}

// stopCollecting notes that the collected bytes leave now.
func (o *outgoing) stopCollecting(s *stream) {
	c := o.collecting
	if c == nil {
		return
	}
	if c.on {
		c.lastFlush = time.Now()
	}
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
		s.manager.collected.remove(s)
	}
}

// SetCollectTCP turns collecting on or off. If it is on, what is sent within
// CollectTCPInterval of the last flush waits, and leaves in one piece: by itself at the
// end of the interval, or with Flush or ConsiderFlush. If it is off, which is the
// default, each Send leaves at once. It is Panda3D's set_collect_tcp.
func (c *Connection) SetCollectTCP(collect bool) {
	if s := c.asStream(); s != nil {
		s.manager.log.distribute()
		s.out.mu.Lock()
		defer s.out.mu.Unlock()
		if collect || s.out.collecting != nil {
			s.collecting().on = collect
		}
	}
}

// CollectTCP reports whether collecting is on. It is Panda3D's get_collect_tcp.
func (c *Connection) CollectTCP() bool {
	s := c.asStream()
	if s == nil {
		return false
	}
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	return s.out.collecting != nil && s.out.collecting.on
}

// SetCollectTCPInterval sets how long collected datagrams may wait. It holds from the
// next flush on. It is Panda3D's set_collect_tcp_interval.
func (c *Connection) SetCollectTCPInterval(interval time.Duration) {
	if s := c.asStream(); s != nil {
		s.out.mu.Lock()
		defer s.out.mu.Unlock()
		s.collecting().interval = interval
	}
}

// CollectTCPInterval returns how long collected datagrams may wait. It is Panda3D's
// get_collect_tcp_interval.
func (c *Connection) CollectTCPInterval() time.Duration {
	s := c.asStream()
	if s == nil {
		return 0
	}
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	if s.out.collecting == nil {
		return max(s.manager.config.CollectTCPInterval, 0)
	}
	return s.out.collecting.interval
}

// Flush sends what has been collected. It does not wait until the bytes have left. It
// fails with the reason of the end if the connection has ended, and with ErrWrongKind
// if it is not a stream. It is Panda3D's flush.
func (c *Connection) Flush() error {
	return c.flushIf(func(*outgoing) bool { return true })
}

// ConsiderFlush sends what is collected if the interval since the last flush is over,
// or if collecting is off. Calling it is optional, because what is collected leaves by
// itself. It fails like Flush. It is Panda3D's consider_flush.
func (c *Connection) ConsiderFlush() error {
	return c.flushIf(func(o *outgoing) bool { return o.collecting.isDue() })
}

// flushIf flushes if due says so. It calls due with outgoing.mu held.
func (c *Connection) flushIf(due func(*outgoing) bool) error {
	s := c.asStream()
	if s == nil {
		return ErrWrongKind
	}
	s.manager.log.distribute()
	o := &s.out
	o.mu.Lock()
	if o.err != nil {
		defer o.mu.Unlock()
		return o.err
	}
	flush := false
	if due(o) {
		o.stopCollecting(s)
		flush = o.claim()
	}
	o.mu.Unlock()
	if flush {
		s.manager.flusher.queue(chain{s, s})
	}
	return nil
}

// collectedSet holds the connections that have collected something.
type collectedSet struct {
	mu    sync.Mutex
	conns map[*stream]struct{}
}

func (s *collectedSet) add(c *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns == nil {
		s.conns = make(map[*stream]struct{})
	}
	s.conns[c] = struct{}{}
}

func (s *collectedSet) remove(c *stream) {
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
