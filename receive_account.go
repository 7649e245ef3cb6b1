package queuednet

import (
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// The loop does not count what is queued, because that would touch each connection's
// memory. It only publishes how many batches of a queue it has drained, in
// receiveQueue.drained. Each connection keeps its own books: what it has put into which
// batch. It looks up there how much is left before it queues more. To be told when room
// appears, it registers with the queue.

// A batchID names a batch.
type batchID struct {
	queue *receiveQueue
	batch uint64 // its number
}

// A charge is what a connection has put into one batch of a queue.
type charge struct {
	batchID
	cost int64         // what it takes of the connection's MaxReceiveQueue
	at   time.Duration // when the oldest of it arrived, since manager.began
}

// An account belongs to a connection that receives: it holds the reader that gets its
// datagrams, and the charges for those that are queued.
type account struct {
	mu       sync.Mutex
	state    receiveState
	heldBack bool // there is no room for what has arrived

	reader  *QueuedConnectionReader // nil: nobody wants the bytes, they stay where they are
	charges []charge                // what is queued, and what was when charged was last called
	awaited batchID                 // the last one that a call was or is asked for

	bytes     atomic.Uint64 // that have arrived
	datagrams uint64        // that have been queued
	heldBacks uint64        // how often heldBack began
}

// receiveState says what becomes of what arrives.
type receiveState uint8

const (
	receiveOpen   receiveState = iota
	receiveFailed              // nothing can be sent any more: deliver what has arrived, then end
	receiveClosed              // closed by the program: discard
	receiveOver                // nothing more will be queued
)

// attach gives what arrives to r from now on. a.mu is held.
func (a *account) attach(r *QueuedConnectionReader) error {
	switch {
	case a.state >= receiveClosed:
		return net.ErrClosed
	case a.current() != nil:
		return ErrAlreadyAdded
	}
	a.reader = r
	return nil
}

// detach undoes attach: once it has returned, nothing more goes to the reader. It
// reports whether r was the reader; nil stands for any reader.
func (a *account) detach(r *QueuedConnectionReader) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now := a.current(); now == nil || r != nil && now != r {
		return false
	}
	a.reader = nil
	return true
}

// current returns the reader, or nil if it was shut down meanwhile. a.mu is held.
func (a *account) current() *QueuedConnectionReader {
	if a.reader != nil && a.reader.queue.closed.Load() {
		a.reader = nil
	}
	return a.reader
}

// attached returns the reader.
func (a *account) attached() *QueuedConnectionReader {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.current()
}

func (a *account) loadState() receiveState {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state
}

// raise moves the state forward; it never goes back.
func (a *account) raise(state receiveState) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.advance(state)
}

// advance is raise with a.mu held.
func (a *account) advance(state receiveState) {
	a.state = max(a.state, state)
	if a.state >= receiveClosed {
		a.reader = nil
	}
}

// pay notes what the queue charges for what was put into it. a.mu is held, and has been
// since before that.
func (a *account) pay(due charge) {
	n := len(a.charges)
	if due.queue == nil { // it was dropped
		return
	}
	if n == 0 || a.charges[n-1].batchID != due.batchID {
		a.charges = append(a.charges, due)
		return
	}
	last := &a.charges[n-1]
	if due.queue.recent {
		last.cost, last.at = 0, due.at // it has just been replaced
	}
	last.cost += due.cost
}

// charged returns the cost of what the loop has not drained. a.mu is held.
func (a *account) charged() (cost int64) {
	a.charges = slices.DeleteFunc(a.charges, func(c charge) bool { return c.queue.drained.Load() >= c.batch })
	for _, c := range a.charges {
		cost += c.cost
	}
	return cost
}

// hasRoom reports whether a span may be queued: a single one always may, and so may one
// that takes the place of what is queued. a.mu is held.
func (a *account) hasRoom(q *receiveQueue, cost int64, limit int) bool {
	charged := a.charged()
	return q.recent || charged == 0 || charged+cost <= int64(limit)
}

// holdBack notes that there is no room. a.mu is held.
func (a *account) holdBack() {
	if !a.heldBack {
		a.heldBack = true
		a.heldBacks++
	}
}

// notifyWhenDrained has w told when the oldest batch has been drained, and
// reports false if there is none to wait for. a.mu is held.
func (a *account) notifyWhenDrained(w drainWaiter) bool {
	for a.charged() > 0 {
		oldest := a.charges[0].batchID
		if oldest == a.awaited || oldest.queue.notifyWhenDrained(oldest.batch, w) {
			a.awaited = oldest
			return true
		}
	}
	return false
}

// credited notes that the awaited batch has been drained, and returns the state.
func (a *account) credited() receiveState {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.awaited = batchID{}
	return a.state
}
