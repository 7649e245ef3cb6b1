package queuednet

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// flusher writes for the loop, which does no system call: connections with
// something to write are queued, and a few goroutines take them out. It is a
// list and not a channel because a broadcast may queue any number at once, and
// must neither wait nor pay for each.
//
// The loop takes no lock here: if the system suspended a flushing goroutine that held
// it, the loop would wait for milliseconds.
type flusher struct {
	log  *sendLog
	wake chan struct{} // a token for each goroutine that may find something
	stop chan struct{}

	inbox atomic.Pointer[stream] // what has been queued since the last look, the latest chain first

	held atomic.Bool  // a loop writes a few streams itself: nobody is called for them
	kept atomic.Int32 // how many those are

	mu    sync.Mutex // of the flushing goroutines
	dirty *stream    // what they have found and nobody has in hand
}

// chain is a list of connections that are marked busy, each in one chain only.
type chain struct{ first, last *stream }

// add appends a connection.
func (l *chain) add(c *stream) {
	if l.first == nil {
		l.first = c
	} else {
		l.last.out.nextDirty = c
	}
	l.last = c
}

func newFlusher() *flusher {
	return &flusher{wake: make(chan struct{}, flushers()), stop: make(chan struct{})}
}

// flushers is how many goroutines flush; mostly each is in a system call.
func flushers() int { return min(max(2, runtime.GOMAXPROCS(0)), 8) }

// queue hands over connections. It does not wait.
func (f *flusher) queue(dirty chain) {
	if dirty.first == nil {
		return
	}
	n := 1
	if dirty.first != dirty.last {
		n += ownWrites // more than a loop writes itself
	}
	for {
		before := f.inbox.Load()
		dirty.last.out.nextDirty = before
		if f.inbox.CompareAndSwap(before, dirty.first) {
			f.call(before == nil, n)
			return
		}
	}
}

// call wakes a goroutine for n streams, unless a loop keeps them for itself. It does so
// only for the first streams in the queue, because whoever queued those has called
// already.
func (f *flusher) call(first bool, n int) {
	switch {
	case !f.held.Load():
		if first {
			f.signal()
		}
	case f.kept.Add(int32(n)) > ownWrites:
		f.held.Store(false)
		f.signal()
	}
}

// hold keeps streams that are queued from now on, if they are few, for a call of write.
func (f *flusher) hold() {
	f.kept.Store(0)
	f.held.Store(true)
}

// release has the flushing goroutines write what is kept.
func (f *flusher) release() {
	f.held.Store(false)
	if f.isAny() { // after the store: see call
		f.signal()
	}
}

// write writes what is kept, or calls the goroutines for it if it is much.
func (f *flusher) write() {
	f.held.Store(false)
	if !f.isAny() {
		return
	}
	var conns [ownWrites]*stream
	f.log.tryDistribute()
	n := f.take(conns[:])
	for _, c := range conns[:n] {
		c.carrier.flush()
	}
}

func (f *flusher) isAny() bool { return f.inbox.Load() != nil || !f.log.isEmpty() }

// signal wakes a goroutine, if one sleeps.
func (f *flusher) signal() { signal(f.wake) }

// take moves streams into a goroutine's own list, and calls another goroutine for what
// is left.
func (f *flusher) take(into []*stream) (n int) {
	f.mu.Lock()
	if f.dirty == nil {
		f.dirty = f.inbox.Swap(nil)
	}
	for n < len(into) && f.dirty != nil {
		c := f.dirty
		into[n] = c
		n++
		f.dirty, c.out.nextDirty = c.out.nextDirty, nil
	}
	more := f.dirty != nil
	f.mu.Unlock()
	if more {
		f.signal()
	}
	return n
}

// run flushes until stopped.
func (f *flusher) run() {
	var conns [16]*stream
	for {
		select {
		case <-f.wake:
		case <-f.stop:
			return
		}
		for {
			f.log.tryDistribute()
			n := f.take(conns[:])
			if n == 0 {
				break
			}
			for i, c := range conns[:n] {
				c.carrier.flush()
				conns[i] = nil
			}
		}
	}
}
