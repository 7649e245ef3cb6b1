package queuednet

import "time"

// What a stream does while its peer, and therefore the system, takes nothing.

// A backlog holds the bytes that are to be written before those in pending.
type backlog struct {
	begun   *block // the block that the system has taken written bytes of
	written int

	// Pending goes here when it has grown large, so that it is never moved.
	full []*block
	size int // bytes in full
}

// ensureBacklog returns the backlog, which it makes if there is none.
func (o *outgoing) ensureBacklog() *backlog {
	if o.backlog == nil {
		o.backlog = new(backlog)
	}
	return o.backlog
}

// isBegun reports whether a part of a block has been written. A nil backlog is empty.
func (l *backlog) isBegun() bool { return l != nil && l.begun != nil }

// next takes the first of full, nil for none.
func (l *backlog) next() *block {
	if l == nil || len(l.full) == 0 {
		return nil
	}
	b := l.full[0]
	l.full[0] = nil
	l.full = l.full[1:]
	l.size -= len(b.b)
	return b
}

// drop gives up all of it.
func (l *backlog) drop() {
	if l == nil {
		return
	}
	for _, b := range l.full {
		b.free()
	}
	l.begun.free()
	*l = backlog{}
}

// A writeStage says how much of WriteTimeout has passed.
type writeStage uint8

const (
	writeWaits   writeStage = iota
	writeLate               // all but its last part: see lookAgain
	writeOverdue            // all: a write under way is the last, and is broken off
	writeStuck              // that did not help
)

// putBack takes back a block of which the system has taken only the first at bytes, and
// marks o as blocked. It reports false if everything was given up meanwhile.
func (o *outgoing) putBack(b *block, at int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closing && o.gaveUp.Load() {
		b.free()
		return false
	}
	l := o.ensureBacklog()
	l.begun, l.written = b, at
	o.blocked = true
	o.release()
	return true
}

// unblock notes that the system takes bytes again. It reports whether o was blocked,
// and whether it must be queued for flushing.
func (o *outgoing) unblock() (was, flush bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	was = o.blocked
	o.blocked = false
	return was, was && o.claim()
}

func (o *outgoing) isBlocked() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.blocked
}

// blocks notes that the system takes no more at the moment.
func (s *stream) blocks() {
	o := &s.out
	now := s.manager.elapsed()
	o.mu.Lock()
	if o.since == 0 {
		o.since = now
	}
	next := o.due(s)
	o.mu.Unlock()
	if next != 0 {
		s.arm(next)
	}
}

// overdue reports whether the time for writing is over, so that the last try was the
// last one. It also reports whether a write that nobody came to try in time may be
// tried once: not if closing is to take no time.
func (s *stream) overdue() (last, mayLook bool) {
	o := &s.out
	now := s.manager.elapsed()
	o.mu.Lock()
	defer o.mu.Unlock()
	last = o.stage >= writeOverdue || o.limit.at != 0 && o.limit.isPassed(now)
	return last, o.limit.at == 0 || s.manager.closeTimeout() > 0
}

// due returns the time by which the system must have taken something, or 0 for never.
// o.mu is held.
func (o *outgoing) due(s *stream) time.Duration {
	switch {
	case o.done || o.stage == writeStuck:
		return 0
	case o.stage == writeOverdue:
		return later(o.since, stubborn)
	}
	due := o.limit.due()
	if timeout := s.manager.config.WriteTimeout; timeout >= 0 && o.since != 0 {
		if o.stage == writeWaits {
			timeout -= lastPart(timeout)
		}
		due = earlier(due, later(o.since, timeout))
	}
	return due
}
