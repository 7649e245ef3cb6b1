package record

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/queuednet/queuednet"
)

// An entrance is the listening socket of a replay.
type entrance struct {
	ctx   context.Context // done when the socket is closed
	close context.CancelFunc
	peers chan *peer
	asked chan struct{} // Accept was called: the peer before is in the listener's queue
}

func newEntrance() *entrance {
	ctx, cancel := context.WithCancel(context.Background())
	return &entrance{ctx: ctx, close: cancel, peers: make(chan *peer), asked: make(chan struct{}, 1)}
}

func (e *entrance) Accept() (net.Conn, error) {
	signal(e.asked)
	select {
	case p := <-e.peers:
		return p, nil
	case <-e.ctx.Done():
		return nil, net.ErrClosed
	}
}

func (e *entrance) Close() error {
	e.close()
	return nil
}

func (e *entrance) Addr() net.Addr { return &net.TCPAddr{} }

// enter hands a peer to Accept and waits until it is in the listener's queue.
func (e *entrance) enter(p *peer) error {
	select {
	case e.peers <- p:
	case <-e.ctx.Done():
		return net.ErrClosed
	}
	return e.wait(e.asked, nil)
}

// wait waits for one of two events, or fails when the entrance is closed.
func (e *entrance) wait(event, other <-chan struct{}) error {
	select {
	case <-event:
	case <-other:
	case <-e.ctx.Done():
		return net.ErrClosed
	}
	return nil
}

// waitUntil waits until done, which event says may be so now, or until other is
// closed, or fails when the entrance is.
func (e *entrance) waitUntil(done func() bool, event, other <-chan struct{}) error {
	for !done() {
		select {
		case <-other:
			return nil
		default:
		}
		if err := e.wait(event, other); err != nil {
			return err
		}
	}
	return nil
}

// A peer is a recorded one: the socket that the library has, which knows when
// what it was fed is in the reader's queue. What the program sends goes nowhere.
type peer struct {
	net.Conn // a pipe, of which the replay has the far end
	far      net.Conn
	address  net.Addr
	unhook   func() bool

	fed    int64        // of the replay alone
	read   atomic.Int64 // bytes that the library has read
	queued atomic.Int64 // bytes that it has queued too
	asked  chan struct{}

	reason atomic.Pointer[error]
	closed chan struct{}
	close  sync.Once
}

func newPeer(ctx context.Context, address queuednet.NetAddress) *peer {
	near, far := net.Pipe()
	p := &peer{
		Conn:    near,
		far:     far,
		address: net.TCPAddrFromAddrPort(address.AddrPort()),
		asked:   make(chan struct{}, 1),
		closed:  make(chan struct{}),
	}
	// Who stops the replay must not find it waiting for a program that does not
	// read from this peer.
	p.unhook = context.AfterFunc(ctx, func() { far.SetWriteDeadline(time.Unix(1, 0)) })
	return p
}

func (p *peer) RemoteAddr() net.Addr { return p.address }

// Read is called again when what the last call gave has been queued.
func (p *peer) Read(b []byte) (int, error) {
	p.queued.Store(p.read.Load())
	signal(p.asked)
	n, err := p.Conn.Read(b)
	p.read.Add(int64(n))
	if reason := p.reason.Load(); err == io.EOF && reason != nil {
		err = *reason
	}
	return n, err
}

func (p *peer) Write(b []byte) (int, error) {
	select {
	case <-p.closed:
		return 0, net.ErrClosed
	default:
		return len(b), nil
	}
}

// SetWriteDeadline does nothing: Write does not wait. That of the pipe would fail,
// and be taken for the reason of the end, once the peer has left.
func (p *peer) SetWriteDeadline(time.Time) error { return nil }

func (p *peer) SetDeadline(t time.Time) error { return p.SetReadDeadline(t) }

// CloseWrite is called when the program has closed the connection and all was
// sent. A peer closes its end too, then.
func (p *peer) CloseWrite() error { return p.far.Close() }

func (p *peer) Close() error {
	p.close.Do(func() { close(p.closed) })
	return p.Conn.Close()
}

// feed makes the library read b, and waits until that is in the reader's queue,
// which may be never if the program does not add the connection to a reader. A
// program that has closed the connection gets nothing more.
func (p *peer) feed(e *entrance, b []byte) error {
	if len(b) == 0 {
		return nil // in raw mode nothing would come of it
	}
	n, err := p.far.Write(b)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return net.ErrClosed
	case err != nil:
		return nil
	}
	p.fed += int64(n)
	return e.waitUntil(func() bool { return p.queued.Load() >= p.fed }, p.asked, p.closed)
}

// leave ends the stream, for this reason, and waits until the library has
// noticed.
func (p *peer) leave(e *entrance, reason string) error {
	err := reasonOf(reason)
	p.reason.Store(&err)
	p.far.Close()
	return e.wait(p.closed, nil)
}

// signal leaves a token in a channel with room for one.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
