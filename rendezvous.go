package queuednet

import (
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/queuednet/queuednet/internal/sockopt"
)

// rendezvous is a Connection's listening socket. The engine accepts at one that only the
// library has, see acceptor; at any other a goroutine does, which waits either in Accept
// or for the gate. Both accept while there is a listener that has room, and otherwise
// leave new clients waiting in the system.
type rendezvous struct {
	manager *QueuedConnectionManager
	backlog int
	untaken atomic.Int32 // accepted and not yet taken by the program, arrivals included; it grows under the gate

	acceptor atomic.Pointer[acceptor] // nil: the goroutine accepts; changed under the gate

	// Of the goroutine, and set before it begins.
	socket net.Listener
	waker  waker // nil: nothing but closing ends an Accept that waits

	gate      gate // an Accept may begin, or closed is set
	listener  *QueuedConnectionListener
	failures  acceptFailures
	rest      *time.Timer           // ends the pause after a failure
	resting   bool                  // that pause
	leaving   bool                  // detach waits: no Accept begins any more
	woken     bool                  // the deadline of the socket has been set
	accepting chan struct{}         // closed when the Accept under way is over; nil: none is
	arrivals  map[*arrival]struct{} // those that are asked for their address
	closed    bool

	released chan struct{} // closed when Close of the socket has returned
	stuck    atomic.Bool   // that takes longer than patienceWithAccept
}

// A waker is a listening socket whose Accept can be ended without closing it.
type waker interface{ SetDeadline(time.Time) error }

// patienceWithAccept bounds how long detach waits for an Accept that it has woken, and
// close for the socket. Both take microseconds, unless somebody who shares the socket has
// made it a blocking one while Accept waited: then the Accept may wait in the system, for
// a client that nobody else takes.
const patienceWithAccept = time.Second

// newRendezvous returns the connection of a listening socket at an address.
func (m *QueuedConnectionManager) newRendezvous(address NetAddress, backlog int) *Connection {
	return &Connection{manager: m, address: address, localAddress: address, listening: &rendezvous{
		manager:  m,
		backlog:  backlog,
		gate:     newGate(),
		released: make(chan struct{}),
		arrivals: make(map[*arrival]struct{}),
	}}
}

// setSocket gives r the socket at which the goroutine accepts.
func (r *rendezvous) setSocket(socket net.Listener) {
	r.socket = socket
	switch socket := socket.(type) { // another's method might wait
	case *net.TCPListener:
		r.waker = socket
	case *net.UnixListener:
		r.waker = socket
	}
}

func (r *rendezvous) shut()       { r.close() }
func (r *rendezvous) dropUnsent() {}
func (r *rendezvous) breakOff()   { r.close() }
func (r *rendezvous) look()       {}

func (r *rendezvous) attachReader(*QueuedConnectionReader) error { return ErrWrongKind }

func (r *rendezvous) system() any {
	if a := r.acceptor.Load(); a != nil {
		return acceptorSocket{a}
	}
	return r.socket
}

// mayAccept reports whether a listener has room for one more.
func (r *rendezvous) mayAccept() bool {
	return r.listener != nil && !r.leaving && !r.resting && int(r.untaken.Load()) < r.backlog
}

// unlock gives the gate back.
func (r *rendezvous) unlock() {
	may := r.mayAccept()
	a := r.acceptor.Load()
	call := may && a != nil && a.waits
	if call {
		a.waits = false
	}
	r.gate.unlock(r.closed || may)
	if call {
		a.knock()
	}
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
	isClosedWithin(over, patienceWithAccept)
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
	if r.rest != nil {
		r.rest.Stop()
	}
	r.dismiss()
	if a := r.acceptor.Load(); a != nil {
		a.close()
		return
	}
	go func() {
		r.socket.Close()
		close(r.released)
	}()
	if !isForeign(r.socket) {
		r.stuck.Store(!isClosedWithin(r.released, patienceWithAccept))
	}
}

// isClosedWithin waits for a channel to be closed, at most for d.
func isClosedWithin(c <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-c:
		return true
	case <-timer.C:
		return false
	}
}

// isForeign reports whether the end of r may wait.
func (r *rendezvous) isForeign() bool { return r.stuck.Load() || isForeign(r.system()) }

// taken is called for each connection that the program takes.
func (r *rendezvous) taken() {
	r.manager.counts.untaken.Add(-1)
	if int(r.untaken.Add(-1)) == r.backlog-1 { // there was no room
		r.gate.lock()
		r.unlock()
	}
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
	if socket, ok := r.waker.(syscall.Conn); ok {
		sockopt.Unblock(socket)
	}
	r.accepting = make(chan struct{})
	return true
}

// over is the end of what begin began, with what Accept has returned. It reports
// whether that is the end of the rendezvous.
func (r *rendezvous) over(err error) (final bool) {
	r.gate.lock()
	defer r.unlock()
	close(r.accepting)
	r.accepting = nil
	if r.woken && isTimeout(err) { // detach has woken the Accept
		return false
	}
	return r.returned(err)
}

// returned counts what an Accept has returned. If that is an error the next Accept waits
// for a while, unless the error is final: trying again at once would fail again, and use
// the CPU. r.gate is held.
func (r *rendezvous) returned(err error) (final bool) {
	switch {
	case err == nil:
		r.failures = acceptFailures{}
		return false
	case r.failures.final(err):
		return true
	}
	r.manager.refused(refusedAcceptError, err)
	r.resting = true
	r.rest = time.AfterFunc(r.failures.pause, func() {
		r.gate.lock()
		defer r.unlock()
		r.resting = false
	})
	return false
}

// accept is the goroutine of the rendezvous c.
func (c *Connection) accept() {
	r := c.listening
	reason := net.ErrClosed
	for r.begin() {
		socket, err := r.socket.Accept()
		if err == nil {
			c.arrive(socket)
		}
		if r.over(err) {
			reason = err
			break
		}
	}
	c.endListening(reason)
	<-r.released
	c.manager.forget(c)
}

// endListening closes a rendezvous, and reports its end if the program has not closed it.
func (c *Connection) endListening(err error) {
	c.listening.close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.setCause(err)
	if c.state == stateOpen {
		c.state = stateReported
		c.manager.resets.put(c, maxResetQueue)
	}
}
