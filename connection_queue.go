package queuednet

import (
	"iter"
	"slices"
	"sync"
	"sync/atomic"
)

// connectionQueue holds connections for the loop: accepted ones, or ended ones.
//
// A drain, a loop of "available? take one", takes what was queued when it began, and
// ends, even if more is queued while it runs: it takes the numbers up to until, and
// then the loop is told once that nothing is available. Connections are numbered rather
// than counted because some of those that a drain was to take may be removed while it
// runs.
type connectionQueue struct {
	manager *QueuedConnectionManager

	size  atomic.Int32 // len(items), for a look without the lock
	ended atomic.Bool  // the drain has ended and has not been told

	mu    sync.Mutex
	items []queuedConnection
	last  uint64 // the number of the newest
	until uint64 // the number of the last that the running drain takes; 0: none runs
}

type queuedConnection struct {
	conn   *Connection
	number uint64 // from 1, in the order of put
}

// put appends c. If limit items are queued, the oldest is dropped; a limit of 0 is
// none.
func (q *connectionQueue) put(c *Connection, limit int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if limit > 0 && len(q.items) >= limit {
		q.removeAt(0)
	}
	q.last++
	q.items = append(q.items, queuedConnection{c, q.last})
	q.size.Store(int32(len(q.items)))
	q.manager.announce()
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
	if q.until == 0 && len(q.items) > 0 {
		q.until = q.last
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
	return q.removeAt(0), true
}

// all is the drain as an iterator. take sees each connection before the loop
// does and may withhold it.
func (q *connectionQueue) all(take func(*Connection) bool) iter.Seq[*Connection] {
	return func(yield func(*Connection) bool) {
		until := q.begin()
		for {
			c := q.next(until)
			if c == nil {
				return
			}
			if take(c) && !yield(c) {
				return
			}
		}
	}
}

// begin ends the drain that runs, and returns the number of the last connection
// that one which begins now takes.
func (q *connectionQueue) begin() (until uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.until = 0
	q.ended.Store(false)
	return q.last
}

// next takes the oldest connection if its number is at most until; otherwise it returns
// nil.
func (q *connectionQueue) next(until uint64) *Connection {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) == 0 || q.items[0].number > until {
		return nil
	}
	return q.removeAt(0)
}

// remove takes out c, wherever it is.
func (q *connectionQueue) remove(c *Connection) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, item := range q.items {
		if item.conn == c {
			q.removeAt(i)
			return
		}
	}
}

// removeAt takes out a connection, and ends the running drain if that was to take
// no other. q.mu is held.
func (q *connectionQueue) removeAt(i int) *Connection {
	c := q.items[i].conn
	if i == 0 {
		q.items[0] = queuedConnection{}
		q.items = q.items[1:]
	} else {
		q.items = slices.Delete(q.items, i, i+1)
	}
	q.size.Store(int32(len(q.items)))
	q.manager.ready.remove(1)
	if q.until != 0 && (len(q.items) == 0 || q.items[0].number > q.until) {
		q.until = 0
		q.ended.Store(true)
	}
	return c
}
