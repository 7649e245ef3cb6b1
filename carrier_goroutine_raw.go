package queuednet

import (
	"io"
	"net"
	"syscall"

	"github.com/queuednet/queuednet/internal/poller"
	"github.com/queuednet/queuednet/internal/testmode"
)

// On Unix a TCP socket is read and written directly through the runtime's poller. So
// the goroutine of an idle stream holds no buffer, and a write does not wait if the
// system does not take it at once. On other systems all sockets are read and written by
// their methods.

// rawConnOf returns nil for a socket that cannot be used this way.
func rawConnOf(socket net.Conn) syscall.RawConn {
	tcp, ok := socket.(*net.TCPConn)
	if !ok || !poller.Tries || testmode.Goroutines {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// rawRead is what fillRaw keeps between its calls, so that it need not allocate.
type rawRead struct {
	try   func(fd uintptr) bool // tryRead of the carrier
	err   error                 // from the last try
	wait  bool
	reset bool // at the end of the stream the connection was gone altogether
}

// fillRaw is fill through the runtime's poller.
func (g *goroutineCarrier) fillRaw(wait bool) error {
	r := &g.read
	if r.try == nil {
		r.try = g.tryRead
	}
	r.wait = wait
	for {
		if !wait {
			g.readBy.clear()
		}
		err := g.raw.Read(r.try)
		switch interrupted := g.readBy.by.Load() != nil; {
		case err == nil:
			return r.err
		case !interrupted || !isTimeout(err):
			return err
		case wait:
			g.readBy.clear()
			return nil
		}
	}
}

// tryRead is called by the poller; it returns false to wait until the socket is
// readable.
func (g *goroutineCarrier) tryRead(fd uintptr) bool {
	r, s := &g.read, g.stream
	room := s.in.room(s.readSize())
	n, err := poller.TryRead(fd, room)
	switch {
	case n > 0:
		s.extend(n, len(room))
		r.err = nil
	case err == poller.ErrAgain && r.wait:
		s.in.releaseBuffer()
		return false
	case err == poller.ErrAgain:
		r.err = errNothing
	case err == io.EOF:
		r.reset = !poller.Connected(fd)
		r.err = io.EOF
	default:
		r.err = s.opError("read", err)
	}
	return true
}

// rawWrite is what tryWrite keeps between its calls.
type rawWrite struct {
	try func(fd uintptr) bool // tryWriteTo of the carrier
	b   []byte
	err error
}

// tryWrite writes what the system takes at once.
func (g *goroutineCarrier) tryWrite(b []byte) (n int, err error) {
	w := &g.write
	if w.try == nil {
		w.try = g.tryWriteTo
	}
	w.b, w.err = b, nil
	err = g.raw.Write(w.try)
	n = len(b) - len(w.b)
	w.b = nil
	if err == nil {
		err = w.err
	}
	return n, err
}

func (g *goroutineCarrier) tryWriteTo(fd uintptr) bool {
	w := &g.write
	for len(w.b) > 0 {
		n, err := poller.TryWrite(fd, w.b)
		switch {
		case n > 0:
			w.b = w.b[n:]
		case err == poller.ErrAgain:
			return true
		default:
			w.err = g.stream.opError("write", err)
			return true
		}
	}
	return true
}
