package queuednet

import (
	"sync/atomic"
	"time"

	"github.com/queuednet/queuednet/internal/sockopt"
)

// A guard enforces the limits of Config on a stream that receives:
// FirstDatagramTimeout, IdleTimeout and the rates. It is nil where Config sets
// none. Only the time counts in which the carrier waits for the peer: while it
// waits for the program, for a reader or for room, or for the rate, no clock
// runs, so that a slow program ends nothing.
type guard struct {
	waits atomic.Int64 // when the wait for the peer began, since manager.began; 0: none

	// Of the account's lock.
	untilFirst time.Duration // what is left for the first datagram; 0: it is there, or any time
	ending     bool          // all but the last part of the limit has passed: see lookAgain
	resumes    time.Duration // when the rate allows more; 0: it does now
	spent      rates         // what has been delivered
	next       rates         // with the span that is to be delivered next
	slowed     bool
	slowings   uint64 // how often that began
	passed     error  // the limit of Config that has passed while the peer said nothing
}

// passedLimit returns passed, nil for no guard. in.mu is held.
func (g *guard) passedLimit() error {
	if g == nil {
		return nil
	}
	return g.passed
}

// newGuard returns the guard of a stream. The first datagram is bounded for
// streams that the program has not opened.
func (m *QueuedConnectionManager) newGuard(first bool) *guard {
	config := &m.config
	first = first && config.FirstDatagramTimeout > 0
	if !first && config.IdleTimeout <= 0 && !config.limitsRate() {
		return nil
	}
	g := new(guard)
	if first {
		g.untilFirst = config.FirstDatagramTimeout
	}
	return g
}

// beginWait is called by the carrier before it waits for bytes.
func (s *stream) beginWait() {
	g := s.guard
	if g == nil {
		return
	}
	now := s.manager.elapsed()
	s.in.mu.Lock()
	g.waits.Store(int64(now))
	g.ending = false
	due := g.due(s, now)
	s.in.mu.Unlock()
	if due != 0 {
		s.arm(due)
	}
}

// endWait is called when the wait is over.
func (s *stream) endWait() {
	g := s.guard
	if g == nil {
		return
	}
	began := time.Duration(g.waits.Swap(0))
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	if began != 0 && g.untilFirst > 0 {
		g.untilFirst = max(g.untilFirst-(s.manager.elapsed()-began), 1)
	}
	if s.in.some && g.passed == ErrIdle {
		g.passed = nil
	}
}

// restartWait begins a wait that is under way anew. in.mu is held.
func (s *stream) restartWait() {
	g := s.guard
	if g == nil {
		return
	}
	g.passed = nil
	began, now := g.waits.Load(), s.manager.elapsed()
	if began == 0 || !g.waits.CompareAndSwap(began, int64(now)) {
		return // the carrier does not wait
	}
	g.ending = false
	if due := g.due(s, now); due != 0 {
		s.arm(due)
	}
}

// due returns when a wait for the peer that began at a time is too long, or when the
// last part of the limit begins; 0 for never. in.mu is held.
func (g *guard) due(s *stream, began time.Duration) time.Duration {
	if began == 0 || s.in.state != receiveOpen {
		return 0
	}
	due := time.Duration(0)
	for _, limit := range [2]time.Duration{s.manager.config.IdleTimeout, g.untilFirst} {
		if limit > 0 {
			if !g.ending {
				limit -= lastPart(limit)
			}
			due = earlier(due, later(began, limit))
		}
	}
	return due
}

// end begins the last part of the limit of a wait, for which that part was to begin
// at due. What has passed since then does not count: the process was held up. It
// returns when the wait is too long, 0 if it is over. in.mu is held.
func (g *guard) end(s *stream, began, due, now time.Duration) time.Duration {
	g.ending = true
	if now += began - due; !g.waits.CompareAndSwap(int64(began), int64(now)) {
		return 0
	}
	return g.due(s, now)
}

// lookAgain is the last part of a limit, at most half of it. It passes while the
// process runs: where that was held up, the peer has had less time before.
const lookAgain = 500 * time.Millisecond

func lastPart(limit time.Duration) time.Duration { return min(lookAgain, limit/2) }

// A limit is the time by which something that is closing is over.
type limit struct {
	at   time.Duration // since manager.began; 0: there is none
	part time.Duration // its last part, see lookAgain; 0: that has begun
}

// limitIn returns the limit that is d from now.
func limitIn(now, d time.Duration) limit { return limit{later(now, d), lastPart(d)} }

// due returns when the last part begins, or ends if it has begun.
func (l limit) due() time.Duration { return l.at - l.part }

// beginLastPart is called by the clocks.
func (l *limit) beginLastPart(now time.Duration) {
	if l.part > 0 && now >= l.due() {
		*l = limit{at: later(now, l.part)}
	}
}

// isPassed reports whether all of it has passed, or there is none.
func (l limit) isPassed(now time.Duration) bool { return l.part == 0 && now >= l.at }

// tick is called when one of the stream's limits may have passed. It returns
// when to be called again, 0 for never.
func (s *stream) tick(now time.Duration) time.Duration {
	return earlier(s.tickIn(now), s.tickOut(now))
}

// refusedFor counts an end because of a limit.
func (s *stream) refusedFor(passed error) {
	reason := refusedIdle
	if passed == ErrFirstDatagram {
		reason = refusedFirstDatagram
	}
	s.manager.refused(reason, s.Address())
}

func (s *stream) tickIn(now time.Duration) time.Duration {
	in := &s.in
	in.mu.Lock()
	next, interrupt, look := s.incomingDue(now)
	in.mu.Unlock()
	if interrupt {
		s.carrier.interrupt()
	}
	if look {
		s.carrier.look()
	}
	return next
}

// incomingDue says which limit of the incoming side has passed: whether to
// interrupt a wait for bytes, and whether to look again. in.mu is held.
func (s *stream) incomingDue(now time.Duration) (next time.Duration, interrupt, look bool) {
	in, g := &s.in, s.guard
	in.limit.beginLastPart(now)
	switch {
	case in.state == receiveOver:
		return 0, false, false
	case in.flooded != 0 && !in.limit.isPassed(now):
		if s.arrived(now - in.flooded) {
			in.limit = limit{at: now}
			return 0, false, true
		}
		return min(in.limit.due(), now+floodedPause), false, false
	case in.state != receiveOpen && !in.limit.isPassed(now):
		return in.limit.due(), false, false
	case in.state != receiveOpen:
		return 0, true, true
	case g == nil:
		return 0, false, false
	}
	if g.resumes != 0 && now >= g.resumes {
		g.resumes, look = 0, true
	}
	next = g.resumes
	began := time.Duration(g.waits.Load())
	due := g.due(s, began)
	switch {
	case due == 0:
	case now < due:
		next = earlier(next, due)
	case !g.ending:
		next = earlier(next, g.end(s, began, due, now))
	case in.current() == nil: // in no reader no time passes
	case g.passed == nil:
		g.passed = ErrIdle
		if g.untilFirst > 0 && now >= later(began, g.untilFirst) {
			g.passed = ErrFirstDatagram
		}
		interrupt = true
	}
	return next, interrupt, look
}

// floodedPause is how often a stream that a flooding peer has been given up on is
// asked whether what was sent last has arrived.
const floodedPause = 20 * time.Millisecond

// arrived reports whether what was sent has arrived at the peer's system: with
// something unread, closing is a reset, which may destroy what is under way. Where
// the system does not tell it is taken to have after a little while.
func (s *stream) arrived(since time.Duration) bool {
	s.out.mu.Lock()
	done := s.out.done
	s.out.mu.Unlock()
	if !done {
		return false
	}
	socket := s.tcpSocket()
	if socket == nil || !sockopt.HasAckTimeout {
		return since >= 200*time.Millisecond
	}
	busy, _, _ := sockopt.Unacknowledged(socket)
	return !busy
}

// tickOut sees to it that a write whose time is over is tried once more, which
// fails if that writes nothing.
func (s *stream) tickOut(now time.Duration) time.Duration {
	o := &s.out
	o.mu.Lock()
	o.limit.beginLastPart(now)
	due := o.due(s)
	if due == 0 || now < due {
		o.mu.Unlock()
		return due
	}
	if o.stage++; o.limit.at != 0 && o.limit.isPassed(now) {
		o.stage = max(o.stage, writeOverdue)
	}
	switch timeout := s.manager.config.WriteTimeout; o.stage {
	case writeLate: // the rest of it passes from now on
		o.since = now - (timeout - lastPart(timeout))
	case writeOverdue:
		o.since = now
	}
	stage, busy := o.stage, o.busy
	due = o.due(s)
	flush := false
	if stage >= writeOverdue && o.blocked {
		o.blocked = false
		flush = o.claim()
	}
	o.mu.Unlock()
	switch {
	case flush:
		s.manager.flusher.queue(chain{s, s})
	case stage == writeOverdue && busy:
		s.carrier.interruptWrite()
	case stage == writeStuck && busy && s.carrier.isForeign():
		// One of TLS waits for its peer's part of the handshake. Another carrier's
		// write has no part in it: who flushes has not come by yet, and is to try.
		s.sendingFailed(ErrWriteTimeout, 0)
		s.carrier.breakOff()
	}
	return due
}

// stubborn is how long a write may go on after its deadline, until the socket is
// closed under it.
const stubborn = 50 * time.Millisecond

// shortestPause is the least that a stream over its rate rests: a flood must
// not have it looked at for each of its datagrams.
const shortestPause = 50 * time.Millisecond

// rateAllows returns how much of a span of n bytes of whole frames may be delivered
// now. With nothing the stream is looked at again later. in.mu is held.
func (s *stream) rateAllows(headerSize, n int) (allowed int, err error) {
	g, config := s.guard, &s.manager.config
	if g == nil || !config.limitsRate() || s.in.state != receiveOpen {
		return n, nil
	}
	now := time.Now()
	g.slowed = g.slowed && g.spent.owes(now)
	g.next = g.spent
	frames := s.in.buffer.b[s.in.start : s.in.start+n]
	var wait time.Duration
	for allowed < n {
		size := n // in raw mode
		if headerSize != 0 {
			size = headerSize + int(payloadLength(frames[allowed:], headerSize))
		}
		if wait = g.next.spend(config, now, size); wait > 0 {
			break
		}
		allowed += size
	}
	switch {
	case allowed > 0:
	case config.EndFloods:
		s.manager.refused(refusedFlooding, s.Address())
		return 0, ErrFlooding
	default:
		if !g.slowed {
			g.slowed = true
			g.slowings++
			s.manager.refused(refusedSlowed, s.Address())
		}
		g.resumes = later(s.manager.elapsed(), max(wait, min(shortestPause, config.RateBurst/2)))
		s.arm(g.resumes)
	}
	return allowed, nil
}

// rateSpent counts the span that rateAllows has let through. in.mu is held.
func (s *stream) rateSpent() {
	if g := s.guard; g != nil {
		g.spent = g.next
		g.untilFirst = 0
		g.passed = nil
	}
}
