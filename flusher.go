package queuednet

import (
	"runtime"
	"sync"
)

// flusher writes for the loop, which does no system call: connections with
// something to write are queued, and a few goroutines take them out. It is a
// list and not a channel because a broadcast may queue any number at once, and
// must neither wait nor pay for each.
type flusher struct {
	wake chan struct{} // a token for each goroutine that may find something
	stop chan struct{}

	mu    sync.Mutex
	dirty chain
}

// chain is a list of connections that are marked busy, each in one chain only.
type chain struct{ first, last *Connection }

// add appends a connection.
func (l *chain) add(c *Connection) { l.join(chain{c, c}) }

// join appends another chain.
func (l *chain) join(other chain) {
	switch {
	case other.first == nil:
	case l.first == nil:
		*l = other
	default:
		l.last.out.nextDirty = other.first
		l.last = other.last
	}
}

// take moves connections from the front of the chain.
func (l *chain) take(into []*Connection) (n int) {
	for n < len(into) && l.first != nil {
		c := l.first
		into[n] = c
		n++
		l.first, c.out.nextDirty = c.out.nextDirty, nil
	}
	return n
}

func newFlusher() *flusher {
	return &flusher{wake: make(chan struct{}, flushers()), stop: make(chan struct{})}
}

// flushers is how many goroutines flush; mostly each is in a system call.
func flushers() int { return min(max(2, runtime.GOMAXPROCS(0)), 8) }

// queue hands over connections.
func (f *flusher) queue(dirty chain) {
	if dirty.first == nil {
		return
	}
	f.mu.Lock()
	f.dirty.join(dirty)
	f.mu.Unlock()
	f.signal()
}

// signal wakes a goroutine, if one sleeps.
func (f *flusher) signal() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// take moves connections into a goroutine's own hands, and calls another one
// for what is left.
func (f *flusher) take(into []*Connection) int {
	f.mu.Lock()
	n := f.dirty.take(into)
	more := f.dirty.first != nil
	f.mu.Unlock()
	if more {
		f.signal()
	}
	return n
}

// run flushes until stopped.
func (f *flusher) run() {
	var conns [16]*Connection
	for {
		select {
		case <-f.wake:
		case <-f.stop:
			return
		}
		for {
			n := f.take(conns[:])
			if n == 0 {
				break
			}
			for i, c := range conns[:n] {
				c.flush()
				conns[i] = nil
			}
		}
	}
}
