package queuednet

import (
	"errors"
	"io"
	"os"
	"sync/atomic"
	"time"
)

// incoming is the incoming side of a stream: the bytes that have been read and not yet
// queued, and the reader that gets them. The carrier owns everything outside the
// account: one goroutine at a time reads, and calls deliver.
type incoming struct {
	account

	buffer  *block // bytes that are not yet queued; nil for none
	start   int    // where in buffer they begin
	readErr error  // from a read, told when the bytes before it are queued
	guess   string // what the peer's first bytes probably are, "" for what they should be
	header  uint8  // size of the header by which the bytes were last cut, 0 in raw mode
	begun   bool   // something has been queued
	full    bool   // the last read filled its room
	some    bool   // the last read has brought something

	received atomic.Int64 // when bytes last came, since manager.began

	// Of the account's lock.
	limit     limit         // no more reading after it: the stream is closing
	discarded int           // bytes thrown away since the program closed the stream
	flooded   time.Duration // since when no more is thrown away; 0: it still is
}

// A step is what the carrier is to do next for the incoming side.
type step uint8

const (
	stepRead step = iota // read, and wait for bytes: all that was read is queued
	stepLook             // read what is there without waiting, and fail with errNothing if nothing is
	stepWait             // nothing until look is called
	stepEnd              // it is over
)

// These end the incoming side for a reason that is recorded elsewhere.
var (
	errClosedByProgram = errors.New("closed by the program")
	errSendingFailed   = errors.New("sending failed")
)

// errNothing is the result of a carrier that looked without waiting and found nothing.
var errNothing = errors.New("nothing to read")

// deliver queues all whole frames that have been read, and returns what to do next; the
// error is the reason of a stepEnd.
//
// Its calls are kept shallow: a stack that has once grown beyond 2 KiB stays that large
// while its goroutine waits for bytes.
func (s *stream) deliver() (step, error) {
	in := &s.in
	in.mu.Lock()
	defer in.mu.Unlock()
	for {
		step, headerSize, n, err := s.next()
		switch {
		case n == 0 && step == stepEnd:
			in.guessFirst()
			in.drop()
			return step, err
		case n == 0:
			return step, nil
		case headerSize == 0:
			s.queueRaw(n)
		case in.isLong(n):
			s.handOver(headerSize, n)
		default:
			s.gather(headerSize, n)
		}
	}
}

// next returns the length of the span that may be queued now, and its header size;
// with a length of 0 there is none, and step says what to do instead. in.mu is
// held.
func (s *stream) next() (step step, headerSize, n int, err error) {
	in := &s.in
	reader := in.current()
	switch {
	case in.state == receiveClosed:
		return s.discard()
	case reader == nil && in.state == receiveFailed:
		return stepEnd, 0, 0, errSendingFailed
	case reader == nil:
		return stepWait, 0, 0, nil
	case in.unread() == 0:
		step, err = s.whenDelivered()
		return step, 0, 0, err
	}
	if !reader.fits(&s.Connection) {
		return stepEnd, 0, 0, ErrHeaderSize
	}
	headerSize, n, err = in.cut(s.manager)
	in.header = uint8(headerSize)
	if n == 0 && err != nil {
		return stepEnd, 0, 0, err
	}
	if n == 0 {
		step, err = s.whenDelivered()
		return step, 0, 0, err
	}
	in.guessFirst()
	in.begun = true
	if n, err = s.rateAllows(headerSize, n); err != nil {
		return stepEnd, 0, 0, err
	}
	if n == 0 {
		return stepWait, 0, 0, nil
	}
	cost := n
	if headerSize != 0 && in.isLong(n) {
		cost = handedCost(in.buffer)
	}
	for !in.hasRoom(&reader.queue, int64(cost), s.manager.config.MaxReceiveQueue) {
		if in.notifyWhenDrained(&s.Connection) {
			in.holdBack()
			return stepWait, 0, 0, nil
		}
	}
	in.heldBack = false
	s.rateSpent()
	return stepRead, headerSize, n, nil
}

// whenDelivered says what to do once all whole frames are queued. in.mu is held.
func (s *stream) whenDelivered() (step, error) {
	in := &s.in
	passed := s.guard.passedLimit()
	switch {
	case in.readErr == io.EOF && in.unread() > 0:
		return stepEnd, io.ErrUnexpectedEOF
	case in.readErr == errNothing && passed != nil:
		s.refusedFor(passed)
		return stepEnd, passed
	case in.readErr == errNothing:
		return stepEnd, errSendingFailed
	case in.readErr == io.EOF && in.state == receiveFailed && in.limit.isPassed(s.manager.elapsed()):
		return stepEnd, errSendingFailed // that of a peer that has broken off before
	case in.readErr != nil:
		return stepEnd, in.readErr
	case passed == ErrFirstDatagram && in.some: // some of it, which is not enough
		s.refusedFor(passed)
		return stepEnd, passed
	case passed != nil:
		return stepLook, nil
	case in.state == receiveFailed && in.limit.isPassed(s.manager.elapsed()-max(s.manager.closeTimeout(), time.Second)):
		return stepEnd, errSendingFailed // what the peer still sends has no end
	case in.state == receiveFailed && in.limit.isPassed(s.manager.elapsed()):
		return stepLook, nil
	}
	return stepRead, nil
}

// guessFirst guesses from the peer's first bytes what it is.
func (in *incoming) guessFirst() {
	if !in.begun && in.header != 0 && in.unread() > 0 {
		in.guess = guessPeer(in.buffer.b[in.start:], int(in.header))
	}
}

// isLong reports whether a span of n bytes is handed over in its buffer. A
// shorter one is copied, because it would hold a block many times its size.
func (in *incoming) isLong(n int) bool {
	return n >= handedCost(in.buffer)/handOverDivisor && !in.reader.queue.copies.Load()
}

// queueRaw queues n bytes as one frame.
func (s *stream) queueRaw(n int) {
	in := &s.in
	frame := newBlock(rawHeader + n)
	defer frame.free()
	frame.b = append(appendHeader(frame.b, rawHeader, n), in.buffer.b[in.start:in.start+n]...)
	s.queueFrames(n, s.newSpan(rawHeader), frame.b)
}

// newSpan returns a span for the unread bytes.
func (s *stream) newSpan(headerSize int) span {
	return span{conn: &s.Connection, headerSize: uint8(headerSize), at: time.Duration(s.in.received.Load())}
}

// countDatagrams counts the datagrams of a span that has been queued. in.mu is held.
func (s *stream) countDatagrams(r *span) {
	s.in.datagrams += uint64(r.frames())
}

// gather queues n bytes of frames as a copy.
func (s *stream) gather(headerSize, n int) {
	in := &s.in
	s.queueFrames(n, s.newSpan(headerSize), in.buffer.b[in.start:in.start+n])
}

// queueFrames queues frames, which stand for n bytes, and takes those bytes off the buffer.
// If the reader refuses them, because it has just been shut down, they stay.
func (s *stream) queueFrames(n int, r span, frames []byte) {
	in := &s.in
	due, ok := in.reader.queue.gather(&r, nil, frames, 0)
	if !ok {
		return
	}
	in.pay(due)
	s.countDatagrams(&r)
	if in.start += n; in.unread() == 0 {
		in.buffer.b = in.buffer.b[:0]
		in.start = 0
	}
}

// handOver queues a span of n bytes in the buffer itself. The rest, most often a part
// of one small datagram, moves to another buffer.
func (s *stream) handOver(headerSize, n int) {
	in := &s.in
	end := in.start + n
	var rest *block
	if tail := in.buffer.b[end:]; len(tail) > 0 {
		rest = newBlock(len(tail))
		rest.b = append(rest.b, tail...)
	}
	for ends := in.buffer.ends; int(ends[len(ends)-1]) > end; ends = in.buffer.ends {
		in.buffer.ends = ends[:len(ends)-1] // held back by a rate
	}
	r := s.newSpan(headerSize)
	due, ok := in.reader.queue.hand(&r, in.buffer, in.start)
	if !ok {
		rest.free()
		return
	}
	in.pay(due)
	s.countDatagrams(&r)
	in.buffer, in.start = rest, 0
}

// cut returns the length of the span of whole frames at the front of what is
// unread, and their header size, as the reader has it. In raw mode, which has a
// header size of 0, it is everything.
func (in *incoming) cut(m *QueuedConnectionManager) (headerSize, n int, err error) {
	if in.reader.rawMode.Load() {
		return 0, min(in.unread(), readBlock), nil
	}
	headerSize = int(in.reader.headerSize.Load())
	in.buffer.ends = in.buffer.ends[:0]
	end, err := in.buffer.cut(in.start, headerSize, int64(m.config.maxDatagram(headerSize)))
	return headerSize, end - in.start, err
}

// discard throws away what the peer still sends after the program closed the stream, so
// that the system does not answer it with a reset, which would destroy what was sent
// last. It goes on to the peer's end, or to the limit. A peer that goes on sending is
// no longer read, and sees a reset once the last message has arrived: see arrived.
// in.mu is held.
func (s *stream) discard() (step step, headerSize, n int, err error) {
	in := &s.in
	in.discarded += in.unread()
	in.drop()
	now := s.manager.elapsed()
	switch {
	case in.readErr != nil || in.limit.isPassed(now):
		return stepEnd, 0, 0, errClosedByProgram
	case in.discarded < s.manager.config.discardLimit():
		return stepRead, 0, 0, nil
	case in.flooded == 0:
		in.flooded = now
		s.arm(now + time.Millisecond)
	}
	return stepWait, 0, 0, nil
}

// discardLimit bounds what is read of a stream that the program has closed: a
// healthy peer's traffic fits, and a flood must cost little.
func (c *Config) discardLimit() int {
	const least, most = 64 << 10, 1 << 20
	if c.MaxBytesPerSecond > 0 {
		return min(max(c.MaxBytesPerSecond, least), most)
	}
	return most
}

// unread returns how many bytes have been read and not queued.
func (in *incoming) unread() int {
	if in.buffer == nil {
		return 0
	}
	return len(in.buffer.b) - in.start
}

// room returns the free part of the buffer. The buffer is made as large as a read
// should be, and larger if a datagram has filled it: memory grows with the bytes that
// arrive, never with the length that the peer claims.
func (in *incoming) room(size int) []byte {
	if in.buffer == nil {
		in.buffer = newBlock(size)
	}
	in.compact()
	switch b := in.buffer.b; {
	case cap(b) < size:
		in.buffer = in.buffer.move(size)
	case cap(b)-len(b) < cap(b)/16:
		in.buffer = in.buffer.move(2 * cap(b))
	}
	return in.buffer.b[len(in.buffer.b):cap(in.buffer.b)]
}

// readSize is how much a read should take: more where the last one left some
// behind, so that a bulk transfer wakes the loop less often, if at least two
// such blocks may be queued.
func (s *stream) readSize() int {
	if s.in.full && s.manager.config.MaxReceiveQueue >= 2*bulkBlock {
		return bulkBlock
	}
	return readBlock
}

// compact moves the unread bytes to the front of the buffer.
func (in *incoming) compact() {
	if in.start > 0 {
		n := copy(in.buffer.b, in.buffer.b[in.start:])
		in.buffer.b, in.start = in.buffer.b[:n], 0
	}
}

// extend counts n bytes that were read into room, which had size bytes.
func (s *stream) extend(n, size int) {
	in := &s.in
	in.buffer.b = in.buffer.b[:len(in.buffer.b)+n]
	in.full, in.some = n == size, n > 0
	if in.some {
		in.received.Store(int64(s.manager.elapsed()))
		in.bytes.Add(uint64(n))
		s.manager.counts.received.add(0, n)
	}
}

// releaseBuffer gives back memory before a wait for bytes: all of it, or most of it if
// only a small part of a datagram is there.
func (in *incoming) releaseBuffer() {
	switch n := in.unread(); {
	case n == 0:
		in.drop()
	case n <= cap(in.buffer.b)/8 && cap(in.buffer.b) > 1<<minBlockBits:
		in.compact()
		in.buffer = in.buffer.move(n)
	}
}

// drop gives up what has been read and not queued.
func (in *incoming) drop() {
	in.buffer.free()
	in.buffer, in.start = nil, 0
}

// isTimeout reports whether a deadline has ended a read or write.
func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
