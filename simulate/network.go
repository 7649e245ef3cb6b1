// Package simulate makes the sockets of a program behave as over a bad network:
// what arrives is late and, over UDP, lost, doubled or out of order, the same
// with each run of the same seed. It is Panda3D's simulated network delay
// (start_delay and stop_delay of QueuedConnectionReader, which are there only if
// compiled in), for tests and for playing on one machine as if over the ocean.
//
// It wraps sockets; queuednet adopts them:
//
//	network := simulate.NewNetwork(1)
//	network.StartDelay(40*time.Millisecond, 60*time.Millisecond)
//	conn, err := manager.AdoptConnection(network.Conn(socket))
//
// Only what arrives is touched: wrap both ends for both directions. What waits
// is held by goroutines of this package, one for each socket until its Close;
// queuednet's own goroutines wait for it as for any network, and the program's
// loop for nothing. The clock is that of package time, so that inside a bubble
// of testing/synctest everything happens at once and repeats exactly.
package simulate

import (
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// A Network is what all the sockets that it has wrapped go through. Its methods
// may be called from any goroutine, at any time, and never wait. What they set
// holds for the bytes and packets that arrive from then on.
type Network struct {
	seed uint64

	mu        sync.Mutex
	wrapped   uint64        // sockets so far: each has its own dice
	delay     delay         // of what arrives now
	released  chan struct{} // closed by StopDelay: what waits now waits no more
	loss      float64
	duplicate float64
	reorder   float64
}

// delay is a time to wait between two bounds.
type delay struct{ min, max time.Duration }

// NewNetwork returns a network that delays and loses nothing yet. What is random
// in it depends on the seed only, on the order in which sockets are wrapped, and
// on what arrives at each.
func NewNetwork(seed uint64) *Network {
	return &Network{seed: seed, released: make(chan struct{})}
}

// StartDelay makes what arrives wait for a random time between two bounds. The
// order is kept, so what arrives behind something slower waits with it. A
// negative time counts as 0, and a longest below the shortest as the shortest.
// It is Panda3D's start_delay.
func (n *Network) StartDelay(shortest, longest time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.delay.min = max(shortest, 0)
	n.delay.max = max(longest, n.delay.min)
}

// StopDelay ends the delay: what waits arrives at once, in order, and what
// arrives from now on does not wait. It is Panda3D's stop_delay.
func (n *Network) StopDelay() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.delay = delay{}
	close(n.released)
	n.released = make(chan struct{})
}

// SetLoss sets the probability, 0 to 1, with which a packet of UDP is lost.
// Panda3D has no counterpart, also of the two methods that follow.
func (n *Network) SetLoss(probability float64) { n.set(&n.loss, probability) }

// SetDuplication sets the probability, 0 to 1, with which a packet of UDP
// arrives twice, the second time behind a delay of its own.
func (n *Network) SetDuplication(probability float64) { n.set(&n.duplicate, probability) }

// SetReordering sets the probability, 0 to 1, with which a packet of UDP does
// not wait: it overtakes all packets that do. Without a delay there is nothing
// to overtake.
func (n *Network) SetReordering(probability float64) { n.set(&n.reorder, probability) }

func (n *Network) set(field *float64, probability float64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	*field = probability
}

// newLine returns the line of one more socket.
func (n *Network) newLine() *line {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.wrapped++
	return &line{
		network: n,
		dice:    rand.New(rand.NewPCG(n.seed, n.wrapped)),
		changed: make(chan struct{}, 1),
		room:    make(chan struct{}, 1),
		closed:  make(chan struct{}),
	}
}

// A fate is what happens to something that arrives.
type fate struct {
	copies   int              // 0: it is lost
	waits    [2]time.Duration // of each copy
	overtake bool
	released <-chan struct{} // closed: it waits no more
}

// throw decides what happens to what arrives now. It throws as often whatever
// is set, so that a setting does not change what another one does.
func (n *Network) throw(dice *rand.Rand) fate {
	lost, doubled, overtakes, first, second := dice.Float64(), dice.Float64(), dice.Float64(), dice.Float64(), dice.Float64()
	n.mu.Lock()
	defer n.mu.Unlock()
	f := fate{copies: 1, overtake: overtakes < n.reorder, released: n.released}
	spread := float64(n.delay.max - n.delay.min)
	f.waits = [2]time.Duration{
		n.delay.min + time.Duration(first*spread),
		n.delay.min + time.Duration(second*spread),
	}
	switch {
	case lost < n.loss:
		f.copies = 0
	case doubled < n.duplicate:
		f.copies = 2
	}
	return f
}

// Conn wraps a stream, such as one for AdoptConnection of a manager. It reads
// ahead up to 1 MiB of what arrives; beyond that the peer is slowed, as by a
// full network. The end of the stream waits like anything else. Deadlines work.
// Close ends a Read that waits, and drops what was read ahead. It returns nil
// for nil.
func (n *Network) Conn(socket net.Conn) net.Conn {
	if socket == nil {
		return nil
	}
	c := &conn{Conn: socket, line: n.newLine()}
	go c.pump()
	return c
}

// Listener wraps a listening socket, such as one for AdoptRendezvous of a
// manager: the sockets that it accepts are wrapped as by Conn. It starts no
// goroutine of its own. It returns nil for nil.
func (n *Network) Listener(socket net.Listener) net.Listener {
	if socket == nil {
		return nil
	}
	return &listener{socket, n}
}

// PacketConn wraps a packet socket, such as one for AdoptUDPConnection of a
// manager. It reads ahead up to 1 MiB of packets; beyond that they wait in the
// system, which drops what is too much. Deadlines work. Close ends a ReadFrom
// that waits, and drops what was read ahead. It returns nil for nil.
//
// If the socket knows the local address of each packet, so does the wrapper,
// and SendFrom answers from the address that was asked. A *net.UDPConn on all
// interfaces knows it, on Linux; so does a socket with ReadFromTo and
// WriteFromTo (see AdoptUDPConnection of a manager).
func (n *Network) PacketConn(socket net.PacketConn) net.PacketConn {
	if socket == nil {
		return nil
	}
	p := &packetConn{PacketConn: socket, line: n.newLine(), locals: localsOf(socket)}
	go p.pump()
	if p.locals == nil {
		return p
	}
	return &localPacketConn{p, p.locals}
}
