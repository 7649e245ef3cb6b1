package queuednet

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/queuednet/queuednet/internal/poller"
)

// A fakePoller is a system in memory under an engine: its sockets are wires. It
// tells edge by edge what has become possible, as epoll does. With a random source
// it does so in any order that a system may: late, for a part of the sockets at a
// time, for nothing, and for sockets that are gone; reads and writes come short, or
// would have to wait.
//
// It fails the test where the engine breaks the rules of poller.Poller: uses a
// descriptor that is closed, writes after the end, or leaves a socket open.
type fakePoller struct {
	t       testing.TB
	changed chan struct{} // a token: something has happened
	wakes   chan struct{} // a token: Wake was called, for Pause
	waits   atomic.Bool   // a goroutine is in Wait
	naps    atomic.Bool   // a goroutine is in Pause
	pauses  atomic.Int64
	asked   atomic.Int64 // how often Connected was called

	mu       sync.Mutex
	random   *rand.Rand // nil: everything is told at once and whole, and the sockets in their order
	sockets  map[int]*fakeSocket
	order    []*fakeSocket // those that are watched
	last     int           // descriptor; none is used twice
	gone     []poller.Key  // sockets of which an event may still be under way
	woken    bool
	closed   bool
	onRead   func(fd int, room []byte) // looks at each read, if it is set
	onReset  func()                    // is called within the write that is told of a reset
	onAccept func()                    // is called within the Accept of a client
	full     bool                      // Add has no room
	broken   error                     // of Wait
	noRoom   int                       // how many accepted sockets Add had none for
	failed   int                       // how many calls of Accept failed, but might go well another time
}

// A fakeSocket is what a descriptor stands for.
type fakeSocket struct {
	near   *wire
	copies *atomic.Int32 // descriptors of near

	in, out atomic.Bool // something has happened since the last event, in a direction

	// Of fakePoller.mu.
	key      poller.Key
	watched  bool
	closed   bool
	shut     bool // CloseWrite was called
	want     bool // events for writing
	wasReset bool // and somebody was told
	reads    int
	client   bool // was accepted

	// Of a listening one.
	waiting  []fakeClient
	dialled  int
	accepted int
	trouble  error // what its Accept returns
}

// A fakeClient waits at a listening socket.
type fakeClient struct {
	near *wire
	port uint16 // which of the clients it is, from 1
}

// A fakeConn is another descriptor of a wire: what package net would have.
type fakeConn struct {
	*wire
	copies *atomic.Int32
	once   sync.Once
}

func (c *fakeConn) Close() error {
	c.once.Do(func() { letGo(c.wire, c.copies, false) })
	return nil
}

// letGo closes a wire with the last of its descriptors.
func letGo(w *wire, copies *atomic.Int32, reset bool) {
	switch {
	case copies.Add(-1) > 0:
	case reset:
		w.reset()
	default:
		w.Close()
	}
}

// firstFake is a descriptor that no system hands out.
const firstFake = 1 << 30

// fakeEngine puts a fake poller under a manager. The random source may be nil.
func fakeEngine(t testing.TB, m *QueuedConnectionManager, random *rand.Rand) *fakePoller {
	if runtime.GOOS == "windows" {
		t.Skip("a fake poller reports Unix' errors, and Windows has no engine")
	}
	f := &fakePoller{t: t, changed: make(chan struct{}, 1), wakes: make(chan struct{}, 1), random: random, sockets: make(map[int]*fakeSocket), last: firstFake}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.startEngine(f)
	return f
}

// connect makes a connection over a wire, as dialling one over a network would.
func (f *fakePoller) connect(m *QueuedConnectionManager, near *wire) *Connection {
	s := m.makeStream(endpoints{}, nil, true)
	f.mu.Lock()
	fd := f.open(near)
	conn := &fakeConn{wire: near, copies: f.sockets[fd].copies}
	f.mu.Unlock()
	conn.copies.Add(1)
	require.NoError(f.t, m.engine.Load().carry(s, conn, fd))
	return &s.Connection
}

// open returns a descriptor of a wire. f.mu is held.
func (f *fakePoller) open(near *wire) (fd int) {
	socket := &fakeSocket{near: near, copies: new(atomic.Int32)}
	socket.copies.Store(1)
	near.in.tell(&near.in.written, func() { f.happened(&socket.in) })
	near.out.tell(&near.out.taken, func() { f.happened(&socket.out) })
	f.last++
	f.sockets[f.last] = socket
	return f.last
}

// move lets a goroutine carry a connection, as NetConn does.
func (f *fakePoller) move(conn *Connection) {
	l := &conn.stream.link
	l.moving.Lock()
	defer l.moving.Unlock()
	l.use.RLock()
	fd := l.fd
	var socket *fakeSocket
	if fd >= 0 && l.next == nil {
		socket = f.socket(fd, "dup")
		socket.copies.Add(1)
	}
	l.use.RUnlock()
	if socket != nil {
		l.moveTo(&fakeConn{wire: socket.near, copies: socket.copies})
	}
}

// awaitsRoom reports whether events for writing are on for a connection.
func (f *fakePoller) awaitsRoom(conn *Connection) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.order {
		if s.key == conn.stream.link.key {
			return s.want
		}
	}
	return false
}

// happened notes an edge.
func (f *fakePoller) happened(edge *atomic.Bool) {
	edge.Store(true)
	signal(f.changed)
}

// socket returns what an open descriptor stands for.
func (f *fakePoller) socket(fd int, use string) *fakeSocket {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.sockets[fd]
	switch {
	case s == nil:
		f.t.Errorf("%s of descriptor %d, which is none", use, fd)
		near, _ := newWire(1, nil)
		s = &fakeSocket{near: near, copies: new(atomic.Int32)}
	case s.closed:
		f.t.Errorf("%s of a descriptor that is closed", use)
	case f.closed:
		f.t.Errorf("%s after Close", use)
	}
	return s
}

// chance is true once in n times, if there is a random source. f.mu is held.
func (f *fakePoller) chance(n int) bool { return f.random != nil && f.random.IntN(n) == 0 }

// dawdle lets time pass, or not.
func (f *fakePoller) dawdle() {
	f.mu.Lock()
	var wait time.Duration
	if f.chance(3) {
		wait = time.Duration(f.random.IntN(50)) * time.Microsecond
	}
	f.mu.Unlock()
	if wait > 0 {
		time.Sleep(wait)
	}
}

func (f *fakePoller) Add(fd int, key poller.Key) error {
	s := f.socket(fd, "Add")
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.full || f.chance(30) {
		if s.client {
			f.noRoom++
		}
		return syscall.ENOSPC
	}
	s.key, s.watched = key, true
	f.order = append(f.order, s)
	f.happened(&s.in)
	return nil
}

func (f *fakePoller) WantWrite(fd int, key poller.Key, want bool) error {
	s := f.socket(fd, "WantWrite")
	f.mu.Lock()
	defer f.mu.Unlock()
	if !s.watched {
		return syscall.ENOENT
	}
	if key != s.key {
		f.t.Errorf("WantWrite of %v with the key %v", s.key, key)
	}
	s.want = want
	if want {
		f.happened(&s.out)
	}
	if f.chance(2) {
		f.happened(&s.in)
	}
	return nil
}

func (f *fakePoller) Remove(fd int) error {
	s := f.socket(fd, "Remove")
	f.mu.Lock()
	defer f.mu.Unlock()
	if !s.watched {
		return syscall.ENOENT
	}
	s.watched = false
	for i, other := range f.order {
		if other == s {
			f.order = append(f.order[:i], f.order[i+1:]...)
			break
		}
	}
	if f.chance(2) {
		f.gone = append(f.gone, s.key)
	}
	return nil
}

// enter begins a Wait or Pause, and returns what ends it.
func (f *fakePoller) enter(inside *atomic.Bool) (leave func()) {
	if !inside.CompareAndSwap(false, true) {
		f.t.Error("two goroutines wait")
	}
	return func() { inside.Store(false) }
}

func (f *fakePoller) Wait(events []poller.Event, timeout time.Duration) (int, error) {
	defer f.enter(&f.waits)()
	var over <-chan time.Time
	if timeout > 0 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		over = timer.C
	}
	for {
		f.dawdle()
		if err := f.isBroken(); err != nil {
			return 0, err
		}
		n, woken := f.collect(events)
		if n > 0 || woken || timeout == 0 {
			f.dawdle() // what has been found grows old
			return n, nil
		}
		select {
		case <-f.changed:
		case <-over:
			return 0, nil
		}
	}
}

func (f *fakePoller) isBroken() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.broken
}

// collect fills in what has happened, or a part of it.
func (f *fakePoller) collect(events []poller.Event) (n int, woken bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	woken = f.woken || f.chance(20)
	f.woken = false
	for _, key := range f.gone {
		events[n] = poller.Event{Key: key, Readable: true, Writable: true, Ended: true}
		n++
	}
	f.gone = f.gone[:0]
	if f.random != nil {
		f.random.Shuffle(len(f.order), func(i, j int) { f.order[i], f.order[j] = f.order[j], f.order[i] })
	}
	for _, s := range f.order {
		if n == len(events) || f.chance(4) {
			signal(f.changed) // for another time
			continue
		}
		if event := f.event(s); event.Readable || event.Writable {
			events[n] = event
			n++
		}
	}
	return n, woken
}

// event returns what has become possible on a socket. f.mu is held.
func (f *fakePoller) event(s *fakeSocket) poller.Event {
	in, out := s.in.Swap(false), s.want && s.out.Swap(false)
	event := poller.Event{Key: s.key}
	if !in && !out {
		return event
	}
	if s.near == nil {
		event.Readable = len(s.waiting) > 0 || s.trouble != nil || f.chance(20)
		return event
	}
	readable, ended := s.near.in.readable()
	room, broken := s.near.out.writable()
	event.Readable = readable && (in || !f.chance(2)) || f.chance(20)
	event.Writable = broken || s.want && room && (out || !f.chance(2))
	event.Ended = event.Readable && ended
	return event
}

func (f *fakePoller) Pause(d time.Duration) {
	defer f.enter(&f.naps)()
	f.pauses.Add(1)
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-f.wakes:
	case <-timer.C:
	}
}

func (f *fakePoller) Wake() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.woken = true
	signal(f.changed)
	signal(f.wakes)
}

func (f *fakePoller) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for fd, s := range f.sockets {
		if n := s.copies.Load(); !s.closed || n != 0 {
			f.t.Errorf("of descriptor %d and its copies %d are left open", fd, n)
		}
	}
	return nil
}

var _ poller.Poller = (*fakePoller)(nil)
