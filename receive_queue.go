package queuednet

import (
	"math"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// A span is a piece of a batch: whole frames of one connection, one after another. It is
// small, because in a game's everyday most spans are of one frame.
type span struct {
	conn       *Connection
	at         time.Duration // when it arrived, since manager.began
	next, last int32         // its frames, among those of the block
	sender     int32         // of UDP: the number of its sender in the batch, from 1
	headerSize uint8
}

// frames returns how many frames a span has left.
func (r *span) frames() int { return int(r.last - r.next) }

// A sender is where packets of UDP came from: all frames of a span have the same.
type sender struct {
	address NetAddress
	local   netip.Addr // see NetDatagram.LocalAddress
}

// spanSize is about how much memory a span and its sender take beside the frames. Where
// each is of another sender, and tiny, that is the most of it, so the bounds count it.
const spanSize int64 = 152

// atResolution is how much later than the first of a span its frames may have arrived:
// Received of a datagram is as exact as that.
const atResolution = time.Millisecond

// rawHeader is the size of the header that is put before what is received in
// raw mode, so that the queue holds frames of one form only.
const rawHeader = 4

// A batch is a block of spans on its way from the network to the loop: one long
// span in the block that it was read into, or short spans of many connections
// gathered in one block. The queue owns it until it is taken, then the loop.
//
// Where frames end is noted in the block while they are still in the cache of
// the goroutine that read them: a loop that had to look for it in their headers
// would wait for memory at each of them.
type batch struct {
	number uint64 // in its queue, from 1
	block  *block
	start  int // of the first frame, in block; each of the others begins at the end of the one before
	spans  []span

	senders []sender // of packets
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
	b.block, b.start = nil, 0
	b.forget()
	batchPool.Put(b)
}

// forget empties the batch, but for its block.
func (b *batch) forget() {
	clear(b.spans)
	clear(b.senders)
	b.spans, b.senders = b.spans[:0], b.senders[:0]
}

// add adds a span of the frames of the block that have been found behind those of the
// spans before it. If they are of the same kind they join those. It reports whether the
// span is a new one.
func (b *batch) add(r *span, from *sender) bool {
	n := len(b.spans)
	r.next, r.last = 0, int32(len(b.block.ends))
	if n > 0 {
		r.next = b.spans[n-1].last
	}
	if n > 0 && b.joins(&b.spans[n-1], r, from) {
		b.spans[n-1].last = r.last
		return false
	}
	if from != nil {
		b.senders = append(b.senders, *from)
		r.sender = int32(len(b.senders))
	}
	b.spans = append(b.spans, *r)
	return n > 0
}

// joins reports whether the frames of next, which follow those of r, may be counted
// among r's.
func (b *batch) joins(r, next *span, from *sender) bool {
	return r.conn == next.conn && next.at-r.at < atResolution && r.headerSize == next.headerSize &&
		(from == nil || *from == b.senders[r.sender-1])
}

// begin returns where a frame begins.
func (b *batch) begin(frame int32) int {
	if frame == 0 {
		return b.start
	}
	return int(b.block.ends[frame-1])
}

// take takes the next frame of a span, which has one, and returns its payload.
func (b *batch) take(r *span) []byte {
	start, end := b.begin(r.next)+int(r.headerSize), int(b.block.ends[r.next])
	r.next++
	return b.block.b[start:end:end]
}

const (
	// A span that fills at least this part of what it costs is handed over in the
	// block that it was read into.
	handOverDivisor = 4

	gatherBlock = readBlock
)

// handedCost is what a connection is charged for a block that it hands over: at
// least as much as the block that is gathered in, because what is gathered next
// takes a new one.
func handedCost(b *block) int { return max(cap(b.b), gatherBlock) }

// receiveQueue is what a reader's connections received and the loop has not
// taken. It is a list under a lock, not a channel, for two reasons: a short span
// joins the batch at its tail, behind what is queued already, and no fixed
// capacity fits both one connection and ten thousand. Each connection is
// bounded by itself. The lock is held for a copy of at most 1/handOverDivisor of bulkBlock.
type receiveQueue struct {
	manager *QueuedConnectionManager

	size     atomic.Int32  // len(batches), for a look without the lock
	drained  atomic.Uint64 // the number of the last batch that the loop is done with
	waits    atomic.Int32  // how many are in waiting
	closed   atomic.Bool   // changed with mu held
	overflow atomic.Bool   // a datagram was dropped because of limit
	copies   atomic.Bool   // spans must be gathered: limit or recent is set

	mu      sync.Mutex
	batches []*batch
	pushed  uint64                   // the number of the last of them
	waiting map[uint64][]drainWaiter // to be told when the batch of this number is drained
	tail    *batch                   // the last of batches, if it gathers
	limit   int                      // datagrams to queue at most; negative: any number
	count   int                      // datagrams queued, if there is a limit
	recent  bool                     // only the newest datagram is kept
}

// gather copies a span of frames to the tail, which are from a sender if they came over
// UDP. It returns what its connection is to be charged: the frames and so much beside
// them, or spanSize if the span is one more. It reports false, and takes nothing, once
// closed. Bounds in datagrams apply here: what they drop counts as queued, costs
// nothing, and sets overflow.
func (q *receiveQueue) gather(r *span, from *sender, frames []byte, beside int64) (due charge, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed.Load() {
		return charge{}, false
	}
	if q.copies.Load() {
		if frames = q.bounded(frames, int(r.headerSize)); len(frames) == 0 {
			return charge{}, true
		}
	}
	t := q.gathering(len(frames))
	start := len(t.block.b)
	t.block.b = append(t.block.b, frames...)
	t.block.cut(start, int(r.headerSize), math.MaxInt64)
	if t.add(r, from) {
		beside = spanSize
	}
	q.countReceived(r)
	return charge{batchID{q, t.number}, int64(len(frames)) + beside, r.at}, true
}

// countReceived counts the datagrams of a span for the manager, before the loop can
// take them. q.mu is held.
func (q *receiveQueue) countReceived(r *span) {
	if q.manager != nil {
		q.manager.counts.received.add(r.frames(), 0)
	}
}

// bounded returns the frames that a bound in datagrams lets in. With recent it drops
// the datagram whose place they take.
func (q *receiveQueue) bounded(frames []byte, headerSize int) []byte {
	queued := q.count
	if q.recent {
		frames, queued = lastFrame(frames, headerSize), 0
	}
	if q.limit >= 0 {
		kept, n := firstFrames(frames, headerSize, max(q.limit-queued, 0))
		if dropped := frames[len(kept):]; len(dropped) > 0 {
			q.overflow.Store(true)
			_, n := firstFrames(dropped, headerSize, -1)
			q.manager.counts.dropped.Add(uint64(n))
		}
		if len(kept) == 0 { // what is queued stays, or a batch would be empty
			return nil
		}
		frames, q.count = kept, queued+n
	}
	if q.recent {
		q.replace()
	}
	return frames
}

// gathering returns the batch at the tail, with room for size bytes.
func (q *receiveQueue) gathering(size int) *batch {
	t := q.tail
	if t != nil && cap(t.block.b)-len(t.block.b) >= size {
		return t
	}
	b := newBlock(max(gatherBlock, size))
	if t != nil && len(t.spans) == 0 { // see replace
		t.block.free()
		t.block = b
		return t
	}
	q.tail = newBatch(b)
	q.push(q.tail)
	return q.tail
}

// hand queues a long span, all frames that have been found in its own block from
// start on; the queue then owns that. It returns what the connection is to be
// charged, or reports false, and takes nothing, once closed.
func (q *receiveQueue) hand(r *span, b *block, start int) (due charge, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed.Load() {
		return charge{}, false
	}
	handed := newBatch(b)
	handed.start = start
	handed.add(r, nil)
	q.countReceived(r)
	q.push(handed)
	q.tail = nil
	return charge{batchID{q, handed.number}, int64(handedCost(b)), r.at}, true
}

func (q *receiveQueue) push(b *batch) {
	q.pushed++
	b.number = q.pushed
	q.batches = append(q.batches, b)
	q.size.Store(int32(len(q.batches)))
	q.manager.announce()
}

// replace empties the queued batch, if there is one, for something newer.
func (q *receiveQueue) replace() {
	if t := q.tail; t != nil {
		t.block.b, t.block.ends = t.block.b[:0], t.block.ends[:0]
		t.forget()
	}
}

func (q *receiveQueue) clear() {
	clear(q.batches)
	q.batches = q.batches[:0]
	q.tail, q.count = nil, 0
	q.size.Store(0)
}

// setLimit bounds the queue to a number of datagrams; a negative number is no bound.
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

// countFrames counts the datagrams in batches from a span of the first one on,
// and the bytes that they hold.
func countFrames(batches []*batch, first int) (datagrams, bytes int) {
	for _, b := range batches {
		for _, r := range b.spans[first:] {
			if n := r.frames(); n > 0 {
				datagrams += n
				bytes += b.begin(r.last) - b.begin(r.next) - n*int(r.headerSize)
			}
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

// close makes the queue refuse spans from now on.
func (q *receiveQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed.Store(true)
}

// A drainWaiter is told when a batch has been drained.
type drainWaiter interface{ batchDrained() }

// notifyWhenDrained has w told when a batch has been drained, unless the batch is
// drained already.
func (q *receiveQueue) notifyWhenDrained(batch uint64, w drainWaiter) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waits.Add(1) // before the look at drained, which the loop sets before it looks at waits
	if q.drained.Load() >= batch {
		q.waits.Add(-1)
		return false
	}
	if q.waiting == nil {
		q.waiting = make(map[uint64][]drainWaiter)
	}
	q.waiting[batch] = append(q.waiting[batch], w)
	return true
}

// drain is called by the loop when it is done with a batch, which is the one
// after those that were drained before.
func (q *receiveQueue) drain(batch uint64) {
	q.drained.Store(batch)
	if q.waits.Load() == 0 {
		return
	}
	q.mu.Lock()
	waiting := q.waiting[batch]
	delete(q.waiting, batch)
	q.waits.Add(-int32(len(waiting)))
	q.mu.Unlock()
	for _, w := range waiting {
		w.batchDrained()
	}
}
