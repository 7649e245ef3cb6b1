package queuednet

import (
	"net"
	"net/netip"

	"github.com/queuednet/queuednet/internal/poller"
	"github.com/queuednet/queuednet/internal/sockopt"
)

// An acceptor is the listening socket of a rendezvous that the engine has: the sweep
// accepts, and no goroutine stands by. That is a plain TCP socket that the library has
// opened, while nobody else has it. One that is shared can be made a blocking one by
// whoever shares it, which would hold up the sweep; so an adopted one, and one whose
// ListenerFile the program has got, is a goroutine's.
type acceptor struct {
	engine *engine
	conn   *Connection // of the rendezvous

	// Of the gate of the rendezvous.
	fd     int
	waits  bool                  // the sweep may not accept: it is called as soon as it may
	knows  bool                  // the two that follow
	copied sockopt.StreamOptions // that what is accepted has by itself
	wanted sockopt.StreamOptions

	generation int32 // of engine.mu
	knocked    bool  // in engine.knocks; of engine.mu
}

// acceptSlot is the slot of all acceptors. They differ in the generation.
const acceptSlot = -2

// sweepAccepts is how many connections a sweep accepts at a rendezvous: others wait for
// the next one, so that they do not hold up what is to be read.
const sweepAccepts = 64

// openRendezvous makes a connection of a listening socket that the library has opened.
func (m *QueuedConnectionManager) openRendezvous(listener *net.TCPListener, backlog int) (*Connection, error) {
	e := m.startedEngine()
	if e == nil {
		return m.adoptRendezvous(listener, backlog)
	}
	m.setStreamOptions(listener)
	fd, err := poller.Copy(listener)
	if err != nil {
		return m.adoptRendezvous(listener, backlog)
	}
	defer listener.Close()
	return e.acceptAt(fd, netAddressOf(listener.Addr()), backlog)
}

// setStreamOptions gives a listening socket the options of the streams that are accepted
// there.
func (m *QueuedConnectionManager) setStreamOptions(listener *net.TCPListener) {
	if file, err := fileOf(listener); err == nil {
		defer file.Close()
		if socket, err := net.FileConn(file); err == nil {
			m.setKeepAlive(socket)
			socket.Close()
		}
	}
}

// acceptAt makes a connection of a listening socket that nobody else has.
func (e *engine) acceptAt(fd int, address NetAddress, backlog int) (*Connection, error) {
	c := e.manager.newRendezvous(address, backlog)
	a := &acceptor{engine: e, conn: c, fd: fd}
	r := c.listening
	r.acceptor.Store(a)
	if err := e.manager.register(c, nil); err != nil {
		_ = e.poller.CloseSocket(fd, false)
		return nil, err
	}
	r.gate.lock()
	if r.closed { // the manager is just closing
		r.unlock()
		return c, nil
	}
	err := a.begin()
	r.unlock()
	if err == nil {
		return c, nil
	}
	if err = r.leaveEngine(); err != nil { // the poller has no room, nor the system for a copy
		c.withdraw()
		return nil, err
	}
	return c, nil
}

// begin has the engine look at the socket. The gate is held.
func (a *acceptor) begin() error {
	e := a.engine
	e.mu.Lock()
	e.last++
	a.generation = e.last
	e.acceptors[a.generation] = a
	e.mu.Unlock()
	return e.poller.Add(a.fd, poller.Key{Slot: acceptSlot, Generation: a.generation})
}

// closeSocket closes the listening socket. The gate is held.
func (a *acceptor) closeSocket() {
	e := a.engine
	e.mu.Lock()
	delete(e.acceptors, a.generation)
	e.mu.Unlock()
	_ = e.poller.Remove(a.fd) // also a copy of it would be watched
	_ = e.poller.CloseSocket(a.fd, false)
}

// close ends the acceptor with its rendezvous. The gate is held.
func (a *acceptor) close() {
	a.closeSocket()
	a.engine.manager.goroutines.Go(func() { a.engine.manager.forget(a.conn) })
}

// knock has the sweep come by.
func (a *acceptor) knock() {
	e := a.engine
	e.mu.Lock()
	e.knock(a)
	e.mu.Unlock()
	e.ask()
}

// knock notes that a may have something to accept. e.mu is held.
func (e *engine) knock(a *acceptor) {
	if a != nil && !a.knocked {
		a.knocked = true
		e.knocks = append(e.knocks, a)
	}
}

// accept accepts at all rendezvous where somebody has knocked. It returns how many
// connections.
func (e *engine) accept(knocks []*acceptor) (accepted int) {
	for _, a := range knocks {
		if reason := e.failed.Load(); reason != nil {
			a.abandon(*reason)
			continue
		}
		accepted += a.acceptSome()
	}
	return accepted
}

// abandon gives the rendezvous to a goroutine, as the poller has failed. One of whose
// socket the system makes no copy ends by that.
func (a *acceptor) abandon(reason error) {
	if a.conn.listening.leaveEngine() != nil {
		a.conn.endListening(reason)
	}
}

// acceptSome accepts what waits, and returns how many connections that were.
func (a *acceptor) acceptSome() (n int) {
	for ; n < sweepAccepts; n++ {
		more, final := a.acceptOne()
		if final != nil {
			a.conn.endListening(final)
		}
		if !more {
			return n
		}
	}
	a.knock()
	return n
}

// acceptOne accepts a connection, and reports whether there may be more. The gate is
// held meanwhile, so that nothing is accepted or queued after a detach or close.
func (a *acceptor) acceptOne() (more bool, final error) {
	r, p := a.conn.listening, a.engine.poller
	r.gate.lock()
	defer r.unlock()
	if !r.mayAccept() {
		a.waits = true
		return false, nil
	}
	fd, peer, err := p.Accept(a.fd)
	switch {
	case err == poller.ErrAgain:
		return false, nil
	case err != nil:
		a.waits = true
		if err = a.opError(err); r.returned(err) {
			return false, err
		}
		return false, nil
	}
	_ = r.returned(nil)
	if !a.takeIn(fd, peer) {
		_ = p.CloseSocket(fd, true)
	}
	return true, nil
}

// opError words a failed accept as package net does.
func (a *acceptor) opError(err error) error {
	address := a.conn.localAddress.AddrPort()
	return &net.OpError{Op: "accept", Net: "tcp", Addr: net.TCPAddrFromAddrPort(address), Err: err}
}

// takeIn queues a connection in the listener, if it may come in. The gate is held.
func (a *acceptor) takeIn(fd int, peer netip.AddrPort) bool {
	e, c := a.engine, a.conn
	m, r := e.manager, c.listening
	ends := endpoints{NetAddressFrom(peer), c.localAddress}
	if !m.admit(ends.peer) {
		return false
	}
	if c.localAddress.IsAny() {
		ends.local = NetAddressFrom(e.poller.LocalAddress(fd))
	}
	s := m.makeStream(ends, c, true)
	s.acks.on = m.hasAckTimeout()
	l := e.add(s, fd)
	a.setOptions(l)
	if !e.carryAccepted(l) {
		e.remove(l)
		m.leave(ends.peer)
		return false
	}
	r.count()
	r.listener.queue.put(&s.Connection, 0)
	return true
}

// carryAccepted registers the stream of l, and carries it: in a goroutine if the poller has
// no room. It reports false, and undoes what it has done, if the system makes no copy for
// that either, or the manager is closing.
func (e *engine) carryAccepted(l *link) bool {
	m, c := e.manager, &l.stream.Connection
	if err := e.poller.Add(l.fd, l.key); err != nil {
		socket, failed := l.copied()
		if failed != nil {
			m.refused(refusedAcceptError, err)
			return false
		}
		if m.register(c, nil) != nil {
			socket.Close()
			return false
		}
		l.giveTo(socket)
		return true
	}
	if m.register(c, nil) != nil {
		_ = e.poller.Remove(l.fd)
		return false
	}
	return true
}

// setOptions gives an accepted socket the options of a stream that it has not got from the
// listening one. Linux copies all of them, but what imitates Linux may not: what is missing
// shows with the first connection. The gate is held.
func (a *acceptor) setOptions(l *link) {
	fd := uintptr(l.fd)
	if a.knows {
		a.wanted.Set(fd, a.copied)
		return
	}
	a.copied = sockopt.StreamOptionsOf(fd)
	tcp, err := l.copied() // which sets some
	if err != nil {
		return
	}
	defer tcp.Close()
	a.engine.manager.setKeepAlive(tcp)
	a.wanted, a.knows = sockopt.StreamOptionsOf(fd), true
}

// leaveEngine lets a goroutine accept, for good, at the rendezvous of an acceptor.
func (r *rendezvous) leaveEngine() error {
	a := r.acceptor.Load()
	if a == nil {
		return nil
	}
	file, err := fileOf(acceptorSocket{a})
	if err != nil {
		return err
	}
	defer file.Close()
	socket, err := net.FileListener(file)
	if err != nil {
		return err
	}
	r.gate.lock()
	defer r.unlock()
	switch {
	case r.closed:
		socket.Close()
		return net.ErrClosed
	case r.acceptor.Load() != a: // another call was faster
		socket.Close()
		return nil
	}
	a.closeSocket()
	r.setSocket(socket)
	r.acceptor.Store(nil)
	r.manager.goroutines.Go(a.conn.accept)
	return nil
}

// An acceptorSocket is the listening socket of an acceptor, for options.
type acceptorSocket = rawSocket[*acceptor]

// control calls f with the descriptor.
func (a *acceptor) control(f func(fd uintptr)) error {
	r := a.conn.listening
	r.gate.lock()
	defer r.unlock()
	if r.closed || r.acceptor.Load() == nil {
		return net.ErrClosed
	}
	f(uintptr(a.fd))
	return nil
}
