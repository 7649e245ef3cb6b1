package queuednettest

import (
	"bytes"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// window is how many bytes one end may have written that the other has not read.
const window = 64 << 10

// A pipe is a connection in memory. Its two ends behave as sockets of TCP do on
// Linux; net.Pipe would not do: it buffers nothing, cannot end one direction, and
// cannot be reset.
//
// One lock guards both ends, because a reset ends both directions at once. It has
// no goroutine: who waits is in Read or Write, on changed, which a deadline's timer
// signals too. In a bubble of testing/synctest that is a durable wait.
type pipe struct {
	mu      sync.Mutex
	changed sync.Cond
	reset   bool // one end has broken off
}

// A flow is one direction of a pipe. The lock of the pipe guards it.
type flow struct {
	bytes   bytes.Buffer // written and not read
	ended   bool         // the writing end has said that nothing more comes
	refused bool         // the reading end is closed
	writing bool         // a Write is under way: others wait, so that nothing is mixed
}

// A conn is one end of a pipe.
type conn struct {
	pipe          *pipe
	in, out       *flow
	local, remote net.Addr

	closed          bool
	hard            bool // SetLinger(0): closing is a reset
	readBy, writeBy deadline
}

// newPipe returns the two ends of a connection.
func newPipe(near, far net.Addr) (a, b *conn) {
	p := new(pipe)
	p.changed.L = &p.mu
	there, back := new(flow), new(flow)
	a = &conn{pipe: p, in: back, out: there, local: near, remote: far}
	b = &conn{pipe: p, in: there, out: back, local: far, remote: near}
	return a, b
}

// LocalAddr returns the address of this end.
func (c *conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr returns the address of the other end.
func (c *conn) RemoteAddr() net.Addr { return c.remote }

// Read waits for bytes, the end, a reset, or the deadline. What arrived before a
// reset can still be read.
func (c *conn) Read(p []byte) (int, error) {
	c.pipe.mu.Lock()
	defer c.pipe.mu.Unlock()
	for {
		switch {
		case c.closed:
			return 0, c.opError("read", net.ErrClosed)
		case len(p) == 0:
			return 0, nil
		case c.readBy.passed():
			return 0, c.opError("read", os.ErrDeadlineExceeded)
		case c.in.bytes.Len() > 0:
			c.pipe.changed.Broadcast()
			return c.in.bytes.Read(p)
		case c.in.ended:
			return 0, io.EOF
		case c.pipe.reset:
			return 0, c.opError("read", os.NewSyscallError("read", syscall.ECONNRESET))
		}
		c.pipe.changed.Wait()
	}
}

// Write waits for room, for a Write under way, or for the deadline: then it
// returns how much of p has gone out.
func (c *conn) Write(p []byte) (n int, err error) {
	c.pipe.mu.Lock()
	defer c.pipe.mu.Unlock()
	writing := false
	defer func() {
		if writing {
			c.out.writing = false
			c.pipe.changed.Broadcast()
		}
	}()
	for {
		if err := c.writeError(); err != nil {
			return n, c.opError("write", err)
		}
		if writing || !c.out.writing {
			c.out.writing, writing = true, true
			if room := min(len(p)-n, window-c.out.bytes.Len()); room > 0 {
				c.out.bytes.Write(p[n : n+room])
				n += room
				c.pipe.changed.Broadcast()
			}
			if n == len(p) {
				return n, nil
			}
		}
		c.pipe.changed.Wait()
	}
}

// writeError returns why nothing can be written, nil if it can. The lock is held.
func (c *conn) writeError() error {
	switch {
	case c.closed:
		return net.ErrClosed
	case c.writeBy.passed():
		return os.ErrDeadlineExceeded
	case c.pipe.reset && !c.in.ended && !c.out.ended:
		return os.NewSyscallError("write", syscall.ECONNRESET)
	case c.out.ended, c.out.refused, c.pipe.reset:
		return os.NewSyscallError("write", syscall.EPIPE)
	}
	return nil
}

// CloseWrite tells the other end that nothing more comes.
func (c *conn) CloseWrite() error {
	c.pipe.mu.Lock()
	defer c.pipe.mu.Unlock()
	switch {
	case c.closed:
		return c.opError("close", net.ErrClosed)
	case c.pipe.reset:
		return c.opError("close", os.NewSyscallError("shutdown", syscall.ENOTCONN))
	}
	c.out.ended = true
	c.pipe.changed.Broadcast()
	return nil
}

// Close ends both directions. It is a reset if SetLinger(0) was called, and if
// bytes that have arrived were not read.
func (c *conn) Close() error {
	c.pipe.mu.Lock()
	defer c.pipe.mu.Unlock()
	if c.closed {
		return c.opError("close", net.ErrClosed)
	}
	c.closed = true
	c.readBy.stop()
	c.writeBy.stop()
	if c.hard || c.in.bytes.Len() > 0 {
		c.pipe.reset = true
	} else if !c.pipe.reset {
		c.out.ended = true
	}
	c.in.refused = true
	c.in.bytes = bytes.Buffer{}
	c.pipe.changed.Broadcast()
	return nil
}

// SetLinger makes Close a reset, if seconds is 0. Any other number makes no
// difference: what is written is at the other end at once.
func (c *conn) SetLinger(seconds int) error {
	c.pipe.mu.Lock()
	defer c.pipe.mu.Unlock()
	if c.closed {
		return c.opError("set", net.ErrClosed)
	}
	c.hard = seconds == 0
	return nil
}

// SetNoDelay does nothing: nothing is held back.
func (c *conn) SetNoDelay(bool) error { return c.setDeadlines(time.Time{}) }

// SetKeepAlive does nothing: no peer dies without a word.
func (c *conn) SetKeepAlive(bool) error { return c.setDeadlines(time.Time{}) }

// SetDeadline sets both deadlines.
func (c *conn) SetDeadline(t time.Time) error { return c.setDeadlines(t, &c.readBy, &c.writeBy) }

// SetReadDeadline sets when Read fails with os.ErrDeadlineExceeded.
func (c *conn) SetReadDeadline(t time.Time) error { return c.setDeadlines(t, &c.readBy) }

// SetWriteDeadline sets when Write does.
func (c *conn) SetWriteDeadline(t time.Time) error { return c.setDeadlines(t, &c.writeBy) }

func (c *conn) setDeadlines(t time.Time, deadlines ...*deadline) error {
	c.pipe.mu.Lock()
	defer c.pipe.mu.Unlock()
	if c.closed {
		return c.opError("set", net.ErrClosed)
	}
	for _, d := range deadlines {
		d.set(t, &c.pipe.changed)
	}
	return nil
}

// opError words an error as package net does.
func (c *conn) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: c.local.Network(), Source: c.local, Addr: c.remote, Err: err}
}

// A deadline is when a wait is over. The lock of its Cond guards it.
type deadline struct {
	at    time.Time // zero: none
	timer *time.Timer
}

// passed asks the clock and not the timer: of two that are due at the same instant
// one comes first.
func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

// set changes the deadline, and makes who waits on changed look again, now and
// when it passes.
func (d *deadline) set(t time.Time, changed *sync.Cond) {
	d.stop()
	d.at = t
	if !t.IsZero() {
		wait := time.Until(t)
		d.at = time.Now().Add(wait) // whatever becomes of the clock on the wall
		d.timer = time.AfterFunc(wait, func() {
			changed.L.Lock()
			defer changed.L.Unlock()
			changed.Broadcast()
		})
	}
	changed.Broadcast()
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}
