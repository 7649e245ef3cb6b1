package queuednet

import (
	"sync"
	"sync/atomic"
	"time"
)

// outgoing is the outgoing side of a stream. Whoever sends appends to pending
// and, unless somebody is busy with the stream already, queues it for the
// manager's flushing goroutines. Exactly one goroutine at a time, marked by
// busy, takes pending out and writes it.
type outgoing struct {
	// A broadcast touches these for each receiver: they share a cache line. What
	// is sent goes to pending.
	mu        sync.Mutex
	pending   *block
	nextDirty *stream // in the flusher's chain
	inFlight  int     // bytes taken out of pending and not yet accepted by the system
	err       error   // what Send answers; nothing may be sent any more
	busy      bool    // queued for the flushing goroutines, or being written
	blocked   bool    // the system takes nothing at the moment, and the carrier waits for it
	closing   bool    // when pending is out, end the sending side
	done      bool    // nothing will be written any more
	leftLog   bool    // for good: see leaveLog
	only      uint8   // the one header size that the socket carries; 0: any

	collecting *collecting // nil: nothing has ever been collected
	backlog    *backlog    // nil: the system has always taken everything

	idle chan struct{} // closed when nobody is busy any more; nil: nobody waits for it

	datagrams, bytes uint64 // that have been handed to the system

	limit  limit         // of closing
	since  time.Duration // since when the system has taken nothing although something waits; 0: it takes
	stage  writeStage    // how much of WriteTimeout has passed since then
	gaveUp atomic.Bool   // something whose Send returned nil will not arrive
}

// send appends a datagram behind a header. It reports whether s, which is marked
// busy then, must be queued for flushing.
func (s *stream) send(headerSize int, payload []byte) (flush bool, err error) {
	return s.sent(s.out.append(s, headerSize, payload, nil))
}

// sendFrame is send for a whole frame. If nothing is pending before it, the stream
// shares the frame: then nothing is copied, whatever the number of receivers.
func (s *stream) sendFrame(headerSize int, frame *block) (flush bool, err error) {
	return s.sent(s.out.append(s, headerSize, frame.b[headerSize:], frame))
}

func (s *stream) sent(flush bool, err error) (bool, error) {
	if err == ErrSendQueueFull {
		s.sendingFailed(err, 0)
	}
	return flush, err
}

// pendingBlock is how large pending grows before it goes to full: the more waits for a
// peer that takes nothing, the more each Send would cost otherwise.
const pendingBlock = 16 << 10

func (o *outgoing) append(s *stream, headerSize int, payload []byte, frame *block) (flush bool, err error) {
	limit := s.manager.config.MaxSendQueue
	o.mu.Lock()
	defer o.mu.Unlock()
	size := headerSize + len(payload)
	switch {
	case o.err != nil:
		return false, o.err
	case o.only != 0 && int(o.only) != headerSize:
		return false, ErrHeaderSize
	case size > limit:
		return false, &DatagramTooLongError{Length: int64(len(payload)), Max: int64(max(limit-headerSize, 0))}
	case o.unsent()+size > limit:
		return false, ErrSendQueueFull
	}
	return o.put(s, headerSize, payload, frame), nil
}

// sendLogged is sendFrame for a frame that was sent through the log. There is room for
// it: see noteRoom.
func (s *stream) sendLogged(headerSize int, frame *block) (flush bool, err error) {
	s.out.mu.Lock()
	defer s.out.mu.Unlock()
	if s.out.err != nil {
		return false, s.out.err
	}
	return s.out.put(s, headerSize, frame.b[headerSize:], frame), nil
}

// put appends a datagram to what is pending. o.mu is held.
func (o *outgoing) put(s *stream, headerSize int, payload []byte, frame *block) (flush bool) {
	size := headerSize + len(payload)
	if o.pending != nil && len(o.pending.b)+size > pendingBlock {
		l := o.ensureBacklog()
		l.full = append(l.full, o.pending)
		l.size += len(o.pending.b)
		o.pending = nil
	}
	if frame != nil && o.pending == nil {
		o.pending = frame.share()
	} else {
		b := o.pending.reserve(size)
		b.b = append(appendHeader(b.b, headerSize, len(payload)), payload...)
		b.frames++
		o.pending = b
	}
	o.noteRoom(s)
	return !o.collects(s) && o.claim()
}

// reason returns what Send answers, nil while s may be sent to.
func (o *outgoing) reason() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// unsent returns how many bytes the system has not yet accepted.
func (o *outgoing) unsent() int {
	n := o.inFlight
	if o.backlog != nil {
		n += o.backlog.size
	}
	if o.pending != nil {
		n += len(o.pending.b)
	}
	return n
}

// lost reports whether bytes whose Send returned nil do not reach the system, if
// nothing more is written.
func (o *outgoing) lost() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.gaveUp.Load() || o.unsent() > 0
}

// claim marks o busy, if it was not and has something to write, and reports whether it
// did.
func (o *outgoing) claim() bool {
	if o.busy || o.blocked || o.done || o.pending == nil && !o.backlog.isBegun() && !o.closing {
		return false
	}
	o.busy = true
	return true
}

// replaceReason makes err, the reason of the end, the answer to every further Send.
func (o *outgoing) replaceReason(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = err
}

// take returns the block to write next, and where in it. With none left the
// caller is no longer busy with o; if shut is true it is to end the sending side
// and call outgoingOver.
func (o *outgoing) take(s *stream) (b *block, at int, shut bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.done {
		o.release()
		return nil, 0, false
	}
	if l := o.backlog; l.isBegun() {
		b, at = l.begun, l.written
		l.begun = nil
		return b, at, false
	}
	if b = o.backlog.next(); b == nil {
		b, o.pending = o.pending, nil
	}
	switch {
	case b != nil:
		o.begin(s, b)
	case o.closing:
		return nil, 0, true
	default:
		o.release()
	}
	return b, 0, false
}

// release ends what claim began. o.mu is held.
func (o *outgoing) release() {
	o.busy = false
	if o.idle != nil {
		close(o.idle)
		o.idle = nil
	}
}

// begin counts a block that is to be written. o.mu is held.
func (o *outgoing) begin(s *stream, b *block) {
	o.inFlight = len(b.b)
	o.datagrams += uint64(b.frames)
	s.manager.counts.sent.add(int(b.frames), 0)
}

func (o *outgoing) isBusy() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.busy
}

// wrote counts bytes that the system has accepted.
func (o *outgoing) wrote(s *stream, n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.inFlight -= n
	o.noteRoom(s)
	if n > 0 {
		o.bytes += uint64(n)
		s.manager.counts.sent.add(0, n)
		o.since, o.stage = 0, writeWaits
	}
}

// waitIdle waits until nobody is busy with o, at least for a moment.
func (o *outgoing) waitIdle() {
	o.mu.Lock()
	if !o.busy {
		o.mu.Unlock()
		return
	}
	if o.idle == nil {
		o.idle = make(chan struct{})
	}
	idle := o.idle
	o.mu.Unlock()
	<-idle
}

// finish refuses what is sent from now on and ends the sending side when what
// was sent before is out, at the latest after CloseTimeout.
func (o *outgoing) finish(s *stream, reason error) {
	limit := limitIn(s.manager.elapsed(), s.manager.closeTimeout())
	o.mu.Lock()
	if o.err == nil {
		o.err = reason
	}
	o.closing = true
	o.limit = limit
	o.stopCollecting(s)
	flush := o.claim()
	o.mu.Unlock()
	s.arm(limit.due())
	if flush {
		s.manager.flusher.queue(chain{s, s})
	}
}

// abort refuses what is sent from now on and gives up what was sent before.
func (o *outgoing) abort(s *stream, reason error) {
	o.mu.Lock()
	if o.err == nil {
		o.err = reason
	}
	if o.unsent() > 0 && !o.done && o.gaveUp.CompareAndSwap(false, true) && s.manager.isClosed.Load() {
		s.manager.undelivered.Add(1)
	}
	o.backlog.drop()
	o.pending.free()
	o.pending = nil
	o.stopCollecting(s)
	over := !o.busy && !o.done
	if over {
		o.done = true
	}
	o.closing, o.blocked = true, false
	busy := o.busy
	o.mu.Unlock()
	if busy {
		s.carrier.interruptWrite()
	}
	if over {
		s.directionOver()
	}
}

// writeFailed ends the stream because nothing can be written any more. The peer may
// have sent something before: that is still read, up to its end of the stream if it was
// the peer that broke off. The caller is busy with s.
func (s *stream) writeFailed(err error) {
	grace := s.manager.closeTimeout()
	if isTimeout(err) {
		grace = 0
	}
	s.sendingFailed(err, grace)
	s.outgoingOver()
}
