//go:build !js

package websocket

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"github.com/queuednet/queuednet"
)

// A conn is one end of a WebSocket, for a manager to adopt.
//
// Its goroutine, feed, is started by the first Read and ends with the WebSocket;
// CloseWithReason waits for it. Only feed reads messages. If a context ended a read,
// the WebSocket would break, so a deadline of Read ends only the wait for the inbox.
type conn struct {
	inbox
	settings
	ws            *websocket.Conn
	transport     *transport
	remote, local net.Addr
	server        bool // this end is a server's

	feeding sync.Once
	fed     chan struct{} // closed by feed
	asked   pinger

	closing atomic.Bool // CloseWithReason has begun

	writing       sync.Mutex // of one Write
	framer        framer
	broken        error // of the write that failed
	writeDeadline atomic.Pointer[time.Time]
}

func newConn(ws *websocket.Conn, t *transport, s settings, remote net.Addr) *conn {
	c := &conn{
		settings:  s.forProtocol(ws.Subprotocol()),
		ws:        ws,
		transport: t,
		remote:    remote,
		local:     t.LocalAddr(),
		fed:       make(chan struct{}),
	}
	c.inbox.init()
	c.framer = framer{headerSize: c.headerSize, send: c.send}
	ws.SetReadLimit(-1) // feed has its own, with an error that says more
	c.asked.start(c)
	return c
}

// RemoteAddr returns the client's address, as far as the server may believe it.
func (c *conn) RemoteAddr() net.Addr { return c.remote }

// LocalAddr returns the address of this end.
func (c *conn) LocalAddr() net.Addr { return c.local }

// NetConn returns the socket below, for its options.
func (c *conn) NetConn() net.Conn { return c.transport.Conn }

// TCPHeaderSize returns the size of the headers that a manager must use, 0 for any.
func (c *conn) TCPHeaderSize() int { return c.headerSize }

// Read returns frames, or bytes of the stream. It waits until the deadline, and a
// deadline that passes does the WebSocket no harm. If the whole process was held up and
// the deadline has passed meanwhile, what has arrived is not late.
func (c *conn) Read(p []byte) (int, error) {
	c.feeding.Do(func() { go c.feed() })
	n, err := c.inbox.Read(p)
	for looks := 200; looks > 0 && err == os.ErrDeadlineExceeded && c.transport.behind(); looks-- {
		time.Sleep(time.Millisecond)
		n, err = c.inbox.Read(p)
	}
	return n, err
}

// feed reads messages into the inbox until the WebSocket ends.
func (c *conn) feed() {
	defer close(c.fed)
	c.fail(c.receive())
}

// receive reads messages into the inbox and says why it ended.
func (c *conn) receive() error {
	for {
		kind, message, err := c.ws.Reader(context.Background())
		if err != nil {
			return c.reason(err)
		}
		if kind != websocket.MessageBinary {
			return ErrText
		}
		if err := c.forward(message); err != nil {
			return err
		}
	}
}

// forward puts a message into the inbox, behind the header of a frame if the
// connection carries datagrams. Memory grows with the bytes that arrive.
func (c *conn) forward(message io.Reader) error {
	b := newBuffer()
	b.reserve(c.headerSize)
	for {
		n, err := message.Read(b.room())
		b.b = b.b[:len(b.b)+n]
		length := int64(len(b.b) - c.headerSize)
		switch {
		case c.headerSize != 0 && length > c.longest:
			b.free()
			return &queuednet.DatagramTooLongError{Length: length, Max: c.longest}
		case err == io.EOF:
			setHeader(b.b, c.headerSize, length)
			return c.deliver(b)
		case err != nil && c.headerSize != 0:
			b.free()
			return c.reason(err)
		case err != nil:
			c.deliver(b)
			return c.reason(err)
		case c.headerSize == 0 && len(b.b) >= inboxRoom/2:
			if err := c.deliver(b); err != nil {
				return err
			}
			b = newBuffer()
		}
	}
}

// deliver puts b, which may be empty, into the inbox.
func (c *conn) deliver(b *buffer) error {
	if len(b.b) == 0 {
		b.free()
		return nil
	}
	if !c.put(b) {
		return net.ErrClosed
	}
	return nil
}

// reason returns why the WebSocket has ended; err is what an operation on it returned.
func (c *conn) reason(err error) error {
	var closed websocket.CloseError
	below := c.transport.readError()
	switch {
	case c.closing.Load():
		return net.ErrClosed
	case errors.As(err, &closed):
		return closedBy(int(closed.Code), closed.Reason)
	case below != nil && !errors.Is(below, net.ErrClosed):
		return brokenBy(below)
	case errors.Is(err, net.ErrClosed):
		// A ping or pong that the peer has not taken for 5 seconds.
		return queuednet.ErrWriteTimeout
	}
	return protocolError{err}
}

// A protocolError says that the peer does not keep to RFC 6455.
type protocolError struct{ error }

func (e protocolError) Unwrap() error { return e.error }

// Write takes frames in pieces of any length. While the peer takes nothing it waits,
// until the deadline; a deadline that passes in the middle of a message breaks the
// connection, as with crypto/tls.
func (c *conn) Write(p []byte) (n int, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	switch limit := c.writeDeadline.Load(); {
	case c.broken != nil:
		return 0, c.broken
	case limit != nil && !limit.IsZero() && !time.Now().Before(*limit):
		return 0, os.ErrDeadlineExceeded
	}
	switch {
	case c.headerSize == 0:
		if err = c.send(p); err == nil {
			n = len(p)
		}
	case c.framer.single(p):
		n, err = c.framer.write(p)
	default:
		c.transport.hold()
		n, err = c.framer.write(p)
		if failed := c.transport.release(); err == nil {
			err = failed
		}
	}
	if err != nil {
		c.broken = c.writeError(err)
	}
	return n, c.broken
}

func (c *conn) send(message []byte) error {
	return c.ws.Write(context.Background(), websocket.MessageBinary, message)
}

// writeError returns why a write failed: what reading tells of the peer, if it tells
// more. A socket that cannot be written ends reading too, and soon; hurry bounds the wait
// for one that does not.
func (c *conn) writeError(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) || c.closing.Load() {
		return err
	}
	c.transport.SetReadDeadline(time.Now().Add(hurry))
	defer c.transport.SetReadDeadline(time.Time{})
	c.feeding.Do(func() { go c.feed() })
	end := c.end()
	var closed *CloseError
	var below *net.OpError
	switch abnormal := errors.As(end, &closed) && closed.Code == statusAbnormal; {
	case end != nil && !abnormal:
		return end
	case errors.As(err, &below) && !errors.Is(err, net.ErrClosed):
		return brokenBy(below)
	}
	return cmp.Or(end, err)
}

// SetWriteDeadline implements net.Conn.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.writeDeadline.Store(&t)
	return c.transport.SetWriteDeadline(t)
}

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// CloseWrite fails, because a WebSocket is closed as a whole. Without this method a
// manager would call that of the socket below.
func (c *conn) CloseWrite() error { return errors.ErrUnsupported }

// Close is CloseWithReason without a reason.
func (c *conn) Close() error { return c.CloseWithReason(nil) }

// hurry bounds the closing of a connection whose peer has done something wrong.
const hurry = time.Second

// CloseWithReason tells the peer the status that stands for the reason and waits for
// its answer, for at most Config.CloseTimeout. What has been written arrives. If the
// status cannot be written, because the peer takes nothing or a message has been cut,
// the peer sees a reset. A second call closes at once.
func (c *conn) CloseWithReason(reason error) error {
	if c.closing.Swap(true) {
		c.transport.reset()
		return net.ErrClosed
	}
	c.asked.stop()
	c.transport.left.Store(closingBytes + 1)
	c.drop(net.ErrClosed)
	code, text := statusOf(reason)
	if code == statusGoingAway && !c.server {
		code, text = statusNormal, ""
	}
	c.shake(code, text)
	c.feeding.Do(func() { close(c.fed) })
	<-c.fed
	c.asked.wait()
	return nil
}

// shake does the closing handshake and closes the socket.
func (c *conn) shake(code int, text string) {
	if !c.writing.TryLock() {
		c.transport.reset() // the peer takes nothing
		return
	}
	defer c.writing.Unlock()
	defer c.framer.forget()
	if c.broken != nil {
		c.transport.reset()
		return
	}
	c.broken = net.ErrClosed
	if c.framer.part != nil && code == statusNormal {
		code, text = statusInternal, cutDatagram
	}
	wait := c.closeTimeout
	if code != statusNormal && code != statusGoingAway {
		wait = min(wait, hurry)
	}
	c.transport.SetWriteDeadline(time.Now().Add(wait))
	timer := time.AfterFunc(wait, c.transport.reset)
	defer timer.Stop()
	c.ws.Close(websocket.StatusCode(code), text)
	c.transport.Close()
}
