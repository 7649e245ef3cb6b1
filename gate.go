package queuednet

// A gate is a lock with one bit, which says whether there is something to take of what
// it guards. So a wait for something is a select, with a context or any other channel.
// While nobody holds the gate, one of its channels has a token. Whoever receives a
// token from either channel holds the gate, and gives it back by putting the token into
// the right one.
//
// It is never held over anything that may wait, or over code of the program. To look
// without taking, read an atomic, not the gate; where nobody waits, a mutex is cheaper.
// A zero gate has no channels: it cannot be locked.
type gate struct{ something, nothing chan struct{} }

// newGate returns a gate with nothing behind it.
func newGate() gate {
	g := gate{make(chan struct{}, 1), make(chan struct{}, 1)}
	g.unlock(false)
	return g
}

// lock waits until nobody holds g.
func (g *gate) lock() {
	select {
	case <-g.something:
	case <-g.nothing:
	}
}

// unlock gives g back, and says whether there is something.
func (g *gate) unlock(something bool) {
	if something {
		g.something <- struct{}{}
	} else {
		g.nothing <- struct{}{}
	}
}
