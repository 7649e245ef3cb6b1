package queuednet

import (
	"sync"
	"sync/atomic"
)

// A run is a piece of a batch: whole frames of one connection, one after another.
type run struct {
	conn       *Connection
	start, end int // in the batch's block
	headerSize int
	cost       int64 // what the run holds of the connection's MaxReceiveQueue
}

// A batch is a block of runs on its way from the network to the loop: one long
// run in the block that it was read into, or short runs of many connections
// gathered in one block. The queue owns it until it is taken, then the loop.
type batch struct {
	block *block
	runs  []run
}

var batchPool = sync.Pool{New: func() any { return new(batch) }}

func newBatch(b *block) *batch {
	batch := batchPool.Get().(*batch)
	batch.block = b
	return batch
}

// free gives back the batch and its block.
func (b *batch) free() {
	b.block.free()
	b.block = nil
	clear(b.runs)
	b.runs = b.runs[:0]
	batchPool.Put(b)
}

const (
	// A run at least this long is handed over in the block it was read into;
	// a shorter one is copied, because it would hold a block many times its size.
	handOver = readBlock / 4

	gatherBlock = readBlock
)

// receiveQueue is what a reader's connections received and the loop has not
// taken. It is a list under a lock, not a channel, for two reasons: a short run
// joins the batch at its tail, behind what is queued already, and no fixed
// capacity fits both one connection and ten thousand. Each connection is
// bounded by itself. The lock is held for a copy of at most handOver bytes.
type receiveQueue struct {
	manager *QueuedConnectionManager

	mu      sync.Mutex
	batches []*batch
	tail    *batch // the last of batches, if it gathers

	size   atomic.Int32 // len(batches), for a look without the lock
	closed atomic.Bool  // changed with mu held
}

// gather copies a short run to the tail. It reports false once closed.
func (q *receiveQueue) gather(r run, frames []byte) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed.Load() {
		return false
	}
	if t := q.tail; t == nil || cap(t.block.b)-len(t.block.b) < len(frames) {
		q.push(newBatch(newBlock(gatherBlock)))
		q.tail = q.batches[len(q.batches)-1]
	}
	t := q.tail
	r.start = len(t.block.b)
	t.block.b = append(t.block.b, frames...)
	r.end = len(t.block.b)
	if n := len(t.runs); n > 0 && t.runs[n-1].conn == r.conn && t.runs[n-1].headerSize == r.headerSize {
		t.runs[n-1].end = r.end
		t.runs[n-1].cost += r.cost
		return true
	}
	t.runs = append(t.runs, r)
	return true
}

// hand queues a long run in its own block, which the queue then owns. It
// reports false, and takes nothing, once closed.
func (q *receiveQueue) hand(r run, b *block) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed.Load() {
		return false
	}
	handed := newBatch(b)
	handed.runs = append(handed.runs, r)
	q.push(handed)
	q.tail = nil
	return true
}

func (q *receiveQueue) push(b *batch) {
	q.batches = append(q.batches, b)
	q.size.Store(int32(len(q.batches)))
	q.manager.queued()
}

// take moves everything queued to the end of into.
func (q *receiveQueue) take(into []*batch) []*batch {
	q.mu.Lock()
	defer q.mu.Unlock()
	into = append(into, q.batches...)
	clear(q.batches)
	q.batches = q.batches[:0]
	q.tail = nil
	q.size.Store(0)
	return into
}

// close makes the queue refuse runs from now on.
func (q *receiveQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed.Store(true)
}
