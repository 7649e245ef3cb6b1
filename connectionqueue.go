package queuednet

import (
	"iter"
	"sync"
	"sync/atomic"
)

// connectionQueue holds connections for the loop: accepted ones, or ended ones.
//
// A drain, a loop of "available? take one", ends after what was queued when it
// began even if more comes while it runs: left counts down to the end of the
// drain, and then the loop is told once that nothing is available.
type connectionQueue struct {
	manager *QueuedConnectionManager

	size  atomic.Int32 // len(items), for a look without the lock
	ended atomic.Bool  // the drain has ended and has not been told

	mu    sync.Mutex
	items []*Connection
	left  int // what the running drain has still to take; 0: none runs
}

// put appends c. At limit, if there is one, the oldest item is dropped for it.
func (q *connectionQueue) put(c *Connection, limit int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if limit > 0 && len(q.items) >= limit {
		q.removeAt(0)
	}
	q.items = append(q.items, c)
	q.size.Store(int32(len(q.items)))
	q.manager.queued()
}

// available reports whether the running drain, or else a new one, has something to take.
func (q *connectionQueue) available() bool {
	if q.ended.Load() && q.ended.CompareAndSwap(true, false) {
		return false
	}
	if q.size.Load() == 0 {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.left == 0 {
		q.left = len(q.items)
	}
	return len(q.items) > 0
}

// get takes the oldest connection as a part of the running drain, or begins one.
func (q *connectionQueue) get() (*Connection, bool) {
	if !q.available() {
		return nil, false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) == 0 {
		return nil, false
	}
	if q.left--; q.left <= 0 {
		q.left = 0
		q.ended.Store(true)
	}
	return q.removeAt(0), true
}

// all is the drain as an iterator. take sees each connection before the loop
// does and may withhold it.
func (q *connectionQueue) all(take func(*Connection) bool) iter.Seq[*Connection] {
	return func(yield func(*Connection) bool) {
		q.mu.Lock()
		q.left = 0
		q.ended.Store(false)
		n := len(q.items)
		q.mu.Unlock()
		for range n {
			q.mu.Lock()
			if len(q.items) == 0 {
				q.mu.Unlock()
				return
			}
			c := q.removeAt(0)
			q.mu.Unlock()
			if take(c) && !yield(c) {
				return
			}
		}
	}
}

// remove takes out c, wherever it is.
func (q *connectionQueue) remove(c *Connection) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, item := range q.items {
		if item == c {
			q.removeAt(i)
			return
		}
	}
}

func (q *connectionQueue) removeAt(i int) *Connection {
	c := q.items[i]
	if i == 0 {
		q.items[0] = nil
		q.items = q.items[1:]
	} else {
		q.items = append(q.items[:i], q.items[i+1:]...)
	}
	q.size.Store(int32(len(q.items)))
	q.manager.taken(1)
	return c
}
