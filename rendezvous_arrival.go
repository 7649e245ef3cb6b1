package queuednet

import (
	"errors"
	"net"
	"time"
)

// An arrival is a socket that a rendezvous has accepted and not yet queued: the
// peer's address decides whether it may come in, and some sockets learn that
// from the peer, as with the PROXY protocol.
type arrival struct {
	socket    net.Conn
	dismissed chan struct{} // closed when there is no listener any more
}

// endpoints are the two addresses of a stream.
type endpoints struct{ peer, local NetAddress }

// endpointsOf asks a socket, which may wait for its peer: see answersAtOnce.
func endpointsOf(socket net.Conn) endpoints {
	return endpoints{netAddressOf(socket.RemoteAddr()), netAddressOf(socket.LocalAddr())}
}

// answersAtOnce reports whether a socket knows its addresses. Those of the
// standard library and of this module do, if what they wrap does.
func answersAtOnce(socket net.Conn) bool {
	for _, layer := range layersOf(socket) {
		switch packageOf(layer) {
		case "net", "github.com/queuednet/queuednet/record", "github.com/queuednet/queuednet/queuednettest":
			return true
		case "crypto/tls", "github.com/queuednet/queuednet/simulate": // wrappers
		default:
			return false
		}
	}
	return false
}

// defaultAddressTimeout is how long a peer has to tell its address where there
// is no FirstDatagramTimeout.
const defaultAddressTimeout = 10 * time.Second

var errNoAddress = errors.New("queuednet: the peer did not tell its address in time")

// addressTimeout is how long an accepted socket may take to know its address.
func (c *Config) addressTimeout() time.Duration {
	if c.FirstDatagramTimeout > 0 {
		return c.FirstDatagramTimeout
	}
	return defaultAddressTimeout
}

// arrive takes in an accepted socket: at once if it knows its addresses, and
// else on a goroutine of its own, so that others need not wait for it.
func (c *Connection) arrive(socket net.Conn) {
	_ = socket.SetDeadline(time.Time{}) // one that an adopted listener has left
	atOnce := answersAtOnce(socket)
	a := &arrival{socket: socket, dismissed: make(chan struct{})}
	switch {
	case !c.listening.expect(a):
		resetAtOnce(socket)
	case atOnce:
		c.takeIn(a, endpointsOf(socket))
	default:
		c.manager.goroutines.Go(func() { c.askAndTakeIn(a) })
	}
}

// askAndTakeIn waits until an arrival knows its addresses, and takes it in.
func (c *Connection) askAndTakeIn(a *arrival) {
	answer := make(chan endpoints, 1)
	go func() { answer <- endpointsOf(a.socket) }() // until the socket's methods return
	limit := c.manager.config.addressTimeout()
	timer := time.NewTimer(limit - lastPart(limit))
	defer timer.Stop()
	for ending := false; ; ending = true {
		select {
		case ends := <-answer:
			c.takeIn(a, ends)
			return
		case <-a.dismissed:
		case <-timer.C:
			if !ending {
				timer.Reset(lastPart(limit))
				continue
			}
			c.manager.refused(refusedAcceptError, errNoAddress)
		}
		break
	}
	resetAtOnce(a.socket)
	c.listening.giveUp(a)
}

// takeIn queues an arrival in the listener, if it may come in.
func (c *Connection) takeIn(a *arrival, ends endpoints) {
	m := c.manager
	if m.admit(ends.peer) {
		m.setKeepAlive(a.socket)
		if c.listening.hand(c, a, ends) {
			return
		}
		m.leave(ends.peer)
	}
	resetAtOnce(a.socket)
	c.listening.giveUp(a)
}

// expect keeps a place for an arrival. It reports false if nobody takes it any
// more: an adopted listener's Accept may return after RemoveConnection.
func (r *rendezvous) expect(a *arrival) bool {
	r.gate.lock()
	defer r.unlock()
	if r.listener == nil {
		return false
	}
	r.arrivals[a] = struct{}{}
	r.count()
	return true
}

// count counts one that has been accepted, until it is taken. r.gate is held.
func (r *rendezvous) count() {
	r.untaken.Add(1)
	r.manager.counts.untaken.Add(1)
}

// giveUp gives the place of an arrival back.
func (r *rendezvous) giveUp(a *arrival) {
	r.gate.lock()
	delete(r.arrivals, a)
	r.unlock()
	r.taken()
}

// dismiss turns away the arrivals whose address is not known. r.gate is held.
func (r *rendezvous) dismiss() {
	for a := range r.arrivals {
		close(a.dismissed)
	}
	clear(r.arrivals)
}

// hand queues an arrival in the listener. It reports false, and leaves the
// socket alone, where there is none any more.
func (r *rendezvous) hand(c *Connection, a *arrival, ends endpoints) bool {
	r.gate.lock()
	defer r.unlock()
	if _, ok := r.arrivals[a]; !ok { // dismissed
		return false
	}
	delete(r.arrivals, a)
	conn, err := c.manager.newStream(a.socket, ends, c, false)
	if err != nil { // the manager is closing
		return false
	}
	r.listener.queue.put(conn, 0)
	return true
}

// resetAtOnce closes a socket with a reset, where it has such a thing.
func resetAtOnce(socket net.Conn) {
	release(socket, func() { closeAtOnce(socket, ErrNotAdmitted, true) })
}
