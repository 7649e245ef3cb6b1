package queuednet

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// A far is the peer's end of a connection, which never waits for long.
type far interface {
	offer(b []byte) int             // writes what the wire takes at once
	take(b []byte) (n int, e error) // reads what is there; 0 and nil if nothing is
	CloseWrite() error
	Close() error
	reset()
}

// A wire is one end of a stream in memory that behaves as TCP does: it holds
// some bytes, its halves end apart, and it can be reset.
type wire struct {
	in, out           *half
	readEnd, writeEnd deadline

	// The library's end waits for random times before and after a call: each
	// direction is used by one goroutine at a time and has a sequence of its own.
	reads, writes *rand.Rand
}

// half is one direction of a wire.
type half struct {
	mu      sync.Mutex
	changed chan struct{} // closed with each change
	buf     []byte
	size    int   // how much buf holds at most
	read    int   // bytes that the reader has taken
	shut    bool  // nothing more will be written
	deaf    bool  // nobody will read
	err     error // a reset

	// For a poller, which they tell of a change by the writer, or by the reader. mu
	// is held.
	written, taken func()
}

func newHalf(size int) *half { return &half{size: size, changed: make(chan struct{})} }

// newWire returns the library's end and the peer's, without injected yields
// where random is nil.
func newWire(size int, random *rand.Rand) (near *wire, far *wire) {
	in, out := newHalf(size), newHalf(size)
	near = &wire{in: in, out: out}
	if random != nil {
		near.reads, near.writes = split(random), split(random)
	}
	return near, &wire{in: out, out: in}
}

// split returns a sequence of its own.
func split(random *rand.Rand) *rand.Rand { return rand.New(rand.NewPCG(random.Uint64(), 0)) }

// notify tells of a change, also the poller of one side. h.mu is held.
func (h *half) notify(poller func()) {
	close(h.changed)
	h.changed = make(chan struct{})
	if poller != nil {
		poller()
	}
}

// tell sets whom notify tells, while the peer may be writing already.
func (h *half) tell(poller *func(), f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	*poller = f
}

// change makes a change that does not wait.
func (h *half) change(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
	h.notify(h.written)
	if h.taken != nil {
		h.taken()
	}
}

// readable reports whether reading would tell something, and whether that is, or
// comes before, the end.
func (h *half) readable() (now, ended bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	ended = h.shut || h.err != nil
	return ended || len(h.buf) > 0, ended
}

// writable reports whether writing would tell something, and whether that is that
// there is no peer any more.
func (h *half) writable() (now, broken bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	broken = h.err != nil
	return broken || h.deaf || len(h.buf) < h.size, broken
}

// get reads; wait is closed when trying again is worth it.
func (h *half) get(b []byte) (n int, wait <-chan struct{}, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.deaf:
		return 0, nil, net.ErrClosed
	case h.err != nil:
		return 0, nil, h.err
	case len(h.buf) > 0:
		n = copy(b, h.buf)
		h.buf = h.buf[n:]
		h.read += n
		h.notify(h.taken)
		return n, nil, nil
	case h.shut:
		return 0, nil, io.EOF
	}
	return 0, h.changed, nil
}

// put writes a part of b; wait is closed when trying again is worth it.
func (h *half) put(b []byte) (n int, wait <-chan struct{}, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.shut:
		return 0, nil, net.ErrClosed
	case h.err != nil:
		return 0, nil, h.err
	case h.deaf:
		return 0, nil, syscall.EPIPE
	}
	if n = min(len(b), h.size-len(h.buf)); n > 0 {
		h.buf = append(h.buf, b[:n]...)
		h.notify(h.written)
	}
	return n, h.changed, nil
}

// has returns how many bytes have been taken, and how many wait.
func (h *half) has() (read, waiting int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.read, len(h.buf)
}

// pause is an injected yield.
func pause(random *rand.Rand) {
	if random != nil && random.IntN(3) == 0 {
		time.Sleep(time.Duration(random.IntN(50)) * time.Microsecond)
	}
}

func (w *wire) Read(b []byte) (int, error) {
	pause(w.reads)
	defer pause(w.reads)
	for {
		over := w.readEnd.passed()
		select {
		case <-over:
			return 0, os.ErrDeadlineExceeded
		default:
		}
		n, wait, err := w.in.get(b)
		if n > 0 || err != nil {
			return n, err
		}
		select {
		case <-wait:
		case <-over:
		}
	}
}

func (w *wire) Write(b []byte) (written int, err error) {
	pause(w.writes)
	defer pause(w.writes)
	for len(b) > 0 {
		over := w.writeEnd.passed()
		select {
		case <-over:
			return written, os.ErrDeadlineExceeded
		default:
		}
		n, wait, err := w.out.put(b)
		written += n
		b = b[n:]
		if err != nil {
			return written, err
		}
		if n == 0 {
			select {
			case <-wait:
			case <-over:
			}
		}
	}
	return written, nil
}

func (w *wire) CloseWrite() error {
	w.out.change(func() { w.out.shut = true })
	return nil
}

func (w *wire) Close() error {
	w.in.change(func() { w.in.deaf, w.in.buf = true, nil })
	return w.CloseWrite()
}

func (w *wire) reset() {
	for _, h := range []*half{w.in, w.out} {
		h.change(func() { h.err, h.buf = errConnectionReset, nil })
	}
}

func (w *wire) offer(b []byte) int {
	n, _, _ := w.out.put(b)
	return n
}

func (w *wire) take(b []byte) (int, error) {
	n, _, err := w.in.get(b)
	return n, err
}

func (w *wire) LocalAddr() net.Addr                { return udpAddr(1) }
func (w *wire) RemoteAddr() net.Addr               { return udpAddr(2) }
func (w *wire) SetReadDeadline(t time.Time) error  { return w.readEnd.set(t) }
func (w *wire) SetWriteDeadline(t time.Time) error { return w.writeEnd.set(t) }
func (w *wire) SetDeadline(t time.Time) error {
	return errors.Join(w.SetReadDeadline(t), w.SetWriteDeadline(t))
}

// A farTCP is a real socket.
type farTCP struct{ *net.TCPConn }

// moment is how long a call of a real socket may take.
const moment = 100 * time.Microsecond

func (f farTCP) offer(b []byte) int {
	f.SetWriteDeadline(time.Now().Add(moment))
	n, _ := f.Write(b)
	return n
}

func (f farTCP) take(b []byte) (int, error) {
	f.SetReadDeadline(time.Now().Add(moment))
	n, err := f.Read(b)
	if isTimeout(err) {
		err = nil
	}
	return n, err
}

func (f farTCP) reset() {
	f.SetLinger(0)
	f.Close()
}
