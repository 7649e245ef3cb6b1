package queuednet

import (
	"errors"
	"io"
	"sync/atomic"
	"time"
)

// A guard is what a stream has beside its incoming side where a limit of Config
// bounds that in time: FirstDatagramTimeout, IdleTimeout or a rate. Without any
// there is none. It belongs to the connection's goroutine alone, but for limit,
// and costs an idle connection no timer and no goroutine:
//
//   - Only the time in which that goroutine waits for the peer counts, in read. When
//     it waits for the program in deliver, for a reader or for room, or for the
//     rate, no clock runs: a program that is slow ends nothing.
//   - The clock is the socket's read deadline, which the poller watches. It is
//     moved when it has passed, not with each read: at most once in a timeout.
type guard struct {
	limit atomic.Pointer[time.Time] // deadline of a connection that is ending: see inbound.expire
	armed time.Time                 // the deadline set by the guard; zero for none

	untilFirst time.Duration // what is left for the first datagram; 0: it is there, or any time

	spent  rates // what has been delivered
	next   rates // with the run that is to be delivered next
	slowed bool
}

// rates is a pace for each limit.
type rates struct{ datagrams, bytes pace }

// newGuard returns the guard of a stream, nil where there is nothing to guard.
// The first datagram is bounded for streams that the program has not opened.
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

func (c *Config) limitsRate() bool { return c.MaxDatagramsPerSecond > 0 || c.MaxBytesPerSecond > 0 }

// read is fill that knows the clocks, and notes when something came.
func (c *Connection) read() error {
	var err error
	if c.guard == nil {
		err = c.fill()
	} else {
		err = c.guard.read(c)
	}
	if err == nil {
		c.received.Store(int64(c.manager.elapsed()))
	}
	return err
}

func (g *guard) read(c *Connection) error {
	began := time.Now()
	g.arm(c, g.deadline(c, began))
	for {
		err := c.fill()
		now := time.Now()
		passed := !g.armed.IsZero() && !now.Before(g.armed)
		if err == nil || err == io.EOF || !passed || c.raw != nil && !isTimeout(err) {
			g.waited(c, now.Sub(began))
			return err // also at the deadline of the end
		}
		if !c.in.wanted() {
			began = now // in no reader
		}
		deadline := g.deadline(c, began)
		if deadline.IsZero() || now.Before(deadline) || c.in.load() != inOpen {
			g.set(c, deadline)
			continue
		}
		// Where the whole process was held up, the clock may have passed while
		// bytes were waiting.
		g.set(c, time.Time{})
		if err := c.look(); err != errNothing {
			g.waited(c, now.Sub(began))
			return err
		}
		switch {
		case c.in.load() != inOpen:
		case g.untilFirst > 0 && now.Sub(began) >= g.untilFirst:
			c.manager.refused(refusedFirstDatagram, c.Address())
			return ErrFirstDatagram
		default:
			c.manager.refused(refusedIdle, c.Address())
			return ErrIdle
		}
	}
}

// wanted reports whether some reader has the connection.
func (in *inbound) wanted() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.wants() != nil
}

// deadline returns when a wait for the peer has been too long; zero for never.
func (g *guard) deadline(c *Connection, began time.Time) time.Time {
	wait := c.manager.config.IdleTimeout
	if g.untilFirst > 0 && (wait <= 0 || g.untilFirst < wait) {
		wait = g.untilFirst
	}
	if wait <= 0 {
		return time.Time{}
	}
	return began.Add(wait)
}

// waited counts a wait against the first datagram.
func (g *guard) waited(c *Connection, wait time.Duration) {
	if g.untilFirst > 0 {
		g.untilFirst = max(g.untilFirst-wait, 1)
	}
	if c.raw == nil && !g.armed.IsZero() {
		g.set(c, time.Time{})
	}
}

// arm sees to it that fill returns at the deadline. One set before that comes
// earlier is left, which saves setting one for each read. Of an adopted socket
// none is left, because a deadline that passes may break it.
func (g *guard) arm(c *Connection, deadline time.Time) {
	if deadline.IsZero() || !g.armed.IsZero() && !g.armed.After(deadline) || g.limit.Load() != nil {
		return
	}
	g.set(c, deadline)
}

// set sets the socket's deadline, unless that of the end is in force, which
// another goroutine may set at any moment.
func (g *guard) set(c *Connection, deadline time.Time) {
	limit := g.limit.Load()
	if limit == nil {
		g.armed = deadline
		c.socket.SetReadDeadline(deadline)
		limit = g.limit.Load()
	}
	for limit != nil {
		g.armed = time.Time{}
		set := limit
		c.socket.SetReadDeadline(*set)
		if limit = g.limit.Load(); limit == set {
			return
		}
	}
}

// errNothing is what look has found.
var errNothing = errors.New("nothing to read")

// lookTime is how long an adopted socket, which cannot be asked without
// waiting, is looked at.
const lookTime = 10 * time.Millisecond

// lookPlain is look for a plain socket.
func (c *Connection) lookPlain() error {
	c.guard.set(c, time.Now().Add(lookTime))
	if c.readPlain() != nil {
		return errNothing
	}
	return nil
}

// shortestPause is the least that a connection over its rate rests: a flood must
// not make its own goroutine run for each of its datagrams.
const shortestPause = 50 * time.Millisecond

// within returns how much of a run of n bytes of whole frames may be delivered
// now. With nothing it has waited, and everything may be different. in.mu is
// held.
func (g *guard) within(c *Connection, headerSize, n int) (allowed int, err error) {
	config := &c.manager.config
	if !config.limitsRate() || c.in.state != inOpen {
		return n, nil
	}
	now := time.Now()
	g.slowed = g.slowed && g.spent.owes(now)
	g.next = g.spent
	frames := c.in.buffer.b[c.in.start : c.in.start+n]
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
		c.manager.refused(refusedFlooding, c.Address())
		return 0, ErrFlooding
	default:
		if !g.slowed {
			g.slowed = true
			c.manager.refused(refusedSlowed, c.Address())
		}
		g.pause(&c.in, max(wait, min(shortestPause, config.RateBurst/2)))
	}
	return allowed, nil
}

// pause waits, for a change at the longest so long. in.mu is held.
func (g *guard) pause(in *inbound, wait time.Duration) {
	timer := time.AfterFunc(wait, func() {
		in.mu.Lock()
		defer in.mu.Unlock()
		in.changed.Signal()
	})
	in.changed.Wait()
	timer.Stop()
}

// delivered counts the run that within has allowed.
func (g *guard) delivered() {
	g.spent = g.next
	g.untilFirst = 0
}

// spend counts a datagram that keeps to the rates, or returns how long it must
// wait to do so.
func (r *rates) spend(config *Config, now time.Time, size int) (wait time.Duration) {
	var each, bytes time.Duration
	if config.MaxDatagramsPerSecond > 0 {
		each = costOf(1, config.MaxDatagramsPerSecond)
		wait = r.datagrams.wait(now, each, config.RateBurst)
	}
	if config.MaxBytesPerSecond > 0 {
		bytes = costOf(size, config.MaxBytesPerSecond)
		wait = max(wait, r.bytes.wait(now, bytes, config.RateBurst))
	}
	if wait == 0 {
		r.datagrams.spend(now, each)
		r.bytes.spend(now, bytes)
	}
	return wait
}

// owes reports whether some of what was counted is not yet paid for.
func (r *rates) owes(now time.Time) bool {
	return r.datagrams.until.After(now) || r.bytes.until.After(now)
}
