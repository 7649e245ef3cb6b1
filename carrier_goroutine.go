package queuednet

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/queuednet/queuednet/internal/poller"
)

// A goroutineCarrier carries a stream by a goroutine that reads, and by another that
// writes while the peer does not take at once what is written. It works with any
// socket.
//
// The reading goroutine waits in two places: for bytes in the socket's Read, and for
// the program in looks. It ends with the incoming side. Only this goroutine and
// interrupt set the socket's read deadline, and only the writing goroutine and
// interruptWrite its write deadline.
type goroutineCarrier struct {
	stream *stream
	socket net.Conn
	raw    syscall.RawConn // nil: the socket can only be read and written by its methods
	looks  chan struct{}   // a token: look was called
	read   rawRead
	write  rawWrite

	closeOnce sync.Once

	readBy, writeBy waitLimit
}

// A waitLimit breaks off the waits for a socket in one direction, by its deadline. The
// deadline and the note of it change together, under the lock, because otherwise a
// deadline of which nobody knows could stay on the socket.
type waitLimit struct {
	set func(time.Time) error // SetReadDeadline or SetWriteDeadline of the socket

	mu sync.Mutex
	by atomic.Pointer[time.Time] // nil: none is set
}

// in breaks off a wait that lasts longer than d, counted from now.
func (w *waitLimit) in(d time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	by := time.Now().Add(d)
	w.by.Store(&by)
	return w.set(by)
}

// clear lets waits take any time again. It reports whether they could not.
func (w *waitLimit) clear() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.by.Swap(nil) == nil {
		return false
	}
	_ = w.set(time.Time{})
	return true
}

// lookTime is how long the wait for a socket goes on after a limit has passed, if the
// socket cannot be asked without waiting: if the whole process was held up, the limit
// may have passed although bytes were there.
const lookTime = 10 * time.Millisecond

// A look that ends by its deadline within onTime has looked. One that is later is
// repeated, but there are at most mostLooks.
const (
	onTime    = time.Millisecond
	mostLooks = 10
)

func newGoroutineCarrier(s *stream, socket net.Conn) *goroutineCarrier {
	g := &goroutineCarrier{stream: s, socket: socket, raw: rawConnOf(socket), looks: make(chan struct{}, 1)}
	g.readBy.set, g.writeBy.set = socket.SetReadDeadline, socket.SetWriteDeadline
	return g
}

// carry registers a stream and has its bytes moved: by the engine, if the socket is the
// system's and the library has opened it itself, otherwise by a goroutine.
func (m *QueuedConnectionManager) carry(s *stream, socket net.Conn, adopted bool) error {
	if tcp, ok := socket.(*net.TCPConn); ok && !adopted {
		if e := m.startedEngine(); e != nil {
			if fd, err := poller.Copy(tcp); err == nil {
				return e.carry(s, tcp, fd)
			}
		}
	}
	g := newGoroutineCarrier(s, socket)
	s.carrier = g
	return m.register(&s.Connection, g.run)
}

// run is the reading goroutine.
func (g *goroutineCarrier) run() {
	err := g.readAll()
	if err == io.EOF && g.read.reset {
		g.stream.out.waitIdle() // a write was perhaps told of the reset: it is told once
	}
	g.stream.incomingOver(err)
}

// readAll reads and delivers until the incoming side is over, and says why.
func (g *goroutineCarrier) readAll() error {
	s := g.stream
	for {
		step, err := s.deliver()
		switch step {
		case stepRead:
			s.beginWait()
			err = g.fill(true)
			s.endWait()
			s.in.readErr = err
		case stepLook:
			if s.in.readErr = g.fill(false); s.in.readErr == nil {
				s.endWait()
			}
		case stepWait:
			<-g.looks
		case stepEnd:
			return err
		}
	}
}

// fill reads once. If wait is set, it waits for bytes or until it is interrupted; then
// it returns nil with nothing read, and deliver says what to do. If wait is not set and
// nothing is there, it returns errNothing.
func (g *goroutineCarrier) fill(wait bool) error {
	g.stream.in.some = false
	switch {
	case g.raw != nil:
		return g.fillRaw(wait)
	case !wait:
		return g.lookPlain()
	}
	n, err := g.readOnce()
	by := g.readBy.by.Load()
	interrupted := by != nil && err != io.EOF && !time.Now().Before(*by) // whatever a socket calls the deadline
	if n == 0 && !interrupted {
		return err
	}
	if by != nil {
		g.readBy.clear()
	}
	return nil // an error that came with bytes comes again
}

// lookPlain reads what is there, or arrives within lookTime, because such a socket
// cannot be asked without waiting. Any error but the peer's end is then about the
// deadline: one that passed before may have broken the socket. If the deadline has
// passed some time ago, this goroutine may have been held up before Read looked: one
// that begins too late returns at once, whatever is there.
func (g *goroutineCarrier) lookPlain() error {
	last := time.Now().Add(lookTime)
	for looks := 1; ; {
		g.setReadBy(time.Until(last))
		n, err := g.readOnce()
		late := time.Since(last)
		switch {
		case n > 0:
			g.readBy.clear()
			return nil
		case err == io.EOF:
			return err
		case !isTimeout(err):
			return errNothing
		case late < 0: // it was the deadline of interrupt
		case late < onTime || looks == mostLooks:
			return errNothing
		default:
			looks++
			last = time.Now().Add(lookTime)
		}
	}
}

// plainRead is the size of the buffer of a stream that waits for bytes, if its socket
// cannot be waited for without one.
const plainRead = 2 << 10

// readOnce waits with a small buffer, and takes a large one once the small one has been
// filled.
func (g *goroutineCarrier) readOnce() (int, error) {
	in := &g.stream.in
	size := plainRead
	if in.full {
		size = readBlock
	}
	in.releaseBuffer()
	room := in.room(size)
	n, err := g.socket.Read(room)
	g.stream.extend(n, len(room))
	return n, err
}

// setReadBy lets a read go on for d at most.
func (g *goroutineCarrier) setReadBy(d time.Duration) {
	if g.readBy.in(d) != nil {
		g.breakOff() // it cannot be told otherwise
	}
}

func (g *goroutineCarrier) look() { signal(g.looks) }

// interrupt sets the deadline on a goroutine of its own, because the methods of an
// adopted socket may wait.
func (g *goroutineCarrier) interrupt() {
	g.look()
	g.stream.manager.goroutines.Go(func() { g.setReadBy(0) })
}

func (g *goroutineCarrier) interruptWrite() {
	g.stream.manager.goroutines.Go(func() {
		if g.writeBy.in(0) != nil {
			g.breakOff()
		}
	})
}

// flush writes what is pending without waiting, if the socket allows that; a goroutine
// takes over what the system does not accept at once.
func (g *goroutineCarrier) flush() {
	s := g.stream
	for g.raw != nil {
		b, at, shut := s.out.take(s)
		if b == nil {
			if shut {
				g.shutWrite()
			}
			return
		}
		if g.writeBy.by.Load() != nil {
			g.writeBy.clear() // WriteTimeout has passed before anybody came to write
		}
		n, err := g.tryWrite(b.b[at:])
		s.out.wrote(s, n)
		s.watchAcks()
		if err != nil {
			b.free()
			s.writeFailed(err)
			return
		}
		if at += n; at < len(b.b) {
			s.manager.goroutines.Go(func() { g.writeOut(b, at) })
			return
		}
		b.free()
	}
	s.manager.goroutines.Go(func() { g.writeOut(nil, 0) })
}

// writeOut writes b from an offset on, then what is pending, and waits for it.
func (g *goroutineCarrier) writeOut(b *block, at int) {
	s := g.stream
	s.watchAcks()
	for {
		if b == nil {
			var shut bool
			if b, at, shut = s.out.take(s); b == nil {
				if shut {
					g.shutWrite()
				}
				return
			}
		}
		err := g.writeAll(b.b[at:])
		b.free()
		b = nil
		if err != nil {
			s.writeFailed(err)
			return
		}
	}
}

// The longest piece that is written under one WriteTimeout. A plain write that has
// timed out in the middle cannot be continued, as with TLS.
const (
	rawWritePiece   = 64 << 10
	plainWritePiece = 16 << 10
)

// writeAll writes b, and waits as long as the peer takes something within each
// WriteTimeout and the limit of a closing stream allows.
func (g *goroutineCarrier) writeAll(b []byte) error {
	s := g.stream
	piece := rawWritePiece
	if g.raw == nil {
		piece = plainWritePiece
	}
	for first := true; len(b) > 0; first = false {
		switch overdue, mayLook := s.overdue(); {
		case overdue && first && mayLook: // nobody has come to write: the peer may take it
			_ = g.writeBy.in(lookTime)
		case overdue:
			return ErrWriteTimeout
		}
		s.blocks()
		n, err := g.socket.Write(b[:min(len(b), piece)])
		s.out.wrote(s, n)
		b = b[n:]
		brokenOff := g.writeBy.clear()
		switch {
		case brokenOff && (err == nil || n > 0 && g.raw != nil): // at the last moment
		case brokenOff: // whatever a socket calls the deadline
			return ErrWriteTimeout
		case err != nil:
			return err
		}
	}
	return nil
}

// shutWrite tells the peer that nothing more comes, unless something was given up. If
// only closing can tell that, the socket is closed once the bytes that have just
// arrived are read: if they stayed unread, the system would send a reset, which may
// destroy what was sent last.
func (g *goroutineCarrier) shutWrite() {
	s := g.stream
	if !s.out.gaveUp.Load() && !closeWrite(g.socket) {
		s.endReading(receiveOpen, lookTime)
	}
	s.outgoingOver()
}

func (g *goroutineCarrier) hangUp() {
	m := g.stream.manager
	m.goroutines.Go(func() {
		g.closeSocket()
		m.forget(&g.stream.Connection)
	})
}

func (g *goroutineCarrier) breakOff() { g.closeSocket() }

// closeSocket closes the socket at once. A second call waits for the first. If bytes
// whose Send returned nil have been given up, the peer sees a reset.
func (g *goroutineCarrier) closeSocket() {
	g.closeOnce.Do(func() {
		s := g.stream
		lost := s.out.lost()
		closeAtOnce(g.socket, s.closeReason(lost), lost)
	})
}

func (g *goroutineCarrier) isForeign() bool { return isForeign(g.socket) }

func (g *goroutineCarrier) system() any { return systemSocketOf(g.socket) }

func (g *goroutineCarrier) netConn() net.Conn { return g.socket }
