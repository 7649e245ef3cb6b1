package simulate_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds every wait outside of bubbles.
const patience = time.Minute

// bubble runs a test in a bubble of synctest: a goroutine that is left at its
// end makes it fail.
func bubble(name string, t *testing.T, test func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

// A packetPipe is a packet socket without a network. What is put into in
// arrives; nothing that is sent does.
type packetPipe struct {
	in     chan any // a string or an error
	closed chan struct{}
	once   sync.Once
}

func newPacketPipe(t testing.TB) *packetPipe {
	p := &packetPipe{in: make(chan any, 100_000), closed: make(chan struct{})}
	t.Cleanup(func() { p.Close() })
	return p
}

var here = &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}

func (p *packetPipe) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case in := <-p.in:
		if err, ok := in.(error); ok {
			return 0, nil, err
		}
		return copy(b, in.(string)), here, nil
	case <-p.closed:
		return 0, nil, net.ErrClosed
	}
}

func (p *packetPipe) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *packetPipe) WriteTo(b []byte, _ net.Addr) (int, error) { return len(b), nil }
func (p *packetPipe) LocalAddr() net.Addr                       { return here }
func (p *packetPipe) SetDeadline(time.Time) error               { return os.ErrNoDeadline }
func (p *packetPipe) SetReadDeadline(time.Time) error           { return os.ErrNoDeadline }
func (p *packetPipe) SetWriteDeadline(time.Time) error          { return os.ErrNoDeadline }

// A log is what a socket received and when.
type log struct {
	start time.Time
	mu    sync.Mutex
	lines []string
}

func newLog() *log { return &log{start: time.Now()} }

func (l *log) add(what any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf("%v %v", time.Since(l.start).Round(time.Millisecond), what))
}

// take returns what has been received so far, and forgets it.
func (l *log) take() []string {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.lines
	l.lines = nil
	return lines
}

// logStream logs what a stream receives, to its end.
func logStream(t testing.TB, socket io.ReadCloser) *log {
	t.Cleanup(func() { socket.Close() })
	l := newLog()
	go func() {
		b := make([]byte, 1<<16)
		for {
			n, err := socket.Read(b)
			if n > 0 {
				l.add(string(b[:n]))
			}
			if err != nil {
				l.add(err)
				return
			}
		}
	}()
	return l
}

// logPackets logs what a packet socket receives, until it is closed.
func logPackets(t testing.TB, socket net.PacketConn) *log {
	t.Cleanup(func() { socket.Close() })
	l := newLog()
	go func() {
		b := make([]byte, 1<<16)
		for {
			n, _, err := socket.ReadFrom(b)
			if err != nil {
				return
			}
			l.add(string(b[:n]))
		}
	}()
	return l
}

// pipe returns the two sides of a stream, closed with the test.
func pipe(t testing.TB) (near, far net.Conn) {
	near, far = net.Pipe()
	t.Cleanup(func() {
		near.Close()
		far.Close()
	})
	return near, far
}

func write(t testing.TB, w io.Writer, text string) {
	t.Helper()
	_, err := io.WriteString(w, text)
	require.NoError(t, err)
}
