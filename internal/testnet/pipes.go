package testnet

import (
	"net"
	"sync"
	"testing"
	"testing/synctest"
)

// A HalfPipe is a net.Pipe whose sending side can be ended: the peer does not see it.
type HalfPipe struct{ net.Conn }

// CloseWrite does nothing.
func (HalfPipe) CloseWrite() error { return nil }

// A Tap shows what leaves through a pipe, piece by piece as it was written, at
// last "EOF". It is for a bubble of synctest.
type Tap chan string

// NewTap reads all that comes from far.
func NewTap(far net.Conn) Tap {
	pieces := make(Tap, 100)
	go func() {
		defer close(pieces)
		b := make([]byte, 1<<20)
		for {
			n, err := far.Read(b)
			if err != nil {
				pieces <- err.Error()
				return
			}
			pieces <- string(b[:n])
		}
	}()
	return pieces
}

// Got returns the pieces that have left by now.
func (p Tap) Got() []string {
	synctest.Wait()
	var got []string
	for range len(p) {
		got = append(got, <-p)
	}
	return got
}

// A PipeListener is a listening socket that lives in a bubble of synctest.
// Up to 10 of those who dial wait in it as they would in the system.
type PipeListener struct {
	waiting chan net.Conn
	closed  chan struct{}
	close   sync.Once
}

// NewPipeListener returns one that nobody has dialed.
func NewPipeListener() *PipeListener {
	return &PipeListener{waiting: make(chan net.Conn, 10), closed: make(chan struct{})}
}

// Dial returns the client's side of a connection that is to be accepted.
func (l *PipeListener) Dial(t testing.TB) net.Conn {
	near, far := net.Pipe()
	t.Cleanup(func() { far.Close() })
	l.waiting <- HalfPipe{near}
	return far
}

// Waiting returns how many are not accepted.
func (l *PipeListener) Waiting() int { return len(l.waiting) }

func (l *PipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.waiting:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *PipeListener) Close() error {
	l.close.Do(func() { close(l.closed) })
	return nil
}

func (l *PipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// Closed is closed with the listener.
func (l *PipeListener) Closed() <-chan struct{} { return l.closed }
