package queuednet

import (
	"io"
	"slices"
	"time"

	"github.com/queuednet/queuednet/internal/poller"
)

// sweep waits for events, as wait does it, and serves all
// streams that have any, then those that somebody has asked for, and hangs up
// last, so that what has come is read before. Its caller has the token.
func (e *engine) sweep(wait func() int) {
	n := wait()
	again := e.again
	e.again = nil
	looks, knocks, leaving := e.collect(e.events[:n])
	for _, l := range again {
		l.listed = false
		e.serve(l)
	}
	for i, l := range e.ready {
		if l != nil {
			e.event(l, e.events[i])
		}
	}
	for _, l := range looks {
		e.serve(l)
	}
	accepted := e.accept(knocks)
	e.leave(leaving)
	e.busy = n+accepted >= busySweep || len(e.again) > 0
}

func (e *engine) waitInBackground() int { return e.wait(-1) }

// wait waits for events, and returns how many there are. It does not wait if there is
// something to do without.
func (e *engine) wait(timeout time.Duration) int {
	if len(e.again) > 0 {
		timeout = 0
	}
	if e.failed.Load() != nil {
		if timeout < 0 {
			<-e.requests
		}
		return 0
	}
	n, err := e.poller.Wait(e.events[:], timeout)
	if err != nil {
		e.fail(err)
		return 0
	}
	return n
}

// fail is for a poller that does not wait any more, as when a program has closed
// descriptors that are not its own. Goroutines carry everything then: the engine
// only serves requests, and gives away each stream that it meets.
func (e *engine) fail(err error) {
	e.failed.Store(&err)
	m := e.manager
	m.mu.Lock()
	m.noEngine = true
	m.mu.Unlock()
	e.mu.Lock()
	all := slices.Clone(e.links)
	for _, a := range e.acceptors {
		e.knock(a)
	}
	e.mu.Unlock()
	for _, l := range all {
		if l != nil {
			l.look()
		}
	}
}

// collect finds the links that events are for, and takes the requests. An event of an
// acceptor is one.
func (e *engine) collect(events []poller.Event) (looks []*link, knocks []*acceptor, leaving []*link) {
	e.asked.Store(false)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ready = e.ready[:0]
	for _, event := range events {
		e.ready = append(e.ready, e.owner(event.Key))
	}
	looks, knocks, leaving = e.looks, e.knocks, e.leaving
	e.looks, e.knocks, e.leaving = nil, nil, nil
	for _, l := range looks {
		l.looked = false
	}
	for _, a := range knocks {
		a.knocked = false
	}
	return looks, knocks, leaving
}

// owner returns the link that an event is for, nil for none. For an acceptor it knocks.
// e.mu is held.
func (e *engine) owner(key poller.Key) *link {
	if key.Slot == acceptSlot {
		e.knock(e.acceptors[key.Generation])
		return nil
	}
	if l := e.links[key.Slot]; l != nil && l.key == key { // else of one that had the slot before
		return l
	}
	return nil
}

// event serves a stream whose socket has something to tell.
func (e *engine) event(l *link, event poller.Event) {
	if event.Writable {
		l.writable()
	}
	if !event.Readable {
		return
	}
	l.readable = true
	l.ended = l.ended || event.Ended
	e.serve(l)
}

// serve delivers what has been read, and reads once if something is there. What
// is left then waits for the next sweep, so that no peer holds up the others.
func (e *engine) serve(l *link) {
	s := l.stream
	if err := e.failed.Load(); err != nil {
		e.abandon(l, *err)
	}
	if l.over || e.move(l) {
		return
	}
	if l.broken.Load() && s.in.readErr == nil {
		s.in.readErr = errSendingFailed // or, if it was closed, what discard says
	}
	for read, looked := false, false; ; {
		step, err := s.deliver()
		switch {
		case step == stepWait:
			return
		case step == stepEnd:
			e.endIncoming(l, err)
			return
		case l.readable && read:
			e.list(l)
			return
		case l.readable:
			read = true
			l.read()
		case step == stepLook && !looked: // an event may not have been told yet
			looked = true
			l.read()
		case step == stepLook:
			s.in.readErr = errNothing
		default:
			s.in.releaseBuffer()
			if s.guard != nil && s.guard.waits.Load() == 0 {
				s.beginWait()
			}
			return
		}
	}
}

// list has l served in the next sweep, whether there is an event or not.
func (e *engine) list(l *link) {
	if !l.listed {
		l.listed = true
		e.again = append(e.again, l)
	}
}

// endIncoming ends the incoming side of a stream.
func (e *engine) endIncoming(l *link, err error) {
	if err == io.EOF && l.stream.out.isBusy() && !e.poller.Connected(l.fd) {
		e.list(l) // the reset was perhaps told to the write that is under way: one of both is
		return
	}
	l.over = true
	l.stream.endWait()
	l.stream.incomingOver(err)
}

// read reads once.
func (l *link) read() {
	s := l.stream
	s.in.some = false
	room := s.in.room(s.readSize())
	n, err := l.engine.poller.Read(l.fd, room)
	switch err {
	case nil:
		s.extend(n, len(room))
		s.endWait()
		l.readable = n == len(room) || l.ended
	case poller.ErrAgain:
		l.readable = false
	case io.EOF:
		s.in.readErr = err
	default:
		s.in.readErr = s.opError("read", err)
	}
}

// leave gives back the descriptors of streams that have hung up. One goroutine
// closes all that a sweep has, but for those that SetLinger makes wait.
func (e *engine) leave(leaving []*link) {
	if len(leaving) == 0 {
		return
	}
	for _, l := range leaving {
		_ = e.poller.Remove(l.fd)
		e.remove(l)
	}
	e.manager.goroutines.Go(func() {
		for _, l := range leaving {
			if e.poller.Lingers(l.fd) {
				e.manager.goroutines.Go(l.close)
			} else {
				l.close()
			}
		}
	})
}

// close closes the socket, and forgets the stream.
func (l *link) close() {
	l.use.Lock()
	fd := l.fd
	l.fd = -1
	l.use.Unlock()
	_ = l.engine.poller.CloseSocket(fd, l.stream.out.lost())
	l.moving.Lock()
	next := l.next
	l.moving.Unlock()
	if next != nil { // move does not come any more
		_ = next.socket.Close()
	}
	l.engine.manager.forget(&l.stream.Connection)
}
