package queuednet

import (
	"net"
	"time"
)

// rendezvous is a Connection's listening socket. Its goroutine accepts while
// there is a listener that has room, and otherwise leaves new clients waiting in
// the system. Like a stream's it waits either in Accept or for a change.
type rendezvous struct {
	manager *QueuedConnectionManager
	socket  net.Listener
	backlog int
	waker   waker         // nil: nothing but closing ends an Accept that waits
	stop    chan struct{} // closed by close

	gate      gate // an Accept may begin, or closed is set
	listener  *QueuedConnectionListener
	leaving   bool                  // detach waits: no Accept begins any more
	woken     bool                  // the deadline of the socket has been set
	accepting chan struct{}         // closed when the Accept under way is over; nil: none is
	arrivals  map[*arrival]struct{} // those that are asked for their address
	untaken   int                   // accepted and not yet taken by the program, arrivals included
	closed    bool

	released chan struct{} // closed when Close of the socket has returned
}

// A waker is a listening socket whose Accept can be ended without closing it.
type waker interface{ SetDeadline(time.Time) error }

// patienceWithAccept bounds how long detach waits for an Accept that it has
// woken: it takes microseconds, unless somebody who shares the socket has made
// it a blocking one.
const patienceWithAccept = time.Second

func newRendezvous(m *QueuedConnectionManager, socket net.Listener, backlog int) *rendezvous {
	r := &rendezvous{
		manager:  m,
		socket:   socket,
		backlog:  backlog,
		gate:     newGate(),
		stop:     make(chan struct{}),
		released: make(chan struct{}),
		arrivals: make(map[*arrival]struct{}),
	}
	switch socket := socket.(type) { // another's method might wait
	case *net.TCPListener:
		r.waker = socket
	case *net.UnixListener:
		r.waker = socket
	}
	return r
}

func (r *rendezvous) shut()       { r.close() }
func (r *rendezvous) dropUnsent() {}
func (r *rendezvous) breakOff()   { r.close() }
func (r *rendezvous) look()       {}

func (r *rendezvous) attachReader(*QueuedConnectionReader) error { return ErrWrongKind }
func (r *rendezvous) system() any                                { return r.socket }

// unlock gives the gate back.
func (r *rendezvous) unlock() {
	r.gate.unlock(r.closed || r.listener != nil && !r.leaving && r.untaken < r.backlog)
}

// attach gives what is accepted to l from now on.
func (r *rendezvous) attach(l *QueuedConnectionListener) error {
	r.gate.lock()
	defer r.unlock()
	switch {
	case r.closed:
		return net.ErrClosed
	case r.listener != nil:
		return ErrAlreadyAdded
	}
	r.listener = l
	return nil
}

// detach ends what attach began: nothing is accepted for l, or queued in it, any
// more. It waits for an Accept that is under way, which it wakes, and for no
// peer: what that has accepted is still queued.
func (r *rendezvous) detach(l *QueuedConnectionListener) bool {
	r.gate.lock()
	defer r.unlock()
	if r.listener != l || l == nil {
		return false
	}
	if r.waker != nil && r.accepting != nil {
		r.leaving, r.woken = true, true
		_ = r.waker.SetDeadline(time.Unix(1, 0))
		r.awaitAccept(r.accepting)
	}
	r.leaving = false
	if r.listener != l { // another call, or close, was faster
		return false
	}
	r.listener = nil
	r.dismiss()
	return true
}

// awaitAccept waits, without r.gate, until an Accept is over.
func (r *rendezvous) awaitAccept(over <-chan struct{}) {
	r.unlock()
	defer r.gate.lock()
	timer := time.NewTimer(patienceWithAccept)
	defer timer.Stop()
	select {
	case <-over:
	case <-timer.C:
	}
}

// close ends the rendezvous. It does not wait for a foreign socket's Close,
// which is called once.
func (r *rendezvous) close() {
	r.gate.lock()
	defer r.unlock()
	if r.closed {
		return
	}
	r.closed, r.listener = true, nil
	close(r.stop)
	r.dismiss()
	release(r.socket, func() {
		r.socket.Close()
		close(r.released)
	})
}

// taken is called for each connection that the program takes.
func (r *rendezvous) taken() {
	r.gate.lock()
	defer r.unlock()
	r.untaken--
	r.manager.counts.untaken.Add(-1)
}

// begin waits for a listener with room, and makes ready for an Accept. It
// reports false when r is closed.
func (r *rendezvous) begin() bool {
	<-r.gate.something
	defer r.unlock()
	if r.closed {
		return false
	}
	if r.woken {
		r.woken = false
		_ = r.waker.SetDeadline(time.Time{})
	}
	r.accepting = make(chan struct{})
	return true
}

// over is the end of what begin began. It reports whether detach has woken the
// Accept.
func (r *rendezvous) over() (woken bool) {
	r.gate.lock()
	defer r.unlock()
	close(r.accepting)
	r.accepting = nil
	return r.woken
}

// accept is the goroutine of the rendezvous c.
func (c *Connection) accept() {
	r := c.listening
	reason := net.ErrClosed
	var failures acceptFailures
	for r.begin() {
		socket, err := r.socket.Accept()
		if err == nil {
			failures = acceptFailures{}
			c.arrive(socket)
		}
		woken := r.over()
		if err == nil || woken && isTimeout(err) {
			continue
		}
		if failures.final(err) {
			reason = err
			break
		}
		// Trying again at once would fail again, and use the CPU.
		c.manager.refused(refusedAcceptError, err)
		select {
		case <-time.After(failures.pause):
		case <-r.stop:
		}
	}
	r.close()
	c.listeningOver(reason)
	<-r.released
	c.manager.forget(c)
}

// listeningOver reports the end of a rendezvous that the program has not closed.
func (c *Connection) listeningOver(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.setCause(err)
	if c.state == stateOpen {
		c.state = stateReported
		c.manager.resets.put(c, maxResetQueue)
	}
}
