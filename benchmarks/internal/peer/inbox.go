package peer

import (
	"context"
	"encoding/binary"
	"sync"
	"sync/atomic"

	"github.com/queuednet/queuednet/benchmarks/internal/wire"
)

// An inbox is the queue between a library that calls back, or goroutines that
// read, and a loop that takes everything at once: runs of frames are copied
// into blocks under a lock, which the loop swaps for an empty list. It is the
// best queue that was found for the peers that have none.
type inbox struct {
	ready   atomic.Bool // something is queued
	waiting atomic.Bool
	wake    chan struct{}

	mu       sync.Mutex
	room     sync.Cond // the loop has taken
	bytes    int
	blocks   []*block
	accepted []Conn

	taken []*block // of the loop
	fresh []Conn
}

// run is frames of one connection in a block.
type run struct {
	conn       Conn
	start, end int
}

// block is pooled memory with runs in it.
type block struct {
	b      []byte
	runs   []run
	handed bool // it belongs to one connection: nothing may be appended
}

const (
	blockSize = 64 << 10
	// maxQueued bounds what is queued: beyond it whoever reads waits.
	maxQueued = 32 << 20
)

var blockPool = sync.Pool{New: func() any { return &block{b: make([]byte, 0, blockSize)} }}

func newBlock() *block { return blockPool.Get().(*block) }

func (b *block) free() {
	if cap(b.b) != blockSize {
		return
	}
	clear(b.runs)
	b.b, b.runs, b.handed = b.b[:0], b.runs[:0], false
	blockPool.Put(b)
}

func (q *inbox) init() {
	q.wake = make(chan struct{}, 1)
	q.room.L = &q.mu
}

// put copies a run of frames, given in two pieces.
func (q *inbox) put(conn Conn, first, second []byte) {
	n := len(first) + len(second)
	if n == 0 {
		return
	}
	q.mu.Lock()
	q.awaitRoom()
	var b *block
	if last := len(q.blocks) - 1; last >= 0 && !q.blocks[last].handed && cap(q.blocks[last].b)-len(q.blocks[last].b) >= n {
		b = q.blocks[last]
	} else {
		if b = newBlock(); n > blockSize {
			b = &block{b: make([]byte, 0, n)}
		}
		q.blocks = append(q.blocks, b)
	}
	start := len(b.b)
	b.b = append(append(b.b, first...), second...)
	if last := len(b.runs) - 1; last >= 0 && b.runs[last].conn == conn {
		b.runs[last].end = len(b.b)
	} else {
		b.runs = append(b.runs, run{conn, start, len(b.b)})
	}
	q.queued(n)
}

// hand queues a block as it is, with the frames of one connection up to end.
func (q *inbox) hand(conn Conn, b *block, end int) {
	q.mu.Lock()
	q.awaitRoom()
	b.handed = true
	b.runs = append(b.runs, run{conn, 0, end})
	q.blocks = append(q.blocks, b)
	q.queued(end)
}

// accept queues a new connection.
func (q *inbox) accept(conn Conn) {
	q.mu.Lock()
	q.accepted = append(q.accepted, conn)
	q.queued(0)
}

func (q *inbox) awaitRoom() {
	for q.bytes > maxQueued {
		q.room.Wait()
	}
}

// queued ends what changes the queue; it unlocks.
func (q *inbox) queued(n int) {
	q.bytes += n
	q.ready.Store(true)
	q.mu.Unlock()
	if q.waiting.Load() && q.waiting.CompareAndSwap(true, false) {
		select {
		case q.wake <- struct{}{}:
		default:
		}
	}
}

// Available implements Server.
func (q *inbox) Available() bool { return q.ready.Load() }

// Wait implements Server.
func (q *inbox) Wait(ctx context.Context) error {
	for !q.ready.Load() {
		q.waiting.Store(true)
		if q.ready.Load() {
			break
		}
		select {
		case <-q.wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Accept implements Server.
func (q *inbox) Accept(each func(Conn)) {
	q.mu.Lock()
	q.fresh, q.accepted = q.accepted, q.fresh[:0]
	q.ready.Store(len(q.blocks) > 0)
	q.mu.Unlock()
	for _, conn := range q.fresh {
		each(conn)
	}
	clear(q.fresh)
}

// Receive implements Server.
func (q *inbox) Receive(consumer *Consumer) {
	if !q.ready.Load() {
		return
	}
	q.mu.Lock()
	q.taken, q.blocks = q.blocks, q.taken[:0]
	q.ready.Store(len(q.accepted) > 0)
	if q.bytes > maxQueued {
		q.room.Broadcast()
	}
	q.bytes = 0
	q.mu.Unlock()
	for i, b := range q.taken {
		for _, r := range b.runs {
			for frames := b.b[r.start:r.end]; len(frames) >= wire.HeaderSize; {
				end := wire.HeaderSize + int(binary.LittleEndian.Uint16(frames))
				consumer.Take(r.conn, frames[wire.HeaderSize:end])
				frames = frames[end:]
			}
		}
		b.free()
		q.taken[i] = nil
	}
}

// A cutter keeps the part of a frame that has come of a connection.
type cutter struct{ partial []byte }

// feed queues the whole frames of what has come of a connection.
func (c *cutter) feed(q *inbox, conn Conn, b []byte) {
	var first []byte
	if len(c.partial) > 0 {
		for len(c.partial) < wire.HeaderSize && len(b) > 0 {
			c.partial, b = append(c.partial, b[0]), b[1:]
		}
		if len(c.partial) < wire.HeaderSize {
			return
		}
		missing := wire.HeaderSize + int(binary.LittleEndian.Uint16(c.partial)) - len(c.partial)
		n := min(missing, len(b))
		c.partial, b = append(c.partial, b[:n]...), b[n:]
		if n < missing {
			return
		}
		first = c.partial
	}
	n := wire.Cut(b)
	q.put(conn, first, b[:n])
	if c.partial = c.partial[:0]; n < len(b) {
		c.partial = append(c.partial, b[n:]...)
	}
}
