package queuednet

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// rendezvous is a Connection's listening socket. Its goroutine accepts while
// there is a listener that has room, and otherwise leaves who comes waiting in
// the system. Like a stream's it waits either in Accept or for a change.
type rendezvous struct {
	socket  net.Listener
	backlog int

	mu       sync.Mutex
	changed  sync.Cond
	listener *QueuedConnectionListener
	untaken  int // accepted and not yet taken by the program
	closed   bool

	released chan struct{} // closed when Close of the socket has returned
}

// attach gives what is accepted to l from now on.
func (r *rendezvous) attach(l *QueuedConnectionListener) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return net.ErrClosed
	case r.listener != nil:
		return ErrAlreadyAdded
	}
	r.listener = l
	r.changed.Signal()
	return nil
}

// detach ends what attach began: nothing is queued in l any more.
func (r *rendezvous) detach(l *QueuedConnectionListener) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.listener != l || l == nil {
		return false
	}
	r.listener = nil
	return true
}

// close ends the rendezvous. It does not wait for a foreign socket's Close,
// which is called once.
func (r *rendezvous) close() {
	r.mu.Lock()
	closed := r.closed
	r.closed, r.listener = true, nil
	r.changed.Broadcast()
	r.mu.Unlock()
	if !closed {
		release(r.socket, func() {
			r.socket.Close()
			close(r.released)
		})
	}
}

// taken is called for each connection that the program takes.
func (r *rendezvous) taken() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.untaken--
	r.changed.Signal()
}

// wait waits for a listener with room. It reports false when r is closed.
func (r *rendezvous) wait() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for !r.closed && (r.listener == nil || r.untaken >= r.backlog) {
		r.changed.Wait()
	}
	return !r.closed
}

// accept is the goroutine of the rendezvous c.
func (c *Connection) accept() {
	r := c.listening
	var (
		socket net.Conn
		err    error
		pause  time.Duration
	)
	for err == nil && r.wait() {
		if socket == nil {
			socket, err = r.socket.Accept()
			if isPassing(err) {
				// Trying again at once would fail again, and use the CPU.
				c.manager.refused(refusedAcceptError, err)
				pause = min(max(2*pause, 5*time.Millisecond), time.Second)
				err = nil
				select {
				case <-time.After(pause):
				case <-c.manager.closed:
				}
			} else if err == nil && c.manager.admit(socket) {
				c.manager.watchPeer(socket)
			} else {
				socket = nil
			}
			continue // the listener may have gone meanwhile: look again
		}
		pause = 0
		if r.hand(c, socket) {
			socket = nil
		}
	}
	if socket != nil {
		c.manager.leave(netAddressOf(socket.RemoteAddr()))
		release(socket, func() { closeAtOnce(socket) })
	}
	r.close()
	c.ended(err)
	<-r.released
	c.manager.forget(c)
}

// hand queues an accepted socket in the listener. It reports false, and leaves
// the socket alone, where there is none any more.
func (r *rendezvous) hand(c *Connection, socket net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.listener == nil {
		return false
	}
	m := c.manager
	conn, err := m.newStream(socket, c, false)
	if err != nil { // it is closing
		m.leave(netAddressOf(socket.RemoteAddr()))
		return true
	}
	r.untaken++
	r.listener.queue.put(conn, 0)
	return true
}

// isPassing reports whether Accept failed for a reason that may pass: the
// process or the system is out of something, or that one peer has gone.
func isPassing(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) ||
		errors.Is(err, syscall.ENOBUFS) || errors.Is(err, syscall.ENOMEM) ||
		errors.Is(err, syscall.ENOSPC) || // of what the poller may watch
		errors.Is(err, syscall.ECONNABORTED) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.As(err, &timeout) && timeout.Timeout()
}
