package queuednet

import (
	"errors"
	"io"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/stretchr/testify/require"

	"github.com/queuednet/queuednet/internal/poller"
)

// What a socket of the fake poller does.

func (f *fakePoller) Read(fd int, b []byte) (int, error) {
	s := f.socket(fd, "Read")
	if f.onRead != nil {
		f.onRead(fd, b)
	}
	f.mu.Lock()
	s.reads++
	late, limit := f.chance(8), len(b)
	if f.chance(3) {
		limit = 1 + f.random.IntN(limit)
	}
	f.mu.Unlock()
	if late {
		f.happened(&s.in)
		return 0, poller.ErrAgain
	}
	n, wait, err := s.near.in.get(b[:limit])
	switch {
	case err == errConnectionReset && f.told(s):
		return 0, io.EOF
	case err != nil:
		return 0, err
	case wait != nil:
		return 0, poller.ErrAgain
	case limit < len(b): // the rest has come only just now
		f.happened(&s.in)
	}
	return n, nil
}

// told reports whether somebody has been told of a reset before, as a system tells
// it once.
func (f *fakePoller) told(s *fakeSocket) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	was := s.wasReset
	s.wasReset = true
	return was
}

func (f *fakePoller) Write(fd int, b []byte) (int, error) {
	s := f.socket(fd, "Write")
	f.mu.Lock()
	if s.shut {
		f.t.Error("a write after the end")
	}
	if f.chance(4) {
		b = b[:f.random.IntN(len(b))]
	}
	f.mu.Unlock()
	n, _, err := s.near.out.put(b)
	switch {
	case err == errConnectionReset && f.told(s):
		return 0, syscall.EPIPE
	case err == syscall.ECONNRESET && f.onReset != nil:
		f.onReset()
	case err == nil && n == 0:
		return 0, poller.ErrAgain
	}
	return n, err
}

func (f *fakePoller) Connected(fd int) bool {
	f.asked.Add(1)
	_, broken := f.socket(fd, "Connected").near.out.writable()
	return !broken
}

// listen makes a rendezvous of a listening socket, which the end's listener has.
func (e engineEnd) listen(backlog int) (rendezvous *Connection, socket *fakeSocket) {
	e.end.t.Helper()
	fd, socket := e.fakePoller.openListening()
	rendezvous, err := e.manager.engine.Load().acceptAt(fd, NetAddress{}, backlog)
	require.NoError(e.end.t, err)
	require.NoError(e.end.t, e.listener.AddConnection(rendezvous))
	return rendezvous, socket
}

// openListening makes a listening socket.
func (f *fakePoller) openListening() (fd int, socket *fakeSocket) {
	f.mu.Lock()
	defer f.mu.Unlock()
	socket = &fakeSocket{copies: new(atomic.Int32)}
	f.last++
	f.sockets[f.last] = socket
	return f.last, socket
}

// setFull says whether Add has no room.
func (f *fakePoller) setFull(full bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.full = full
}

// dial lets a client wait at a listening socket.
func (f *fakePoller) dial(socket *fakeSocket) (far *wire) {
	near, far := newWire(100, nil)
	f.dialOver(socket, near)
	return far
}

// dialOver is dial over a wire. It returns which of the clients this is, from 1.
func (f *fakePoller) dialOver(socket *fakeSocket, near *wire) (number int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	socket.dialled++
	socket.waiting = append(socket.waiting, fakeClient{near, uint16(socket.dialled)})
	f.happened(&socket.in)
	return socket.dialled
}

// fail has Accept return an error, or nil again.
func (f *fakePoller) fail(socket *fakeSocket, trouble error) {
	f.mu.Lock()
	socket.trouble = trouble
	f.mu.Unlock()
	f.happened(&socket.in)
}

func (f *fakePoller) Accept(fd int) (accepted int, peer netip.AddrPort, err error) {
	f.dawdle()
	defer f.dawdle()
	s := f.socket(fd, "Accept")
	f.mu.Lock()
	defer f.mu.Unlock()
	s.reads++
	err = s.trouble
	if err == nil && f.chance(10) {
		err = os.NewSyscallError("accept4", []error{syscall.EMFILE, syscall.ECONNABORTED}[f.random.IntN(2)])
	}
	switch {
	case err != nil && !errors.Is(err, syscall.EINVAL):
		f.failed++
		return -1, peer, err
	case err != nil:
		return -1, peer, err
	case len(s.waiting) == 0:
		return -1, peer, poller.ErrAgain
	case f.chance(8):
		f.happened(&s.in) // it is there just after
		return -1, peer, poller.ErrAgain
	}
	client := s.waiting[0]
	s.waiting = s.waiting[1:]
	s.accepted++
	if f.onAccept != nil {
		f.mu.Unlock()
		f.onAccept()
		f.mu.Lock()
	}
	fd = f.open(client.near)
	f.sockets[fd].client = true
	return fd, netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), client.port), nil
}

func (f *fakePoller) LocalAddress(fd int) netip.AddrPort {
	f.socket(fd, "LocalAddress")
	return netip.MustParseAddrPort("192.0.2.2:2")
}

func (f *fakePoller) CloseWrite(fd int) error {
	s := f.socket(fd, "CloseWrite")
	f.mu.Lock()
	s.shut = true
	f.mu.Unlock()
	return s.near.CloseWrite()
}

func (f *fakePoller) Lingers(fd int) bool {
	f.socket(fd, "Lingers")
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.chance(2)
}

func (f *fakePoller) CloseSocket(fd int, reset bool) error {
	s := f.socket(fd, "CloseSocket")
	f.mu.Lock()
	if s.watched {
		f.t.Error("a socket is closed that is watched")
	}
	s.closed = true
	f.mu.Unlock()
	if s.near != nil {
		letGo(s.near, s.copies, reset)
	}
	return nil
}
