package queuednet

import (
	"context"
	"net"
	"sync/atomic"
	"time"
)

// A loop that waits in WaitForReaders sweeps itself, so that a round trip switches no
// goroutine: it writes what is pending, waits in the kernel, and serves what is ready.
// Whoever has the engine's token sweeps. The engine's own goroutine stands by then, and
// takes over when the loop has been away for longer than a game's answer takes.

const (
	// takeover is how long a loop that sweeps may stay away.
	takeover = 2 * time.Millisecond

	// ownWrites is how many streams with something to write a loop keeps for itself: it
	// writes to them when it waits next. For more it calls the flushing goroutines.
	ownWrites = 16

	// busySweep is how many events make a sweep a long one, after which the next is left
	// to the engine's goroutine: it reads while the loop takes what there is.
	busySweep = 64
)

// loops is what an engine has for loops that sweep.
type loops struct {
	// Changed by whoever has the token.
	session atomic.Bool     // a loop sweeps, and is expected back
	inside  atomic.Bool     // it has the token
	visits  atomic.Uint32   // how often one has got it
	watched <-chan struct{} // of the context whose end wakes the loop
	unwatch func() bool
	latest  <-chan struct{} // of the context of the latest call

	timer  *time.Timer   // of the engine's goroutine
	asleep atomic.Bool   // it waits for left
	left   chan struct{} // a token: the loop has given the engine's back
}

// waitForReaders is WaitForReaders of a manager that has an engine.
func (e *engine) waitForReaders(ctx context.Context) error {
	r := &e.manager.ready
	for !r.isAny() {
		var hasToken bool
		var err error
		switch {
		case e.failed.Load() != nil: // there is nothing to sweep
			_, err = r.wait(ctx, e.manager.closed, nil)
		case e.tryToken():
			hasToken = true
		default:
			hasToken, err = r.wait(ctx, e.manager.closed, e.token)
		}
		if hasToken {
			err = e.sweepForLoop(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tryToken reports whether nobody swept: then the caller does.
func (e *engine) tryToken() bool {
	select {
	case <-e.token:
		return true
	default:
		return false
	}
}

// sweepForLoop sweeps until something is queued. It has the token, and gives it back.
func (e *engine) sweepForLoop(ctx context.Context) error {
	e.loops.enter()
	defer e.leaveLoop()
	if again := e.watch(ctx); !again { // perhaps it is for this call: its end would wake somebody
		defer e.stopWatching()
	}
	deadline, ends := ctx.Deadline()
	for !e.manager.ready.isAny() && e.failed.Load() == nil {
		if err := ctx.Err(); err != nil {
			return err
		}
		limit := time.Duration(-1)
		if ends {
			if limit = time.Until(deadline); limit <= 0 {
				return overdue(ctx)
			}
		}
		select {
		case <-e.manager.closed:
			return net.ErrClosed
		default:
		}
		e.manager.flusher.write()
		e.sweep(func() int { return e.waitAsLoop(limit) })
	}
	return nil
}

func (l *loops) enter() {
	l.inside.Store(true)
	l.session.Store(true)
	l.visits.Add(1)
}

// leaveLoop gives the token back. What the loop sends from now on waits for it, unless
// there is so much to read that the engine's goroutine goes on at once.
func (e *engine) leaveLoop() {
	busy := e.busy
	if busy {
		e.endSession()
	} else {
		e.manager.flusher.hold()
	}
	e.inside.Store(false)
	e.token <- struct{}{}
	if busy || e.asleep.Load() {
		signal(e.left)
	}
}

// watch has the loop woken when ctx is done, and reports whether the call before had the
// same context. If it had, that stays so for the next ones: then none of them allocates.
func (e *engine) watch(ctx context.Context) (again bool) {
	done := ctx.Done()
	if done != e.watched {
		e.stopWatching()
		if done != nil {
			e.watched, e.unwatch = done, context.AfterFunc(ctx, e.wakeUnlessStopped)
		}
	}
	again, e.latest = done == e.latest, done
	return again
}

// stopWatching ends what watch began.
func (e *engine) stopWatching() {
	if e.unwatch != nil {
		e.unwatch()
		e.watched, e.unwatch = nil, nil
	}
}

// wakeUnlessStopped wakes who waits in the kernel, for somebody that close does not
// wait for.
func (e *engine) wakeUnlessStopped() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.stopped {
		e.poller.Wake()
	}
}

// waitAsLoop is wait for a loop, for at most d unless that is negative: it ends also
// when somebody else queues something.
func (e *engine) waitAsLoop(d time.Duration) int {
	r := &e.manager.ready
	r.inKernel.Store(true)
	defer r.inKernel.Store(false)
	if r.isAny() { // after the store: see ready.add
		d = 0
	}
	return e.wait(d)
}

// standBy returns when no loop sweeps: none has for the time of takeover.
func (e *engine) standBy() {
	for e.session.Load() {
		seen := e.visits.Load()
		if !e.doze(takeover) {
			return
		}
		switch {
		case e.visits.Load() != seen: // it comes and goes: nobody is woken for that
		case e.inside.Load():
			e.awaitLeaving()
		default:
			return
		}
	}
}

// awaitLeaving returns when the loop has given the token back.
func (e *engine) awaitLeaving() {
	e.asleep.Store(true)
	defer e.asleep.Store(false)
	if !e.inside.Load() { // after the store: see leaveLoop
		return
	}
	select {
	case <-e.left:
	case <-e.manager.closed:
	}
}

// doze lets time pass, until the loop has left something to do. It reports false when
// the manager is closed.
func (e *engine) doze(d time.Duration) bool {
	if e.timer == nil {
		e.timer = time.NewTimer(d)
	} else {
		e.timer.Reset(d)
	}
	defer e.timer.Stop()
	select {
	case <-e.timer.C:
		return true
	case <-e.left:
		return true
	case <-e.manager.closed:
		return false
	}
}

// endSession is called by the engine's goroutine when it has the token: what a loop has
// sent waits for it no longer.
func (e *engine) endSession() {
	if e.session.Load() {
		e.session.Store(false)
		e.manager.flusher.release()
	}
}
