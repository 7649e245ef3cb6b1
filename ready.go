package queuednet

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// ready is what WaitForReaders waits for: how much is in all queues of a manager.
// Whoever queues or takes counts it here, in an atomic; the gate is touched only while
// somebody waits.
type ready struct {
	count   atomic.Int64 // batches and connections
	waiters atomic.Int32 // calls of wait
	gate    gate
	timers  sync.Pool // of *time.Timer, for waits with a deadline

	// A loop may wait in the kernel instead: see engine.waitAsLoop.
	inKernel atomic.Bool
	wake     func() // ends that wait
}

// add counts something that was queued, and wakes who waits for it.
func (r *ready) add() {
	r.count.Add(1)
	if r.inKernel.Load() && r.inKernel.CompareAndSwap(true, false) {
		r.wake()
	}
	if r.waiters.Load() > 0 { // after the count: see wait
		r.gate.lock()
		r.unlock()
	}
}

// remove counts what was taken from a queue, or dropped.
func (r *ready) remove(n int) { r.count.Add(int64(-n)) }

func (r *ready) isAny() bool { return r.count.Load() > 0 }

// unlock gives the gate back.
func (r *ready) unlock() { r.gate.unlock(r.isAny()) }

// wait BLOCKS until something is queued, ctx is done, or closed is closed, or until it
// has received a token.
//
// The gate may say that there is something although all of it has been taken: then the
// next waiter corrects that, and waits on. It never misses something, because either
// add sees the waiter, or the waiter sees what is queued.
func (r *ready) wait(ctx context.Context, closed, token <-chan struct{}) (hasToken bool, err error) {
	r.waiters.Add(1)
	defer r.waiters.Add(-1)
	var over <-chan time.Time
	if deadline, ok := ctx.Deadline(); ok {
		timer := r.timer(time.Until(deadline))
		defer r.putTimer(timer)
		over = timer.C
	}
	for !r.isAny() {
		select {
		case <-r.gate.something:
			r.unlock()
		case <-ctx.Done():
			return false, ctx.Err()
		case <-over:
			return false, overdue(ctx)
		case <-closed:
			return false, net.ErrClosed
		case <-token:
			return true, nil
		}
	}
	return false, nil
}

// timer returns a timer that putTimer takes back.
func (r *ready) timer(d time.Duration) *time.Timer {
	timer, ok := r.timers.Get().(*time.Timer)
	if !ok {
		return time.NewTimer(d)
	}
	timer.Reset(d)
	return timer
}

func (r *ready) putTimer(timer *time.Timer) {
	timer.Stop()
	r.timers.Put(timer)
}

// overdue returns why a wait is over once the deadline of ctx has passed. The context
// itself may be done later, or not at all.
func overdue(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return context.DeadlineExceeded
}
