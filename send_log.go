package queuednet

import (
	"sync"
	"sync/atomic"
)

// A sendLog holds what Broadcast has sent until a flushing goroutine distributes
// it: appends it to the outgoing side of each receiver. So the loop pays for a
// list of receivers, and not for a look into each. While the log holds something,
// Send appends to it too, so that each connection keeps its order.
//
// A receiver goes through the log if its viaLog is set: then it is open, and so little
// waits for it that everything the log may hold has room in its MaxSendQueue. To any
// other receiver the caller sends directly, after distributing the log, and so gets its
// error. Whoever ends a stream calls leaveLog first.
//
// The loop takes no lock here, as with the flusher, unless it has to distribute.
type sendLog struct {
	flusher *flusher

	entries atomic.Pointer[logEntry] // the latest first
	waiting atomic.Int64             // entries that are not distributed
	size    atomic.Int64             // of them

	mu sync.Mutex // of who distributes
}

const (
	// maxLogSize is how much the log holds before the caller distributes it: the
	// bytes of all frames and the number of receivers, each of which takes 8 bytes.
	maxLogSize = 64 << 10

	// maxLogFrame is the longest frame that goes through the log.
	maxLogFrame = 16 << 10
)

// A logEntry is a frame and who gets it.
type logEntry struct {
	next       *logEntry
	frame      *block
	headerSize int
	receivers  []*Connection
	refused    []*Connection // those that refused it; set by who distributes
	owners     atomic.Int32  // who sends, and who distributes

	collecting bool                   // receivers, from a sequence that has not ended
	collect    func(*Connection) bool // the method add: made once, as a loop over a sequence allocates
}

var logEntryPool = sync.Pool{New: func() any {
	e := new(logEntry)
	e.collect = e.add
	return e
}}

// add appends a receiver that a sequence yields.
func (e *logEntry) add(conn *Connection) bool {
	if !e.collecting {
		panic("queuednet: a sequence of receivers goes on after its end")
	}
	e.receivers = append(e.receivers, conn)
	return true
}

// newLogEntry returns an entry without receivers, for a frame that it shares. It
// has one owner.
func newLogEntry(frame *block, headerSize int) *logEntry {
	e := logEntryPool.Get().(*logEntry)
	e.frame, e.headerSize = frame.share(), headerSize
	e.owners.Store(1)
	return e
}

// free lets go of an entry, for one of its owners.
func (e *logEntry) free() {
	if e.owners.Add(-1) > 0 {
		return
	}
	e.frame.free()
	clear(e.receivers)
	clear(e.refused)
	e.next, e.frame = nil, nil
	e.receivers, e.refused = e.receivers[:0], e.refused[:0]
	logEntryPool.Put(e)
}

func (e *logEntry) size() int64 { return int64(len(e.frame.b) + len(e.receivers)) }

// isEmpty reports whether everything that the caller has sent is distributed.
func (l *sendLog) isEmpty() bool { return l.waiting.Load() == 0 }

// send sends an entry to its receivers, whose viaLog was set, and returns those
// that refuse it. The caller still owns it too.
func (l *sendLog) send(e *logEntry) (refused []*Connection) {
	l.append(e)
	for _, conn := range e.receivers {
		if !conn.viaLog.Load() { // see leaveLog
			l.distribute()
			return e.refused
		}
	}
	return nil
}

func (l *sendLog) append(e *logEntry) {
	e.owners.Add(1)
	l.waiting.Add(1)
	full := l.size.Add(e.size()) > maxLogSize
	for {
		before := l.entries.Load()
		e.next = before
		if l.entries.CompareAndSwap(before, e) {
			l.flusher.call(before == nil, len(e.receivers))
			break
		}
	}
	if full {
		l.distribute()
	}
}

// distribute empties the log into its receivers. When it returns, whatever was appended
// before the call has been distributed.
func (l *sendLog) distribute() {
	if l.isEmpty() {
		return
	}
	l.mu.Lock()
	l.distributeLocked()
	l.mu.Unlock()
	l.tryDistribute()
}

// tryDistribute distributes what the log holds, unless another goroutine does: that one looks
// again when it is done.
func (l *sendLog) tryDistribute() {
	for l.entries.Load() != nil && l.mu.TryLock() {
		l.distributeLocked()
		l.mu.Unlock()
	}
}

// distributeLocked appends all entries to their receivers. l.mu is held.
func (l *sendLog) distributeLocked() {
	var oldest *logEntry
	for e := l.entries.Swap(nil); e != nil; {
		next := e.next
		e.next, oldest = oldest, e
		e = next
	}
	for e := oldest; e != nil; {
		next := e.next
		l.deliver(e)
		l.size.Add(-e.size())
		l.waiting.Add(-1)
		e.free()
		e = next
	}
}

// logChain is how many connections are handed to the flushing goroutines at once.
const logChain = 64

// deliver appends an entry to its receivers.
func (l *sendLog) deliver(e *logEntry) {
	var dirty chain
	n := 0
	for _, conn := range e.receivers {
		s := conn.stream
		flush, err := s.sendLogged(e.headerSize, e.frame)
		if err != nil {
			e.refused = append(e.refused, conn)
		}
		if !flush {
			continue
		}
		dirty.add(s)
		if n++; n == logChain {
			l.flusher.queue(dirty)
			dirty, n = chain{}, 0
		}
	}
	l.flusher.queue(dirty)
}

// leaveLog makes everything that is sent to s from now on go there directly, and
// appends what was sent to it through the log before. It comes before whatever
// makes s refuse what is sent.
//
// A sender looks at viaLog again after it has appended to the log (see send). So either
// it finds that s has left the log, or leaveLog distributes what was appended.
func (s *stream) leaveLog() {
	s.out.mu.Lock()
	s.out.leftLog = true
	s.out.noteRoom(s)
	s.out.mu.Unlock()
	s.manager.log.distribute()
}

// noteRoom says whether s may be sent to through the log. o.mu is held.
func (o *outgoing) noteRoom(s *stream) {
	via := !o.leftLog && o.only == 0 &&
		o.unsent()+maxLogSize+maxLogFrame <= s.manager.config.MaxSendQueue
	if via != s.viaLog.Load() {
		s.viaLog.Store(via)
	}
}
