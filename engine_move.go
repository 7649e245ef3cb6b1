package queuednet

import "net"

// How a stream moves from the engine to a goroutine, for good: because the program asks for
// its socket, which is to work as any other, or because the poller has no room for the
// stream, or has failed.
//
// First somebody chooses the goroutine, at any time: giveTo. The program has its socket at
// once, which is a copy of the link's, and the link carries the stream as before. When
// whoever sweeps comes by, move closes the link's descriptor and starts the goroutine. Each
// method of the carrier that is called later passes the call on to what carriedBy returns.
// One that has begun before finds moved set once it has the lock use: write takes that for
// a full system, and block, which puts back what was not written, calls goOn. breakOff
// leaves a note for move, and close ends a move that has not come so far.

// carriedBy returns the goroutine that the stream has moved to, nil if it has not.
func (l *link) carriedBy() *goroutineCarrier {
	l.use.RLock()
	defer l.use.RUnlock()
	if !l.moved {
		return nil
	}
	return l.next
}

// netConn moves the stream to a goroutine, and returns the socket of that.
func (l *link) netConn() net.Conn {
	if g := l.carriedBy(); g != nil {
		return g.socket
	}
	l.moving.Lock()
	defer l.moving.Unlock()
	if l.next != nil {
		return l.next.socket
	}
	tcp, err := l.copied()
	if err != nil { // it has ended
		return nil
	}
	l.moveTo(tcp)
	return tcp
}

// abandon moves a stream of a poller that has failed. One that has no incoming side, or of
// whose socket the system makes no copy, ends by that.
func (e *engine) abandon(l *link, reason error) {
	switch {
	case l.over && !l.stream.out.isBlocked(): // it needs no poller
	case l.over || l.netConn() == nil:
		l.stream.sendingFailed(reason, 0)
	}
}

// giveTo moves the stream to a goroutine that carries it over a copy of its socket.
func (l *link) giveTo(socket net.Conn) {
	l.moving.Lock()
	defer l.moving.Unlock()
	l.moveTo(socket)
}

// moveTo is giveTo while l.moving is held.
func (l *link) moveTo(socket net.Conn) {
	l.next = newGoroutineCarrier(l.stream, socket)
	l.look()
}

// move starts the goroutine that was chosen, and reports whether one was. Only the sweep
// calls it.
func (e *engine) move(l *link) bool {
	l.moving.Lock()
	g := l.next
	l.moving.Unlock()
	if g == nil {
		return false
	}
	l.over = true
	_ = e.poller.Remove(l.fd)
	e.remove(l)
	l.use.Lock() // no write is under way
	_ = e.poller.CloseSocket(l.fd, false)
	l.fd, l.moved = -1, true
	l.use.Unlock()
	l.goOn()
	l.stream.endWait()
	e.manager.goroutines.Go(g.run)
	if l.broken.Load() {
		e.manager.goroutines.Go(g.breakOff)
	}
	return true
}

// goOn has the goroutine flush what block has put back.
func (l *link) goOn() {
	s := l.stream
	if _, flush := s.out.unblock(); flush {
		s.manager.flusher.queue(chain{s, s})
	}
}
