//go:build !js

package websocket

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A transport is the socket below a WebSocket, and watches it: it knows when the peer
// was last heard and why reading ended, and it lets several messages go out in one
// write. On the client's side it is also below TLS.
type transport struct {
	net.Conn

	heard   atomic.Int64 // when bytes last came, in nanoseconds of clock
	waiting atomic.Int64 // since when a Read waits, 0 for none does
	left    atomic.Int64 // how many bytes may still be read while closing, plus one; 0: any number
	failure atomic.Pointer[error]

	mu   sync.Mutex
	cork *buffer // what waits to be written; nil: writes go out at once
}

// clock is the time of heard and waiting: it is monotonic and never zero.
func clock() int64 { return int64(time.Since(began)) + 1 }

var began = time.Now()

// closingBytes bounds what is read and thrown away while closing.
const closingBytes = 1 << 20

var errClosingFlood = errors.New("websocket: the peer goes on sending while the connection is closed")

// Read reads from the socket.
func (t *transport) Read(p []byte) (int, error) {
	t.waiting.Store(clock())
	n, err := t.Conn.Read(p)
	t.waiting.Store(0)
	if n > 0 {
		t.heard.Store(clock())
	}
	if left := t.left.Load(); left > 0 && err == nil {
		if t.left.Store(max(left-int64(n), 1)); left <= int64(n) {
			err = errClosingFlood
		}
	}
	if err != nil {
		failure := err // which alone is allocated
		t.failure.CompareAndSwap(nil, &failure)
	}
	return n, err
}

// readError returns why reading ended, nil if it has not.
func (t *transport) readError() error {
	if err := t.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// silence returns how long a Read has been waiting without hearing anything.
func (t *transport) silence() time.Duration {
	since := t.waiting.Load()
	if since == 0 {
		return 0
	}
	return time.Duration(clock() - max(since, t.heard.Load()))
}

// behind reports whether something has arrived and was not passed on: the goroutine that
// reads is under way, or the system has bytes for it, because this process was held up.
func (t *transport) behind() bool {
	if t.waiting.Load() == 0 {
		return t.readError() == nil
	}
	socket, ok := t.lowest().(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := socket.SyscallConn()
	return err == nil && unread(raw)
}

// lowest returns the socket below TLS and whatever else shows what it wraps.
func (t *transport) lowest() net.Conn {
	socket := t.Conn
	for {
		over, ok := socket.(interface{ NetConn() net.Conn })
		if !ok {
			return socket
		}
		socket = over.NetConn()
	}
}

// Write writes to the socket, or, after hold, to the cork.
func (t *transport) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cork == nil {
		return t.Conn.Write(p)
	}
	if len(t.cork.b)+len(p) > largestPooled {
		if err := t.flush(); err != nil {
			return 0, err
		}
		if len(p) > largestPooled/2 {
			return t.Conn.Write(p)
		}
	}
	t.cork.b = append(t.cork.b, p...)
	return len(p), nil
}

// hold keeps what is written until release.
func (t *transport) hold() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cork = newBuffer()
}

// release writes what hold has kept.
func (t *transport) release() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	err := t.flush()
	t.cork.free()
	t.cork = nil
	return err
}

// flush writes what is kept. t.mu is held.
func (t *transport) flush() error {
	if len(t.cork.b) == 0 {
		return nil
	}
	_, err := t.Conn.Write(t.cork.b)
	t.cork.b = t.cork.b[:0]
	return err
}

// reset closes the socket in a way that the peer can tell from a good end.
func (t *transport) reset() {
	socket := t.lowest()
	if tcp, ok := socket.(interface{ SetLinger(int) error }); ok {
		tcp.SetLinger(0)
	}
	socket.Close()
	t.Conn.Close()
}
