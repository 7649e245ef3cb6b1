package queuednet

import (
	"sync"
	"sync/atomic"
)

// A run is a piece of a batch: whole frames of one connection, one after another.
type run struct {
	conn       *Connection
	from       NetAddress // of the sender: all frames of a run have the same
	start, end int        // in the batch's block
	headerSize int
	cost       int64 // what the run holds of the connection's MaxReceiveQueue
}

// rawHeader is the size of the header that is put before what is received in
// raw mode, so that the queue holds frames of one form only.
const rawHeader = 4

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

	size     atomic.Int32 // len(batches), for a look without the lock
	closed   atomic.Bool  // changed with mu held
	overflow atomic.Bool  // a datagram was dropped because of limit
	copies   atomic.Bool  // runs must be gathered: limit or recent is set

	mu      sync.Mutex
	batches []*batch
	tail    *batch // the last of batches, if it gathers
	limit   int    // datagrams to queue at most; negative: any number
	count   int    // datagrams queued, if there is a limit
	recent  bool   // only the newest datagram is kept
}

// gather copies a run of frames to the tail; its cost is what it holds beside
// them. It reports false once closed.
// Bounds in datagrams apply here: what they drop counts as queued, and sets
// overflow.
func (q *receiveQueue) gather(r run, frames []byte) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed.Load() {
		return false
	}
	if q.recent {
		frames = lastFrame(frames, r.headerSize)
		q.replace()
	}
	if q.limit >= 0 {
		kept, n := firstFrames(frames, r.headerSize, max(q.limit-q.count, 0))
		if len(kept) < len(frames) {
			q.overflow.Store(true)
		}
		if frames = kept; n == 0 {
			return true
		}
		q.count += n
	}
	r.cost += int64(len(frames))
	r.conn.in.queued.Add(r.cost)
	if t := q.tail; t == nil || cap(t.block.b)-len(t.block.b) < len(frames) {
		q.push(newBatch(newBlock(max(gatherBlock, len(frames)))))
		q.tail = q.batches[len(q.batches)-1]
	}
	t := q.tail
	r.start = len(t.block.b)
	t.block.b = append(t.block.b, frames...)
	r.end = len(t.block.b)
	if n := len(t.runs); n > 0 && t.runs[n-1].joins(r) {
		t.runs[n-1].end = r.end
		t.runs[n-1].cost += r.cost
		return true
	}
	t.runs = append(t.runs, r)
	return true
}

// joins reports whether the frames of next, which come behind r's, may be r's.
func (r *run) joins(next run) bool {
	return r.conn == next.conn && r.headerSize == next.headerSize && r.from == next.from
}

// hand queues a long run in its own block, which the queue then owns. It
// reports false, and takes nothing, once closed.
func (q *receiveQueue) hand(r run, b *block) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed.Load() {
		return false
	}
	r.cost = int64(cap(b.b))
	r.conn.in.queued.Add(r.cost)
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

// replace drops what is queued for something newer. The connections' own locks
// are held while theirs is delivered, so ends are reported apart.
func (q *receiveQueue) replace() {
	for _, b := range q.batches {
		for _, r := range b.runs {
			if r.conn.in.queued.Add(-r.cost) == 0 && r.conn.in.over.Load() {
				q.manager.goroutines.Go(r.conn.reportIfTaken)
			}
		}
		b.free()
	}
	q.manager.taken(len(q.batches))
	q.clear()
}

func (q *receiveQueue) clear() {
	clear(q.batches)
	q.batches = q.batches[:0]
	q.tail, q.count = nil, 0
	q.size.Store(0)
}

// setLimit bounds the queue to a number of datagrams; negative is none.
func (q *receiveQueue) setLimit(limit int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.limit = max(limit, -1)
	q.copies.Store(q.recent || q.limit >= 0)
	q.count, _ = countFrames(q.batches, 0)
}

// totals returns how many datagrams are queued, and the bytes they hold.
func (q *receiveQueue) totals() (datagrams, bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return countFrames(q.batches, 0)
}

// countFrames counts the datagrams in batches from a run of the first one on,
// and the bytes that they hold.
func countFrames(batches []*batch, first int) (datagrams, bytes int) {
	for _, b := range batches {
		for _, r := range b.runs[first:] {
			_, n := firstFrames(b.block.b[r.start:r.end], r.headerSize, -1)
			datagrams += n
			bytes += r.end - r.start - n*r.headerSize
		}
		first = 0
	}
	return datagrams, bytes
}

// take moves everything queued to the end of into.
func (q *receiveQueue) take(into []*batch) []*batch {
	q.mu.Lock()
	defer q.mu.Unlock()
	into = append(into, q.batches...)
	q.clear()
	return into
}

// close makes the queue refuse runs from now on.
func (q *receiveQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed.Store(true)
}
