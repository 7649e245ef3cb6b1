package queuednet

import (
	"maps"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// A lot is where a manager keeps the connections that have long been idle, or
// never said anything: they have no goroutine. One goroutine, which the first of
// them starts, waits for all of them with an epoll descriptor, which is itself
// watched by the runtime's poller, so that no thread waits.
//
// Who owns what: the incoming side of a connection belongs to its goroutine, as
// always. That sets the connection aside, in setAside, and from then on must not
// touch it. Whoever sees inbound.aside with inbound.mu held, and clears it, owns it
// instead, and starts the next goroutine: rouse, for an event or because something
// has changed. The new one takes it off the lot before anything else. So an event
// that is found late, or belongs to another user of a descriptor, does no harm.
//
// An event is for bytes, for the peer's end of the stream, and for an error, as
// when the system gives the peer up. Only that the program itself closes the
// socket is none: where it has the socket the goroutine stays, as it does where
// a limit bounds the wait.
type lot struct {
	after time.Duration // that nothing has come

	mu     sync.Mutex
	epoll  *os.File // nil: not yet made
	broken bool     // it cannot be made, or is closed
	conns  map[int32]*Connection
}

// setAside gives c to the lot, so that its goroutine can end. It reports false
// where there is something to stay for.
func (c *Connection) setAside() bool {
	in := &c.in
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.state != inOpen || in.stays {
		return false
	}
	err := c.raw.Control(func(fd uintptr) {
		in.aside = c.manager.lot.add(c, int32(fd))
		in.spot = int32(fd) + 1
	})
	return err == nil && in.aside
}

// returned is called when a goroutine of c begins, which need not be the first.
func (c *Connection) returned() {
	if c.in.spot > 0 {
		c.manager.lot.remove(c, c.in.spot-1)
		c.in.spot = 0
	}
}

// awaken is called when bytes have come after a wait without, and sees to it
// that the next wait is broken off when it has become long.
func (c *Connection) awaken() {
	in := &c.in
	in.mu.Lock()
	defer in.mu.Unlock()
	in.try.awake = true
	if in.state == inOpen && !in.stays {
		c.socket.SetReadDeadline(time.Now().Add(c.manager.lot.after))
	}
}

// outlives is called when a deadline has passed, and reports whether reading
// goes on. The deadline is moved only then, not with each read. It is always set
// with in.mu held: that of a connection that is ending comes after all others.
func (c *Connection) outlives() bool {
	if c.guard != nil {
		return false // it is the guard's
	}
	in := &c.in
	in.mu.Lock()
	defer in.mu.Unlock()
	now := c.manager.elapsed()
	idle := time.Duration(c.received.Load()) + c.manager.lot.after
	var next time.Duration // none
	switch {
	case in.state != inOpen && in.limit != 0 && now >= in.limit:
		return false
	case in.state != inOpen:
		next = in.limit // for a moment there is none
	case in.stays:
	case now < idle:
		next = idle
	default:
		in.try.awake = false
	}
	var deadline time.Time
	if next != 0 {
		deadline = c.manager.began.Add(next)
	}
	c.socket.SetReadDeadline(deadline)
	return true
}

// add makes the lot wait for c, which has this descriptor.
func (l *lot) add(c *Connection, fd int32) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.epoll == nil && !l.broken {
		l.open(c.manager)
	}
	if l.broken {
		return false
	}
	// The peer's end of the stream is something to read, an error is always told.
	event := syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLONESHOT, Fd: fd}
	if l.control(syscall.EPOLL_CTL_ADD, fd, &event) != nil {
		return false
	}
	l.conns[fd] = c
	return true
}

// remove ends what add began. The descriptor may be another one's by now, if the
// socket was closed behind the library's back.
func (l *lot) remove(c *Connection, fd int32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conns[fd] == c {
		delete(l.conns, fd)
		_ = l.control(syscall.EPOLL_CTL_DEL, fd, &syscall.EpollEvent{})
	}
}

func (l *lot) control(op int, fd int32, event *syscall.EpollEvent) (err error) {
	raw, err := l.epoll.SyscallConn()
	if err != nil {
		return err
	}
	if controlErr := raw.Control(func(epoll uintptr) { err = syscall.EpollCtl(int(epoll), op, int(fd), event) }); controlErr != nil {
		return controlErr
	}
	return err
}

// open makes the descriptor and starts the goroutine. l.mu is held.
func (l *lot) open(m *QueuedConnectionManager) {
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err == nil {
		if err = syscall.SetNonblock(epoll, true); err != nil { // else os would not poll it
			syscall.Close(epoll)
		}
	}
	if err != nil {
		l.broken = true
		return
	}
	l.epoll = os.NewFile(uintptr(epoll), "epoll")
	l.conns = make(map[int32]*Connection)
	m.goroutines.Go(l.run) // called by a goroutine that Close waits for
}

// run waits for events until close, or until it cannot any more: then no
// connection is set aside from then on, as with a poller that has no room.
func (l *lot) run() {
	raw, err := l.epoll.SyscallConn()
	var (
		events [64]syscall.EpollEvent
		n      int
	)
	for err == nil {
		err = raw.Read(func(epoll uintptr) bool {
			n, _ = syscall.EpollWait(int(epoll), events[:], 0)
			return n != 0 // not to miss an edge
		})
		for _, event := range events[:max(n, 0)] {
			l.mu.Lock()
			c := l.conns[event.Fd]
			l.mu.Unlock()
			if c != nil {
				c.rouse()
			}
		}
		n = 0
	}
	l.mu.Lock()
	l.broken = true
	left := slices.Collect(maps.Values(l.conns))
	l.mu.Unlock()
	for _, c := range left {
		c.rouse()
	}
}

// rouse is what an event does.
func (c *Connection) rouse() {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	c.in.rouse(c)
}

// close ends the goroutine. No connection is left.
func (l *lot) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = true
	if l.epoll != nil {
		l.epoll.Close()
	}
}
