package queuednet

import (
	"math/rand/v2"
	"os"
	"syscall"
	"testing/synctest"
	"time"

	"github.com/queuednet/queuednet/internal/deepfuzz"
)

// A porch is the rendezvous beside the connection of FuzzEngine, through which that may have
// come: a script lets other clients arrive there and go, and nothing of that shows at the
// connection.
type porch struct {
	h        *hostile
	fake     *fakePoller
	listener *QueuedConnectionListener
	conn     *Connection
	socket   *fakeSocket
	attached bool
	closed   bool
	sealed   int // how many had been accepted when the listener was taken away
	far      map[int]*wire
	last     int // the client that was taken last
}

// These steps of a script are of a porch.
const (
	stepDial   = 1*12 + 11
	stepToggle = 3*12 + 11 // the listener has the rendezvous, or no more
	stepTake   = 4*12 + 11
	stepFail   = 5*12 + 11
	stepShut   = 6*12 + 11
)

// openPorch returns nil if there is no room for a rendezvous.
func openPorch(h *hostile, f *fakePoller) *porch {
	fd, socket := f.openListening()
	conn, err := h.e.manager.engine.Load().acceptAt(fd, NetAddress{}, 3)
	if err != nil {
		return nil
	}
	p := &porch{h: h, fake: f, conn: conn, socket: socket, listener: NewQueuedConnectionListener(h.e.manager), far: make(map[int]*wire)}
	p.toggle()
	return p
}

// enter lets a client come in.
func (p *porch) enter() (conn *Connection, far *wire) {
	p.dial()
	for range 1 << 10 {
		time.Sleep(2 * sweepPause)
		synctest.Wait()
		if conn, ok := p.listener.GetNewConnection(); ok {
			return conn, p.is(conn)
		}
		if p.isRefused() {
			p.dial()
		}
	}
	p.h.t.Fatal("nobody can come in")
	return nil, nil
}

// isRefused reports whether the client that has dialled last may not come in, as there was
// no room for it.
func (p *porch) isRefused() bool {
	_, err := p.far[p.socket.dialled].take(make([]byte, 1))
	return err == errConnectionReset
}

// is returns the far end of a connection that was taken.
func (p *porch) is(conn *Connection) *wire {
	client := conn.Address().Port()
	deepfuzz.True(p.h.t, conn.Rendezvous() == p.conn, "its rendezvous")
	deepfuzz.True(p.h.t, client > p.last, "clients in their order")
	p.last = client
	return p.far[client]
}

func (p *porch) dial() {
	near, far := newWire(hostileWire, nil)
	p.far[p.fake.dialOver(p.socket, near)] = far
}

// step does what a byte of the script says, and reports whether that may have set a
// goroutine going.
func (p *porch) step(b byte) bool {
	switch b {
	case stepDial:
		p.dial()
	case stepToggle:
		p.toggle()
	case stepTake:
		p.take()
	case stepFail:
		p.fail()
	case stepShut:
		deepfuzz.Equal(p.h.t, !p.closed, p.h.e.manager.CloseConnection(p.conn), "CloseConnection of a rendezvous")
		p.closed = true
		p.seal()
		deepfuzz.True(p.h.t, p.socket.isClosed(p.fake), "the listening socket is closed")
	default:
		return false
	}
	deepfuzz.True(p.h.t, p.attached || p.accepted() == p.sealed, "nothing is accepted without a listener")
	return true
}

func (p *porch) toggle() {
	if p.attached {
		deepfuzz.True(p.h.t, p.listener.RemoveConnection(p.conn), "RemoveConnection of a rendezvous")
		p.seal()
		return
	}
	p.attached = p.listener.AddConnection(p.conn) == nil
	deepfuzz.Equal(p.h.t, !p.closed, p.attached, "AddConnection of a rendezvous")
}

func (p *porch) seal() {
	if p.attached {
		p.attached, p.sealed = false, p.accepted()
	}
}

func (p *porch) accepted() int {
	p.fake.mu.Lock()
	defer p.fake.mu.Unlock()
	return p.socket.accepted
}

// take takes what has been accepted. The clients and the program part at once.
func (p *porch) take() {
	for conn := range p.listener.NewConnections() {
		_ = p.is(conn).Close()
		if p.last%2 == 0 {
			conn.Abort()
		} else {
			p.h.e.manager.CloseConnection(conn)
		}
	}
}

// fail has accepting fail until the next call.
func (p *porch) fail() {
	if p.socket.trouble != nil {
		p.fake.fail(p.socket, nil)
		return
	}
	p.fake.fail(p.socket, os.NewSyscallError("accept4", syscall.EMFILE))
}

// finish lets all who wait come in, if they may, and go.
func (p *porch) finish() {
	p.fake.fail(p.socket, nil)
	if p.attached {
		for range 1 << 12 {
			time.Sleep(2 * sweepPause)
			synctest.Wait()
			p.take()
			if p.waiting() == 0 {
				break
			}
		}
		deepfuzz.Equal(p.h.t, 0, p.waiting(), "clients that wait")
	}
	p.take()
	deepfuzz.Equal(p.h.t, 0, int(p.conn.listening.untaken.Load()), "places in the backlog")
}

func (p *porch) waiting() int {
	p.fake.mu.Lock()
	defer p.fake.mu.Unlock()
	return len(p.socket.waiting)
}

// overEngine opens one that the engine carries, and that may have come in through a porch.
func overEngine(h *hostile, seed uint64) {
	f := fakeEngine(h.t, h.e.manager, rand.New(rand.NewPCG(seed, 0)))
	h.porch = openPorch(h, f)
	if h.porch != nil && seed%2 == 0 {
		h.conn, h.far = h.porch.enter()
	} else {
		near, far := newWire(hostileWire, nil)
		h.conn, h.far = f.connect(h.e.manager, near), far
	}
	h.most = hostileWire
	of := h.conn.stream.link.fd
	f.onRead = func(fd int, room []byte) {
		if fd == of {
			requireBuffer(h.t, h.conn.stream, room)
		}
	}
}
