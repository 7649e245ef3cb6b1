package queuednet

import (
	"iter"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// A QueuedConnectionReader receives the datagrams of the connections added to it, and
// queues them for the program's loop. Goroutines of the manager read; the methods of
// the reader never wait. If the program is slow, TCP slows the peers, and nothing of
// theirs is dropped unless SetMaxQueueSize says so; packets of UDP beyond
// Config.MaxReceiveQueue are dropped, and counted in UDPDrops.
//
// A drain takes what was queued when it began, so it ends even if peers send faster
// than the program takes. It is written as
//
//	for datagram := range reader.Datagrams() { … }
//
// or, as with Panda3D,
//
//	for reader.DataAvailable() { if reader.GetData(&datagram) { … } }
//
// The methods may be called from any goroutine, but one drains at a time: while a loop
// over Datagrams runs, any other call finds nothing.
//
// It is Panda3D's QueuedConnectionReader; there are no threads to configure and no poll
// to call.
type QueuedConnectionReader struct {
	manager    *QueuedConnectionManager
	headerSize atomic.Int32
	rawMode    atomic.Bool
	queue      receiveQueue
	state      atomic.Int32 // of the drain; changed with mu held
	yielder    yielder

	mu    sync.Mutex
	taken []*batch // taken from the queue and not yet drained
	next  int      // the batch of taken that is being drained
	span  int      // its span
	view  NetDatagram

	began   time.Duration // of the drain, since manager.began; 0: none runs
	drained int           // the datagrams that it has taken
}

// What DataAvailable needs to know of the drain.
const (
	drainIdle    int32 = iota // none runs
	drainLeft                 // some of what was taken is left
	drainEnded                // all of it has been taken, and DataAvailable has not told yet
	drainLooping              // a loop over Datagrams runs, and alone touches what mu guards
)

// NewQueuedConnectionReader returns a reader for the connections of a manager, with the
// TCPHeaderSize of its Config. Shutdown releases a reader that is no longer needed
// while the manager lives on, such as that of one match.
func NewQueuedConnectionReader(manager *QueuedConnectionManager) *QueuedConnectionReader {
	r := new(QueuedConnectionReader)
	r.init(manager)
	return r
}

func (r *QueuedConnectionReader) init(manager *QueuedConnectionManager) {
	r.manager, r.queue.manager = manager, manager
	r.queue.limit = -1
	r.headerSize.Store(manager.initialHeaderSize())
	r.yielder.alone = manager != nil && runtime.GOMAXPROCS(0) == 1
}

// Manager returns the manager of the reader, or nil if that is closed. It is Panda3D's
// get_manager.
func (r *QueuedConnectionReader) Manager() *QueuedConnectionManager { return r.manager.unlessClosed() }

// AddConnection makes the reader receive what arrives over conn, from the first byte
// that no reader has delivered yet. A connection in no reader is not read: TCP slows
// its peer, and its end goes unnoticed until a write fails.
//
// It fails with ErrForeignConnection; with ErrWrongKind for a rendezvous; with
// ErrAlreadyAdded if this or another reader has the connection; with ErrHeaderSize if
// the socket carries datagrams with other headers (see
// [QueuedConnectionManager.AdoptConnection]); and with the reason of the end, or
// net.ErrClosed, if the connection is over. It is Panda3D's add_connection.
func (r *QueuedConnectionReader) AddConnection(conn *Connection) error {
	switch {
	case conn == nil || conn.manager != r.manager || r.manager == nil:
		return ErrForeignConnection
	case conn.listening != nil:
		return ErrWrongKind
	case r.queue.closed.Load():
		return net.ErrClosed
	case !r.fits(conn):
		return ErrHeaderSize
	}
	err := conn.endpoint().attachReader(r)
	if err == net.ErrClosed && conn.Err() != nil {
		return conn.Err()
	}
	return err
}

// fits reports whether the reader expects the headers that a socket carries.
func (r *QueuedConnectionReader) fits(conn *Connection) bool {
	if conn.stream == nil {
		return true
	}
	only := int32(conn.stream.out.only)
	return only == 0 || only == r.headerSize.Load() && !r.rawMode.Load()
}

// RemoveConnection undoes AddConnection; it does not close the connection. What is
// queued stays readable, and nothing is queued after the call has returned: bytes that
// have arrived, whole datagrams or parts, stay with the connection for the reader that
// it is added to next. The next reader gets a part of a datagram together with the next
// bytes of the peer, or its end, even if it has another header size. It returns false
// if the reader does not have the connection. It is Panda3D's remove_connection.
func (r *QueuedConnectionReader) RemoveConnection(conn *Connection) bool {
	if conn == nil || conn.account() == nil {
		return false
	}
	return conn.account().detach(r)
}

// IsConnectionOk reports whether the reader has the connection: from AddConnection
// until it is removed or closed, or until its end is in the reset queue. It is
// Panda3D's is_connection_ok.
func (r *QueuedConnectionReader) IsConnectionOk(conn *Connection) bool {
	return conn != nil && conn.account() != nil && conn.account().attached() == r
}

// SetTCPHeaderSize sets the size, in bytes, of the length before each datagram: 2 or 4.
// Any other is an ErrHeaderSize. It holds for bytes that have not been cut into
// datagrams yet, so set it before you add connections. It is Panda3D's
// set_tcp_header_size.
func (r *QueuedConnectionReader) SetTCPHeaderSize(size int) error {
	if size != 2 && size != 4 {
		return ErrHeaderSize
	}
	r.headerSize.Store(int32(size))
	return nil
}

// TCPHeaderSize returns the size set, in bytes. It is Panda3D's
// get_tcp_header_size.
func (r *QueuedConnectionReader) TCPHeaderSize() int { return int(r.headerSize.Load()) }

// SetRawMode makes the reader hand out bytes as they arrive, without the wire format:
// each datagram is what one read of a TCP connection returned, at most 64 KiB, with
// boundaries that mean nothing; or one UDP packet, without a sum. It holds for bytes
// that have not been cut into datagrams yet. It is Panda3D's set_raw_mode.
func (r *QueuedConnectionReader) SetRawMode(raw bool) { r.rawMode.Store(raw) }

// RawMode returns what SetRawMode set. It is Panda3D's get_raw_mode.
func (r *QueuedConnectionReader) RawMode() bool { return r.rawMode.Load() }

// DataAvailable reports whether GetData would find a datagram. It costs an atomic load
// or two, whatever the number of connections. At the end of a drain it reports false
// once, even if more has arrived meanwhile, so that a loop over it ends. It is
// Panda3D's data_available.
func (r *QueuedConnectionReader) DataAvailable() bool {
	switch r.state.Load() {
	case drainIdle:
		return r.queue.size.Load() > 0
	case drainLeft:
		return true
	case drainEnded:
		r.state.CompareAndSwap(drainEnded, drainIdle)
	}
	return false
}

// GetData copies the oldest datagram into the caller's, whose memory it uses again, and
// returns true. It returns false, and leaves the caller's datagram alone, if there is
// none, at the end of a drain (see DataAvailable), and for nil. It is Panda3D's
// get_data.
func (r *QueuedConnectionReader) GetData(datagram *NetDatagram) bool {
	if datagram == nil {
		return false
	}
	if r.state.Load() == drainIdle && r.queue.size.Load() == 0 {
		r.yielder.idle(r.manager)
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch r.state.Load() {
	case drainEnded:
		r.state.Store(drainIdle)
		return false
	case drainLooping:
		return false
	case drainIdle:
		if r.queue.size.Load() == 0 {
			return false
		}
		r.refill()
	}
	frames := r.current()
	if frames == nil { // another goroutine was faster
		return false
	}
	if r.began == 0 {
		r.beginDrain()
	}
	datagram.Assign(r.taken[r.next].take(frames))
	datagram.arrived(r.taken[r.next], frames)
	r.drained++
	if frames.next == frames.last {
		r.release()
	}
	if r.current() != nil {
		r.state.Store(drainLeft)
	} else {
		r.endDrain()
		r.state.Store(drainEnded)
	}
	return true
}

// Datagrams drains the reader: it yields each datagram that was queued when the loop
// began. A datagram that it yields is a view of the library's memory, valid until the
// next step or the end of the loop. Clone keeps it, and Config.PoisonViews shows in
// tests where a Clone is missing. A loop may be left half-way; the next one goes on
// from there. Inside the loop, any other call for datagrams of this reader finds
// nothing. Panda3D has no counterpart.
func (r *QueuedConnectionReader) Datagrams() iter.Seq[*NetDatagram] {
	return func(yield func(*NetDatagram) bool) { r.drain(yield) }
}

// drain is Datagrams. It is a method because a function literal would be inlined into
// the program's function, and is compiled less well there.
func (r *QueuedConnectionReader) drain(yield func(*NetDatagram) bool) {
	if !r.beginLoop() {
		r.yielder.idle(r.manager)
		return
	}
	defer r.endLoop()
	if r.manager.config.PoisonViews {
		yield = poisoning(yield)
	}
	view := &r.view
	for frames := r.current(); frames != nil; frames = r.current() {
		batch := r.taken[r.next]
		view.arrived(batch, frames)
		conn := frames.conn
		if frames.sender > 0 {
			conn = nil // which the view never has: every packet sets all of it
		}
		bytes, ends := batch.block.b, batch.block.ends[:frames.last]
		start, headerSize := batch.begin(frames.next), int(frames.headerSize)
		first := int(frames.next)
		for i := first; i < len(ends); i++ {
			// The first view, or one that the program has changed.
			if view.memory != receiveBuffer || view.connection != conn {
				*view = NetDatagram{Datagram: Datagram{memory: receiveBuffer}}
				view.arrived(batch, frames)
			}
			end := int(ends[i])
			view.data = bytes[start+headerSize : end : end]
			frames.next = int32(i + 1)
			start = end
			if !yield(view) {
				r.drained += i + 1 - first
				return
			}
		}
		r.drained += len(ends) - first
		r.release()
	}
}

// poisoning returns a yield that overwrites the datagram when the step is over.
func poisoning(yield func(*NetDatagram) bool) func(*NetDatagram) bool {
	return func(view *NetDatagram) bool {
		payload := view.data // the program may change the view
		defer func() {
			for i := range payload {
				payload[i] = poison
			}
		}()
		return yield(view)
	}
}

// poison makes no sense as text, and little as a number.
const poison = 0xdb

// beginLoop takes what is queued, and appends it to what an earlier drain has left.
func (r *QueuedConnectionReader) beginLoop() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state.Load() == drainLooping || r.queue.size.Load() == 0 && len(r.taken) == 0 {
		return false
	}
	r.refill()
	r.endDrain() // of GetData, which has left something
	r.beginDrain()
	r.state.Store(drainLooping)
	return true
}

// endLoop keeps what is left for the next drain.
func (r *QueuedConnectionReader) endLoop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.view = NetDatagram{}
	r.endDrain()
	if frames := r.current(); frames != nil && frames.next == frames.last {
		r.release()
	}
	if r.queue.closed.Load() {
		r.drop()
	}
	if r.current() != nil {
		r.state.Store(drainLeft)
	} else {
		r.state.Store(drainIdle)
	}
}

// beginDrain notes that a drain begins, for DrainStats.
func (r *QueuedConnectionReader) beginDrain() { r.began, r.drained = r.manager.elapsed(), 0 }

// endDrain counts the drain, if one runs.
func (r *QueuedConnectionReader) endDrain() {
	if r.began != 0 {
		r.manager.counts.drains.add(r.drained, r.manager.elapsed()-r.began)
		r.began = 0
	}
}

// refill takes what is queued, and appends it to what is left.
func (r *QueuedConnectionReader) refill() {
	n := copy(r.taken, r.taken[r.next:])
	clear(r.taken[n:])
	r.taken, r.next = r.queue.take(r.taken[:n]), 0
}

// current returns the span being drained, nil at the end.
func (r *QueuedConnectionReader) current() *span {
	if r.next == len(r.taken) {
		return nil
	}
	return &r.taken[r.next].spans[r.span]
}

// release ends the current span, and with the last one its batch.
func (r *QueuedConnectionReader) release() {
	if r.span++; r.span == len(r.taken[r.next].spans) {
		r.releaseBatch()
	}
}

func (r *QueuedConnectionReader) releaseBatch() {
	b := r.taken[r.next]
	number := b.number
	b.free()
	r.taken[r.next] = nil
	r.span = 0
	if r.next++; r.next == len(r.taken) {
		r.taken, r.next = r.taken[:0], 0
	}
	r.manager.ready.remove(1)
	r.queue.drain(number)
}

// Shutdown removes all connections from the reader without closing them, drops what is
// queued, and refuses what is added later. It is Panda3D's shutdown.
func (r *QueuedConnectionReader) Shutdown() {
	r.queue.close()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state.Load() != drainLooping { // else the end of the loop does it
		r.drop()
		r.state.Store(drainIdle)
	}
}

// drop throws away what is queued and what is left.
func (r *QueuedConnectionReader) drop() {
	r.refill()
	for r.current() != nil {
		r.release()
	}
}
