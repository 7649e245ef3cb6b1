package queuednet

import (
	"net"
	"sync"
	"time"
)

// outbound is the outgoing side of a stream. Whoever sends appends to pending
// and, unless somebody is busy with the connection already, queues it for the
// manager's flushing goroutines. Exactly one goroutine at a time, marked by
// busy, takes pending out and writes it.
type outbound struct {
	// A broadcast touches these for each receiver: they share a cache line. What
	// is sent goes to pending. When that has grown large it goes to full, which is
	// written first, so that a backlog is never moved.
	mu        sync.Mutex
	pending   *block
	nextDirty *Connection // in the flusher's chain
	inFlight  int         // bytes taken out of pending and not yet accepted by the system
	err       error       // what Send answers; nothing may be sent any more
	busy      bool        // queued for the flushing goroutines, or being written
	closing   bool        // when pending is out, end the sending side
	done      bool        // nothing will be written any more
	lost      bool        // bytes whose Send returned nil have been dropped
	only      uint8       // the one header size that the socket carries; 0: any
	collecting

	full     []*block
	fullSize int // bytes in full

	changed  sync.Cond
	deadline time.Time // of a closing connection
	try      rawWrite
}

// send appends a datagram behind a header. It reports whether c, which is
// marked busy then, must be queued for flushing.
func (c *Connection) send(headerSize int, payload []byte) (flush bool, err error) {
	flush, full, err := c.out.append(c, headerSize, payload, nil)
	if full {
		c.fail(ErrSendQueueFull, 0)
	}
	return flush, err
}

// sendFrame is send of a whole frame, which is shared where nothing is pending
// before it: then nothing is copied, whatever the number of receivers.
func (c *Connection) sendFrame(headerSize int, frame *block) (flush bool, err error) {
	flush, full, err := c.out.append(c, headerSize, frame.b[headerSize:], frame)
	if full {
		c.fail(ErrSendQueueFull, 0)
	}
	return flush, err
}

// pendingBlock is how many bytes pending grows to before it goes to full: a peer
// that takes nothing must not cost the loop the more the more waits.
const pendingBlock = 16 << 10

func (o *outbound) append(c *Connection, headerSize int, payload []byte, frame *block) (flush, full bool, err error) {
	limit := c.manager.config.MaxSendQueue
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.err != nil:
		return false, false, o.err
	case o.only != 0 && int(o.only) != headerSize:
		return false, false, ErrHeaderSize
	}
	size := headerSize + len(payload)
	if size > limit {
		return false, false, &DatagramTooLongError{Length: int64(len(payload)), Max: int64(max(limit-headerSize, 0))}
	}
	if o.queued()+size > limit {
		o.stop(c, ErrSendQueueFull)
		return false, true, ErrSendQueueFull
	}
	if o.pending != nil && len(o.pending.b)+size > pendingBlock {
		o.full = append(o.full, o.pending)
		o.fullSize += len(o.pending.b)
		o.pending = nil
	}
	if frame != nil && o.pending == nil {
		o.pending = frame.share()
	} else {
		b := o.pending.reserve(size)
		b.b = append(appendHeader(b.b, headerSize, len(payload)), payload...)
		o.pending = b
	}
	return !o.hold(c) && o.claim(), false, nil
}

// queued returns how many bytes the system has not yet accepted.
func (o *outbound) queued() int {
	n := o.inFlight + o.fullSize
	if o.pending != nil {
		n += len(o.pending.b)
	}
	return n
}

// giveUp drops what waits, and makes the end a reset in any case.
func (o *outbound) giveUp(c *Connection) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stop(c, net.ErrClosed)
	o.lost = true
}

// gaveUp reports whether bytes whose Send returned nil do not reach the system,
// if nothing more is written.
func (o *outbound) gaveUp() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lost || o.queued() > 0
}

// claim marks o busy and reports whether it was not, and has something to write.
func (o *outbound) claim() bool {
	if o.busy || o.pending == nil && !o.closing {
		return false
	}
	o.busy = true
	return true
}

// refuse makes err the answer to what is sent from now on, unless there is one.
func (o *outbound) refuse(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.err = err
	}
}

// conclude makes err, the reason of the end, the answer to what is sent.
func (o *outbound) conclude(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = err
}

// settle waits until nobody is writing.
func (o *outbound) settle() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.busy {
		o.changed.Wait()
	}
}

// stop refuses what is sent from now on and drops what waits. o.mu is held.
func (o *outbound) stop(c *Connection, err error) {
	if o.err == nil {
		o.err = err
	}
	o.lost = o.lost || o.pending != nil || len(o.full) > 0
	if p := c.packets; p != nil {
		p.unsent.Add(uint64(len(p.targets)))
		p.targets = p.targets[:0]
	}
	for _, b := range o.full {
		b.free()
	}
	o.pending.free()
	o.full, o.fullSize, o.pending = nil, 0, nil
	o.letGo(c)
}

// take returns the next bytes to write. With none left the caller is no longer
// busy with o, and if shut is true it is to end the sending side and call
// finished.
func (o *outbound) take(c *Connection) (b *block, shut bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.full) > 0 {
		b = o.full[0]
		o.full[0] = nil
		o.full = o.full[1:]
		o.fullSize -= len(b.b)
		o.inFlight = len(b.b)
		return b, false
	}
	if b = o.pending; b != nil {
		o.pending, o.inFlight = nil, len(b.b)
		if p := c.packets; p != nil {
			p.writing, p.targets = p.targets, p.writing[:0]
		}
		return b, false
	}
	if o.closing && !o.done {
		return nil, true
	}
	o.busy = false
	o.changed.Broadcast()
	return nil, false
}

// wrote counts bytes that the system has accepted.
func (o *outbound) wrote(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.inFlight -= n
}

// finished marks the outgoing side as over.
func (o *outbound) finished() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.done, o.busy = true, false
	o.changed.Broadcast()
}

// wait waits until the outgoing side is over.
func (o *outbound) wait() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for !o.done {
		o.changed.Wait()
	}
}

// limit is when the last write of a connection that is ending must be over.
func (o *outbound) limit(c *Connection) time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.deadline.IsZero() {
		return c.manager.closeDeadline() // finish is about to set it
	}
	return o.deadline
}

// finish refuses what is sent from now on and ends the sending side when what
// was sent before is out, at the latest at the limit.
func (o *outbound) finish(c *Connection, reason error, limit time.Time) {
	o.mu.Lock()
	if o.err == nil {
		o.err = reason
	}
	o.closing = true
	o.letGo(c)
	o.deadline = limit
	flush := !o.done && o.claim()
	o.mu.Unlock()
	if flush {
		c.manager.flusher.queue(chain{c, c})
		return
	}
	c.socket.SetWriteDeadline(limit) // for the goroutine that waits in writeAll
}

// abort refuses what is sent from now on and gives up what was sent before.
func (o *outbound) abort(c *Connection, reason error) {
	o.mu.Lock()
	o.stop(c, reason)
	o.closing = true
	o.deadline = time.Now()
	busy := o.busy
	if !busy {
		o.done = true
		o.changed.Broadcast()
	}
	o.mu.Unlock()
	if busy {
		c.socket.SetWriteDeadline(time.Now())
	}
}

// writeLimit returns when the next write must have got on, because of WriteTimeout
// or of the limit of finish, or false if nothing bounds it. Of WriteTimeout the
// time for another look is the last part.
func (o *outbound) writeLimit(c *Connection) (limit time.Time, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	limit = o.deadline
	if timeout := c.manager.config.WriteTimeout; timeout >= 0 {
		if t := time.Now().Add(timeout - min(lookAgain, timeout/2)); limit.IsZero() || t.Before(limit) {
			limit = t
		}
	}
	return limit, !limit.IsZero()
}

// lookAgain returns how much longer a write may wait whose limit has passed.
func (o *outbound) lookAgain(c *Connection) time.Duration {
	if o.overdue() {
		return lookTime
	}
	return min(lookAgain, max(c.manager.config.WriteTimeout/2, 0))
}

// overdue reports whether the limit of finish or abort has passed.
func (o *outbound) overdue() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.deadline.IsZero() && !time.Now().Before(o.deadline)
}

// flush writes what is pending without waiting; a goroutine of c's own takes
// over what the system does not accept at once. It is called by the flushing
// goroutines, for a connection marked busy.
func (c *Connection) flush() {
	for c.raw != nil {
		b, shut := c.out.take(c)
		if b == nil {
			if shut {
				c.shutWrite()
			}
			return
		}
		n, err := c.tryWrite(b.b)
		c.out.wrote(n)
		c.watchAcks()
		if err != nil {
			b.free()
			c.writeFailed(err)
			return
		}
		if n < len(b.b) {
			c.manager.goroutines.Go(func() { c.writeOut(b, n) })
			return
		}
		b.free()
	}
	c.manager.goroutines.Go(func() { c.writeOut(nil, 0) })
}

// writeOut writes b from an offset on, then what is pending, and waits for it.
func (c *Connection) writeOut(b *block, written int) {
	c.watchAcks()
	for {
		if b == nil {
			var shut bool
			if b, shut = c.out.take(c); b == nil {
				if shut {
					c.shutWrite()
				}
				return
			}
		}
		var err error
		if c.packets != nil {
			err = c.writePackets(b.b)
		} else {
			err = c.writeAll(b.b[written:])
		}
		b.free()
		b, written = nil, 0
		if err != nil {
			c.writeFailed(err)
			return
		}
	}
}

// shutWrite tells the peer that nothing more comes, unless something is missing.
// Where that cannot be told but by closing, it is closed when what has just
// arrived has been read: with that unread the system would send a reset, which
// may destroy what was sent last.
func (c *Connection) shutWrite() {
	if c.stream != nil && !c.out.gaveUp() && !closeWrite(c.stream) {
		c.in.expire(c, time.Now().Add(lookTime))
	}
	c.out.finished()
}

// writeFailed ends the connection because nothing can be written any more. Its
// peer may have said something before: that is still read, up to its end of
// the stream if the peer was the one who broke off.
func (c *Connection) writeFailed(err error) {
	grace := c.manager.config.CloseTimeout
	if isTimeout(err) {
		grace = 0
	}
	if c.manager.isClosed.Load() {
		c.manager.undelivered.Add(1)
	}
	cause := c.fail(err, max(grace, 0))
	c.out.mu.Lock()
	c.out.stop(c, cause)
	c.out.mu.Unlock()
	c.out.finished()
}
