package queuednet

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/queuednet/queuednet/internal/poller"
)

// An engine carries the plain TCP streams of a manager, on Linux: one goroutine
// waits for all their sockets, reads each that is ready, and has its stream cut
// and queue the bytes; see acceptor for how it accepts. A stream that is idle costs no goroutine and no buffer.
//
// Whoever has the token sweeps, that is, waits and reads, and owns what is marked so:
// the engine's goroutine, or a loop in WaitForReaders. Everybody else leaves a request
// and wakes it.
type engine struct {
	manager *QueuedConnectionManager
	poller  poller.Poller
	token   chan struct{} // has one while nobody sweeps
	loops

	events [256]poller.Event // of the sweep, as the two that follow
	ready  []*link           // found for events
	again  []*link           // to be read though no event will come
	busy   bool              // the last sweep has found much, or left something

	asked atomic.Bool // a request has been left, and Wake called

	mu      sync.Mutex
	links   []*link // by slot
	free    []int32 // slots
	last    int32   // generation
	looks   []*link // requests
	leaving []*link
	knocks  []*acceptor // with something to accept, as far as is known
	stopped bool

	acceptors map[int32]*acceptor // by generation

	// See fail.
	failed   atomic.Pointer[error]
	requests chan struct{} // a token: Wake was called

	ended chan struct{} // closed by run
}

// sweepPause is how long the sockets are left to themselves after a sweep while no
// loop waits: one sweep then finds all that has arrived meanwhile. A game that polls
// once a frame notices nothing of it.
const sweepPause = 2 * time.Millisecond

// startEngine makes an engine over a poller, and starts it. m.mu is held.
func (m *QueuedConnectionManager) startEngine(p poller.Poller) {
	e := &engine{
		manager:  m,
		poller:   p,
		token:    make(chan struct{}, 1),
		loops:    loops{left: make(chan struct{}, 1)},
		requests: make(chan struct{}, 1),
		ended:    make(chan struct{}),

		acceptors: make(map[int32]*acceptor),
	}
	e.token <- struct{}{}
	m.ready.wake = e.wakeUnlessStopped
	m.engine.Store(e)
	m.goroutines.Go(e.run)
}

// A link is the carrier of a stream that the engine has.
type link struct {
	engine *engine
	stream *stream
	key    poller.Key

	// Of the sweep.
	readable bool // a read may find something
	ended    bool // the peer has ended its stream, or it is broken: a short read says nothing
	listed   bool // in again
	over     bool // the incoming side is

	moved bool // to next, see move; of use

	// Of engine.mu.
	looked bool // in looks

	broken atomic.Bool // breakOff was called, which move is to know

	// The descriptor is used by whoever holds the lock for reading. It changes when
	// it is closed.
	use sync.RWMutex
	fd  int // -1: closed

	moving sync.Mutex
	next   *goroutineCarrier // that the stream moves to; set once, under moving
}

// carry registers a stream and carries it over fd, a copy of its socket. Where the
// poller has no room for that, a goroutine carries the stream over the socket.
func (e *engine) carry(s *stream, socket net.Conn, fd int) error {
	l := e.add(s, fd)
	if err := e.manager.register(&s.Connection, nil); err != nil {
		e.drop(l)
		return err
	}
	e.start(l, socket)
	return nil
}

// add gives a stream its link.
func (e *engine) add(s *stream, fd int) *link {
	l := &s.link
	*l = link{engine: e, stream: s, fd: fd}
	e.mu.Lock()
	if n := len(e.free); n > 0 {
		l.key.Slot = e.free[n-1]
		e.free = e.free[:n-1]
		e.links[l.key.Slot] = l
	} else {
		l.key.Slot = int32(len(e.links))
		e.links = append(e.links, l)
	}
	e.last++
	l.key.Generation = e.last
	e.mu.Unlock()
	s.carrier = l
	return l
}

// start begins to carry l, which the manager has registered, in place of the
// socket.
func (e *engine) start(l *link, socket net.Conn) {
	if e.poller.Add(l.fd, l.key) != nil {
		l.giveTo(socket)
		return
	}
	socket.Close()
	l.look()
}

// drop ends what add began where start is not reached.
func (e *engine) drop(l *link) {
	e.remove(l)
	_ = e.poller.CloseSocket(l.fd, false)
}

// remove ends what add began.
func (e *engine) remove(l *link) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.links[l.key.Slot] = nil
	e.free = append(e.free, l.key.Slot)
}

// ask wakes the sweep for a request that has been left.
func (e *engine) ask() {
	if e.asked.CompareAndSwap(false, true) {
		e.wake()
	}
}

func (e *engine) wake() {
	e.poller.Wake()
	if e.failed.Load() != nil {
		signal(e.requests)
	}
}

// run is the goroutine that sweeps. It ends by close.
func (e *engine) run() {
	defer close(e.ended)
	for {
		e.standBy()
		<-e.token
		e.endSession()
		if e.isStopped() {
			e.token <- struct{}{}
			return
		}
		e.sweep(e.waitInBackground)
		for len(e.again) > 0 && !e.isStopped() { // a loop that waits is told of what is queued
			e.sweep(e.waitInBackground)
		}
		idle := e.failed.Load() == nil
		called := e.manager.ready.waiters.Load() > 0
		if called && !e.busy { // it sweeps itself from now on
			e.session.Store(true)
		}
		e.token <- struct{}{}
		if idle && !called {
			e.poller.Pause(sweepPause)
		}
	}
}

func (e *engine) isStopped() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stopped
}

// close ends run and gives the poller back. No stream is left.
func (e *engine) close() {
	e.mu.Lock()
	e.stopped = true
	e.mu.Unlock()
	e.wake()
	<-e.ended
	<-e.token // for good
	e.stopWatching()
	e.poller.Close()
}
