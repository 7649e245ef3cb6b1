package queuednet

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// inbound is the incoming side of a stream: what its goroutine has read and not
// yet queued, and the reader that gets it. The goroutine waits in one of two
// places, for bytes in fill or for a change of the fields under mu in deliver.
type inbound struct {
	mu       sync.Mutex
	changed  sync.Cond
	reader   *QueuedConnectionReader // nil: nobody wants the bytes, they stay where they are
	state    inboundState
	aside    bool          // there is no goroutine: see lot
	stays    bool          // it keeps its goroutine
	spot     int32         // 1 + the descriptor that the lot knows it by, 0 for none
	holdings []holding     // what is queued, and what was when queued was last called
	awaited  holding       // the last one that drained was or will be called for
	limit    time.Duration // of waiting for bytes, since manager.began; not zero once expire was called

	// Of the goroutine alone.
	buffer  *block  // bytes that are not yet queued; nil for none
	start   int     // where in buffer they begin
	readErr error   // from a read, told when the bytes before it are queued
	header  int     // size of the header by which they were last cut, 0 in raw mode
	begun   bool    // something has been queued
	guess   string  // what the peer's first bytes probably are, "" for what they should be
	try     rawRead // see fill

	lastLook time.Duration // when the last look of fillPlain ends, since manager.began; not zero once it has begun
}

type inboundState uint8

const (
	inOpen   inboundState = iota
	inFailed              // the outgoing side failed: deliver what has arrived, then end
	inClosed              // closed by the program: discard
	inEnded
)

// How the goroutine ends where the reason is recorded already.
var (
	errClosedByProgram = errors.New("closed by the program")
	errFailed          = errors.New("outgoing side failed")
)

// errAside is no end: another goroutine will go on, or does already. Who gets
// it must not touch the connection any more.
var errAside = errors.New("set aside")

// attach gives what arrives to r from now on.
func (in *inbound) attach(r *QueuedConnectionReader) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case in.state >= inClosed:
		return net.ErrClosed
	case in.wants() != nil:
		return ErrAlreadyAdded
	}
	in.reader = r
	in.changed.Signal()
	return nil
}

// detach ends what attach began: once it has returned nothing more goes to the
// reader. It reports whether r was the reader; nil stands for any.
func (in *inbound) detach(r *QueuedConnectionReader) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if now := in.wants(); now == nil || r != nil && now != r {
		return false
	}
	in.reader = nil
	return true
}

// wants returns the reader, which is gone if it was shut down meanwhile.
func (in *inbound) wants() *QueuedConnectionReader {
	if in.reader != nil && in.reader.queue.closed.Load() {
		in.reader = nil
	}
	return in.reader
}

// attached reports whether what arrives goes to r.
func (in *inbound) attached(r *QueuedConnectionReader) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.wants() == r
}

// close makes the goroutine discard what arrives.
func (in *inbound) close(c *Connection) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.state = max(in.state, inClosed)
	in.reader = nil
	in.changed.Signal()
	in.rouse(c)
}

// end refuses later readers; nothing more will be queued.
func (in *inbound) end() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.state = inEnded
}

// fail makes the goroutine end when it has delivered what is there, after at
// most grace more.
func (in *inbound) fail(c *Connection, grace time.Duration) {
	in.mu.Lock()
	in.state = max(in.state, inFailed)
	in.changed.Signal()
	in.rouse(c)
	in.mu.Unlock()
	in.expire(c, time.Now().Add(grace))
}

// expire bounds the goroutine's waiting for bytes. The earliest limit holds.
func (in *inbound) expire(c *Connection, limit time.Time) {
	at := limit.Sub(c.manager.began)
	if at == 0 { // stands for none
		at = -1
	}
	for {
		in.mu.Lock()
		if in.limit == 0 || at < in.limit {
			in.limit = at
		}
		at = in.limit
		in.mu.Unlock()
		limit = c.manager.began.Add(at)
		if c.guard != nil {
			c.guard.limit.Store(&limit)
		}
		if c.socket.SetReadDeadline(limit) != nil {
			c.closeSocket() // it cannot be told otherwise
		}
		in.mu.Lock()
		settled := at == in.limit // else another one came between, and may have lost
		in.mu.Unlock()
		if settled {
			return
		}
	}
}

// idleAfter is how long nothing must have come until a connection is set aside.
const idleAfter = 5 * time.Second

// rouse starts the goroutine of a connection that was set aside. in.mu is held.
func (in *inbound) rouse(c *Connection) {
	if in.aside {
		in.aside = false
		c.manager.goroutines.Go(c.run) // before forget, so Close does not miss it
	}
}

func (in *inbound) load() inboundState {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.state
}

// receive reads and delivers until the incoming side is over, and says why. It
// may be errAside. Like deliver it needs little stack.
func (c *Connection) receive() error {
	for {
		err := c.deliver()
		if err == nil {
			err = c.in.readErr
		}
		if err == io.EOF && c.in.unread() > 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			c.in.guessFirst(c.in.header)
			c.in.drop()
			return err
		}
		if err = c.read(); err == errAside {
			return err
		}
		c.in.readErr = err
	}
}

// deliver queues all whole frames that have been read. It waits while there is
// no reader, and while the program has not taken enough of what is queued.
//
// What it calls is kept shallow: a stack that has once grown beyond 2 KiB stays
// so while the connection is idle.
func (c *Connection) deliver() error {
	in := &c.in
	in.mu.Lock()
	defer in.mu.Unlock()
	for {
		headerSize, n, err := c.next()
		switch {
		case err == errWait:
			in.changed.Wait() // then the reader may be another one
		case err != nil || n == 0:
			return err
		case headerSize == 0:
			in.consumed(n, in.queueRaw(c, n))
		case in.isLong(n):
			in.handOver(c, headerSize, n)
		default:
			frames := in.buffer.b[in.start : in.start+n]
			in.consumed(n, in.reader.queue.gather(&run{conn: c, from: c.Address(), headerSize: headerSize}, frames, 0))
		}
	}
}

// guessFirst guesses what the bytes are by which the peer began.
func (in *inbound) guessFirst(headerSize int) {
	if !in.begun && headerSize != 0 && in.unread() > 0 {
		in.guess = guessPeer(in.buffer.b[in.start:], headerSize)
	}
}

// errWait is no error: deliver is to wait for a change.
var errWait = errors.New("wait")

// next returns the length of the run that may be queued now, 0 where nothing
// whole is left, and its header size. Where the reader's queue takes nothing
// after all, that has just been shut down.
func (c *Connection) next() (headerSize, n int, err error) {
	in := &c.in
	reader := in.wants()
	switch {
	case in.state == inClosed:
		return 0, 0, errClosedByProgram
	case reader == nil && in.state == inFailed:
		return 0, 0, errFailed
	case reader == nil:
		return 0, 0, errWait
	case in.unread() == 0:
		return 0, 0, nil
	}
	headerSize, n, err = in.cut(c)
	in.header = headerSize
	if n == 0 {
		return headerSize, 0, err
	}
	in.guessFirst(headerSize)
	in.begun = true
	if c.guard != nil {
		n, err = c.guard.within(c, headerSize, n)
		if err != nil {
			return 0, 0, err
		}
		if n == 0 {
			return c.next()
		}
	}
	cost := n
	if headerSize != 0 && in.isLong(n) {
		cost = handedCost(in.buffer)
	}
	if !in.admits(&reader.queue, int64(cost), c) {
		if in.await(c) {
			return 0, 0, errWait
		}
		return c.next()
	}
	if c.guard != nil {
		c.guard.delivered()
	}
	return headerSize, n, nil
}

// isLong reports whether a run of n bytes is handed over in its buffer. A
// shorter one is copied, because it would hold a block many times its size.
func (in *inbound) isLong(n int) bool {
	return n >= handedCost(in.buffer)/handOver && !in.reader.queue.copies.Load()
}

// queueRaw queues n bytes as one frame.
func (in *inbound) queueRaw(c *Connection, n int) bool {
	frame := newBlock(rawHeader + n)
	defer frame.free()
	frame.b = append(appendHeader(frame.b, rawHeader, n), in.buffer.b[in.start:in.start+n]...)
	return in.reader.queue.gather(&run{conn: c, from: c.Address(), headerSize: rawHeader}, frame.b, 0)
}

// cut returns the length of the run of whole frames at the front of what is
// unread, and their header size, as the reader has it. In raw mode, which has a
// header size of 0, it is everything.
func (in *inbound) cut(c *Connection) (headerSize, n int, err error) {
	if !in.reader.fits(c) {
		return 0, 0, ErrHeaderSize
	}
	if in.reader.rawMode.Load() {
		return 0, min(in.unread(), readBlock), nil
	}
	headerSize = int(in.reader.headerSize.Load())
	in.buffer.ends = in.buffer.ends[:0]
	end, err := in.buffer.cut(in.start, headerSize, int64(c.manager.config.maxDatagram(headerSize)))
	return headerSize, end - in.start, err
}

// admits reports whether a run may be queued: one at least always may, and one
// that takes the place of what is queued.
func (in *inbound) admits(q *receiveQueue, cost int64, c *Connection) bool {
	queued := in.queued()
	return q.recent || queued == 0 || queued+cost <= int64(c.manager.config.MaxReceiveQueue)
}

// consumed takes n bytes off the buffer that have been queued, if they have.
func (in *inbound) consumed(n int, ok bool) {
	if !ok {
		return
	}
	if in.start += n; in.unread() == 0 {
		in.buffer.b = in.buffer.b[:0]
		in.start = 0
	}
}

// handOver queues a run of n bytes in the buffer itself. The rest, most often a
// part of one small datagram, stays behind in another one.
func (in *inbound) handOver(c *Connection, headerSize, n int) {
	end := in.start + n
	var rest *block
	if tail := in.buffer.b[end:]; len(tail) > 0 {
		rest = newBlock(len(tail))
		rest.b = append(rest.b, tail...)
	}
	for ends := in.buffer.ends; int(ends[len(ends)-1]) > end; ends = in.buffer.ends {
		in.buffer.ends = ends[:len(ends)-1] // held back by a rate
	}
	r := run{conn: c, from: c.Address(), headerSize: headerSize}
	if !in.reader.queue.hand(&r, in.buffer, in.start) {
		rest.free()
		return
	}
	in.buffer, in.start = rest, 0
}

// unread returns how many bytes have been read and not queued.
func (in *inbound) unread() int {
	if in.buffer == nil {
		return 0
	}
	return len(in.buffer.b) - in.start
}

// room returns the free part of the buffer, which is made as large as a read
// should be, and larger for a datagram that has filled it: memory grows with
// the bytes that arrive, never with the length that the peer claims.
func (in *inbound) room(size int) []byte {
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

// compact moves the unread bytes to the front of the buffer.
func (in *inbound) compact() {
	if in.start > 0 {
		n := copy(in.buffer.b, in.buffer.b[in.start:])
		in.buffer.b, in.start = in.buffer.b[:n], 0
	}
}

// got counts bytes that were read into room.
func (in *inbound) got(n int) {
	in.buffer.b = in.buffer.b[:len(in.buffer.b)+n]
}

// park gives back memory before a wait for bytes: all of it, or most where only
// a small part of a datagram is there.
func (in *inbound) park() {
	switch n := in.unread(); {
	case n == 0:
		in.buffer.free()
		in.buffer, in.start = nil, 0
	case n <= cap(in.buffer.b)/8 && cap(in.buffer.b) > 1<<minBlockBits:
		in.compact()
		in.buffer = in.buffer.move(n)
	}
}

// discard reads what the peer still sends after the program closed c, so that
// the system does not answer it with a reset, which would destroy what was sent
// last. It ends with the peer's end, or at the deadline that finish has set. It
// reports whether a peer that goes on sending was given up before.
func (c *Connection) discard() (flooded bool) {
	defer c.in.drop()
	for left := c.manager.config.drainLimit(); left > 0; left -= c.in.unread() {
		if c.in.readErr != nil {
			return false
		}
		c.in.start = 0
		if c.in.buffer != nil {
			c.in.buffer.b = c.in.buffer.b[:0]
		}
		c.in.readErr = c.read()
	}
	return true
}

// drainLimit bounds what is read of a connection that the program has closed: a
// healthy peer's traffic fits, and a flood must cost little.
func (c *Config) drainLimit() int {
	const least, most = 64 << 10, 1 << 20
	if c.MaxBytesPerSecond > 0 {
		return min(max(c.MaxBytesPerSecond, least), most)
	}
	return most
}

// drop gives up what has been read and not queued.
func (in *inbound) drop() {
	in.buffer.free()
	in.buffer, in.start = nil, 0
}

// isTimeout reports whether a deadline has ended a read or write.
func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
