//go:build unix

package queuednet

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/queuednet/queuednet/internal/testmode"
)

// On Unix a TCP socket is read and written through the runtime's poller
// directly: while a connection is idle its goroutine holds no buffer, and a
// write that the system does not take at once does not wait.

// rawConnOf returns nil for a socket that cannot be used this way.
func rawConnOf(socket net.Conn) syscall.RawConn {
	tcp, ok := socket.(*net.TCPConn)
	if !ok || testmode.Goroutines {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// rawRead is what fill keeps between its calls, so that it need not allocate.
type rawRead struct {
	read  func(fd uintptr) bool // tryRead of the connection
	err   error                 // from the last tryRead
	until time.Duration         // since manager.began, not zero: read what is there, do not wait, stop then
	full  bool                  // the last read filled the buffer
	reset bool                  // at the end of the stream the connection was gone altogether
	awake bool                  // bytes come, or it cannot be set aside: wait for more
}

// dead reports whether the connection was not only closed by the peer, so that
// no write waits any more.
func (r *rawRead) dead() bool { return r.reset }

// fill reads once into the buffer, which it makes if necessary. It waits.
func (c *Connection) fill() error {
	if c.raw == nil {
		return c.fillPlain()
	}
	try := &c.in.try
	if try.read == nil {
		try.read = c.tryRead
	}
	for {
		if try.until != 0 && c.manager.elapsed() > try.until {
			return errFailed
		}
		err := c.raw.Read(try.read)
		switch {
		case err == nil && try.err == errAside:
			if c.setAside() {
				return errAside
			}
			try.awake = true
			continue
		case err == nil:
			if !try.awake {
				c.awaken()
			}
			return try.err
		case isTimeout(err) && c.outlives():
			continue
		case !isTimeout(err) || c.in.load() != inFailed || try.until != 0:
			return err
		}
		// The outgoing side has failed and woken this one for a last look.
		try.until = c.manager.lastLook()
		c.socket.SetReadDeadline(time.Time{})
	}
}

// look is fill that does not wait: it is errNothing where nothing is there.
func (c *Connection) look() error {
	if c.raw == nil {
		return c.lookPlain()
	}
	try := &c.in.try
	try.until = c.manager.elapsed() + time.Hour
	err := c.fill()
	try.until = 0
	if err == errFailed {
		return errNothing
	}
	return err
}

// readSize is how much a read should take: more where the last one left some
// behind, so that a bulk transfer wakes the loop less often, if at least two
// such blocks may be queued.
func (c *Connection) readSize() int {
	if c.in.try.full && c.manager.config.MaxReceiveQueue >= 2*bulkBlock {
		return bulkBlock
	}
	return readBlock
}

// tryRead is called by the poller; false is to wait until the socket is readable.
func (c *Connection) tryRead(fd uintptr) bool {
	try := &c.in.try
	for {
		room := c.in.room(c.readSize())
		n, err := syscall.Read(int(fd), room)
		switch {
		case n > 0:
			try.full = n == len(room)
			c.in.got(n)
			try.err = nil
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN && try.until == 0:
			c.in.park()
			if try.awake {
				return false
			}
			try.err = errAside
		case err == syscall.EAGAIN:
			try.err = errFailed
		case err == nil:
			_, err = syscall.Getpeername(int(fd))
			try.reset = err == syscall.ENOTCONN || err == syscall.EINVAL // the latter on macOS
			try.err = io.EOF
		default:
			try.err = c.opError("read", err)
		}
		return true
	}
}

// rawWrite is what tryWrite keeps between its calls.
type rawWrite struct {
	write func(fd uintptr) bool // tryWriteTo of the connection
	b     []byte
	err   error
}

// tryWrite writes what the system takes at once.
func (c *Connection) tryWrite(b []byte) (n int, err error) {
	try := &c.out.try
	if try.write == nil {
		try.write = c.tryWriteTo
	}
	try.b, try.err = b, nil
	err = c.raw.Write(try.write)
	n = len(b) - len(try.b)
	try.b = nil
	if err == nil {
		err = try.err
	}
	return n, err
}

func (c *Connection) tryWriteTo(fd uintptr) bool {
	try := &c.out.try
	for len(try.b) > 0 {
		n, err := syscall.Write(int(fd), try.b)
		switch {
		case n > 0:
			try.b = try.b[n:]
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return true
		default:
			try.err = c.opError("write", err)
			return true
		}
	}
	return true
}

// opError words a failed system call as package net does.
func (c *Connection) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.stream.LocalAddr(), Addr: c.stream.RemoteAddr(), Err: os.NewSyscallError(op, err)}
}

func isBrokenPipe(err error) bool { return errors.Is(err, syscall.EPIPE) }
