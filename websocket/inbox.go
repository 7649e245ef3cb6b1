package websocket

import (
	"os"
	"sync"
	"time"
)

// An inbox holds the bytes that have arrived from the peer, as the frames that the
// manager reads. One side, a goroutine of the connection or the browser, puts whole
// messages in. The other takes bytes out by Read; a deadline that ends a Read does not
// disturb the first side.
type inbox struct {
	mu       sync.Mutex
	changed  sync.Cond // any of the fields below
	unread   *buffer   // nil: nothing
	err      error     // the end, behind what is unread
	full     bool      // put waits for room
	deadline time.Time
	timer    *time.Timer // wakes Read at the deadline
}

// inboxRoom bounds the unread bytes: beyond it nothing more is read from the peer. A
// single message that is longer still fits.
const inboxRoom = 64 << 10

func (in *inbox) init() { in.changed.L = &in.mu }

// Read implements net.Conn, except that a deadline that has passed ends only the wait:
// bytes that are there are returned all the same.
func (in *inbox) Read(p []byte) (int, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for {
		switch {
		case in.unread != nil:
			n := copy(p, in.unread.b[in.unread.start:])
			if in.unread.start += n; in.unread.start == len(in.unread.b) {
				in.unread.free()
				in.unread = nil
			}
			if in.full {
				in.changed.Broadcast()
			}
			return n, nil
		case in.err != nil:
			return 0, in.err
		case !in.deadline.IsZero() && !time.Now().Before(in.deadline):
			return 0, os.ErrDeadlineExceeded
		}
		in.changed.Wait()
	}
}

// SetReadDeadline implements net.Conn.
func (in *inbox) SetReadDeadline(t time.Time) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.deadline = t
	in.changed.Broadcast()
	if in.timer != nil {
		in.timer.Stop()
	}
	wait := time.Until(t)
	if t.IsZero() || wait <= 0 {
		return nil
	}
	if in.timer == nil {
		in.timer = time.AfterFunc(wait, in.wake)
	} else {
		in.timer.Reset(wait)
	}
	return nil
}

func (in *inbox) wake() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.changed.Broadcast()
}

// size returns how many bytes are unread. in.mu is held.
func (in *inbox) size() int {
	if in.unread == nil {
		return 0
	}
	return len(in.unread.b) - in.unread.start
}

// put adds the bytes in b, which it owns from then on. It waits while there is
// no room, and reports false if the connection has ended.
func (in *inbox) put(b *buffer) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	for in.size() >= inboxRoom && in.err == nil {
		in.full = true
		in.changed.Broadcast()
		in.changed.Wait()
	}
	in.full = false
	return in.add(b)
}

// add adds the bytes in b unless the connection has ended. in.mu is held.
func (in *inbox) add(b *buffer) bool {
	switch {
	case in.err != nil:
		b.free()
		return false
	case in.unread == nil:
		in.unread = b
	default:
		in.unread.b = append(in.unread.compact(), b.b...)
		b.free()
	}
	in.changed.Broadcast()
	return true
}

// fail ends the inbox. Read returns the reason once everything has been taken. The
// first reason holds.
func (in *inbox) fail(err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.err == nil {
		in.err = err
	}
	in.changed.Broadcast()
}

// drop is fail without the wait: the unread bytes are given up.
func (in *inbox) drop(err error) {
	in.fail(err)
	in.mu.Lock()
	defer in.mu.Unlock()
	in.unread.free()
	in.unread = nil
	if in.timer != nil {
		in.timer.Stop()
	}
}

// end returns the reason of the end, for which it waits if that is just being found
// out. If put waits for room, which may take as long as the program does, it returns
// nil.
func (in *inbox) end() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	for in.err == nil && !in.full {
		in.changed.Wait()
	}
	return in.err
}

// A buffer is pooled memory for bytes on their way in.
type buffer struct {
	b     []byte
	start int // of what is unread
}

// Sizes of buffers. Those that have grown beyond the largest are not kept.
const (
	smallBuffer   = 1 << 10
	largestPooled = 64 << 10
)

var buffers = sync.Pool{New: func() any { return &buffer{b: make([]byte, 0, smallBuffer)} }}

func newBuffer() *buffer { return buffers.Get().(*buffer) }

func (b *buffer) free() {
	if b == nil || cap(b.b) > largestPooled {
		return
	}
	b.b, b.start = b.b[:0], 0
	buffers.Put(b)
}

// compact moves what is unread to the front and returns it.
func (b *buffer) compact() []byte {
	if b.start > 0 {
		b.b = b.b[:copy(b.b, b.b[b.start:])]
		b.start = 0
	}
	return b.b
}

// room returns the free part of b, which is made larger if there is none.
func (b *buffer) room() []byte {
	if len(b.b) == cap(b.b) {
		b.b = append(b.b, 0)[:len(b.b)]
	}
	return b.b[len(b.b):cap(b.b)]
}

// reserve returns the next n bytes of b for the caller to fill.
func (b *buffer) reserve(n int) []byte {
	start := len(b.b)
	b.b = append(b.b, make([]byte, n)...)
	return b.b[start:]
}
