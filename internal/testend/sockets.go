package testend

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
)

// hidden has all methods of a TCP socket, and is none: the library cannot take
// its shortcuts.
type hidden struct{ *net.TCPConn }

// bare has the methods of net.Conn and no more.
type bare struct{ net.Conn }

// layered shows the socket below.
type layered struct{ net.Conn }

func (l layered) NetConn() net.Conn { return l.Conn }

// limited has the shape of golang.org/x/net/netutil.LimitListener's sockets.
type limited struct {
	net.Conn
	release func()
}

func (l *limited) Close() error {
	err := l.Conn.Close()
	l.release()
	return err
}

// limit wraps as a LimitListener does. A second Close releases nothing.
func limit(socket net.Conn) net.Conn {
	return &limited{socket, sync.OnceFunc(func() {})}
}

// proxied has the shape of github.com/pires/go-proxyproto's sockets: what says
// who the peer is comes first, and RemoteAddr waits for it.
type proxied struct {
	net.Conn
	once   sync.Once
	reader *bufio.Reader
	peer   net.Addr
	err    error
}

func proxy(socket net.Conn) net.Conn {
	return &proxied{Conn: socket, reader: bufio.NewReaderSize(socket, 256), peer: socket.RemoteAddr()}
}

func (p *proxied) readHeader() {
	line, err := p.reader.ReadString('\n')
	var (
		ip   string
		port int
	)
	if err == nil {
		_, err = fmt.Sscanf(strings.TrimSpace(line), "PROXY TCP4 %s 127.0.0.1 %d 1", &ip, &port)
	}
	if p.err = err; err == nil {
		p.peer = &net.TCPAddr{IP: net.ParseIP(ip), Port: port}
	}
}

func (p *proxied) Read(b []byte) (int, error) {
	if p.once.Do(p.readHeader); p.err != nil {
		return 0, p.err
	}
	return p.reader.Read(b)
}

func (p *proxied) RemoteAddr() net.Addr {
	p.once.Do(p.readHeader)
	return p.peer
}

func (p *proxied) Raw() net.Conn { return p.Conn }

func (p *proxied) TCPConn() (conn *net.TCPConn, ok bool) {
	conn, ok = p.Conn.(*net.TCPConn)
	return conn, ok
}

// introduce is what a proxy says to a proxied socket.
func introduce(socket net.Conn) net.Conn {
	_, _ = socket.Write([]byte("PROXY TCP4 192.0.2.7 127.0.0.1 4711 1\r\n"))
	return socket
}

// brittle is a socket that breaks when a deadline passes, with an error of its
// own, as some libraries' do.
type brittle struct {
	net.Conn
	broken atomic.Bool
}

var errBrittle = errors.New("testend: took too long")

func (b *brittle) Read(p []byte) (int, error)  { return b.try(b.Conn.Read, p) }
func (b *brittle) Write(p []byte) (int, error) { return b.try(b.Conn.Write, p) }

func (b *brittle) try(move func([]byte) (int, error), p []byte) (int, error) {
	if b.broken.Load() {
		return 0, errBrittle
	}
	n, err := move(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		b.broken.Store(true)
		err = errBrittle
	}
	return n, err
}

func (b *brittle) NetConn() net.Conn { return b.Conn }

// wrapping makes a listener wrap what it accepts.
type wrapping struct {
	net.Listener
	wrap func(net.Conn) net.Conn
}

func (w wrapping) Accept() (net.Conn, error) {
	socket, err := w.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return w.wrap(socket), nil
}

// Wrapped returns the kind with wrap round each socket that is accepted.
func (k Kind) Wrapped(wrap func(net.Conn) net.Conn) Kind {
	listen := k.Listen
	k.Listen = wrapListen(listen, func(l net.Listener) net.Listener { return wrapping{l, wrap} })
	return k
}

// pipes is a listener for net.Pipe.
type pipes struct {
	accepted chan net.Conn
	once     sync.Once
	closed   chan struct{}
}

func newPipes() *pipes {
	return &pipes{accepted: make(chan net.Conn, 100), closed: make(chan struct{})}
}

func (p *pipes) dial() net.Conn {
	near, far := net.Pipe()
	p.accepted <- near
	return far
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case <-p.closed:
		return nil, net.ErrClosed
	case socket := <-p.accepted:
		return socket, nil
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }
