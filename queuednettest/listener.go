package queuednettest

import (
	"context"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"testing"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/simulate"
)

// backlog is how many connections wait for Accept; Dial waits for a place.
const backlog = 128

// Where a Listener is, and from which port on connections come.
const (
	serverPort = 4000
	clientPort = 49152
)

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// A Listener is a net.Listener in memory, for AdoptRendezvous of the server under
// test. Dial connects to it, and is what BeginClientConnection of a client takes:
//
//	listener := queuednettest.NewListener(t, nil)
//	rendezvous, err := server.AdoptRendezvous(listener)
//	pending := client.BeginClientConnection(listener.Dial, time.Second)
//
// The connections behave as those of TCP do on Linux: each direction holds 64 KiB
// that the peer has not read, then Write waits; CloseWrite, deadlines and SetLinger
// work; closing with something unread is a reset, and so is SetLinger(0) before
// Close, which the library does when it gives up what was sent. Errors are those of
// package net: io.EOF, ECONNRESET, EPIPE, ECONNREFUSED, net.ErrClosed,
// os.ErrDeadlineExceeded. The listener is at 127.0.0.1:4000, and who dials comes
// from 127.0.0.1, from port 49152 on.
//
// Its methods may be called from any goroutine.
type Listener struct {
	t       testing.TB
	network *simulate.Network

	arrivals  chan dialed
	closed    chan struct{}
	closeOnce sync.Once

	mu   sync.Mutex
	made []net.Conn
	port int // of the last one who dialed
}

// dialed is the server's end of a connection, as it is and as Accept returns it.
type dialed struct {
	end     *conn
	wrapped net.Conn
}

func (d dialed) refuse() {
	_ = d.end.SetLinger(0)
	_ = d.end.Close()
	_ = d.wrapped.Close()
}

// NewListener returns a listener that is closed with the test, together with
// all its connections. What arrives at either end of those goes through the
// network, which may be changed at any time; with a nil network it arrives at
// once.
func NewListener(t testing.TB, network *simulate.Network) *Listener {
	l := &Listener{
		t:        t,
		network:  network,
		arrivals: make(chan dialed, backlog),
		closed:   make(chan struct{}),
		port:     clientPort - 1,
	}
	t.Cleanup(func() {
		l.Close()
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, socket := range l.made {
			socket.Close()
		}
	})
	return l
}

// Accept BLOCKS until a client has dialed. It fails with net.ErrClosed once the
// listener is closed.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case <-l.closed: // even if somebody is waiting
		return nil, l.opError("accept", net.ErrClosed)
	default:
	}
	select {
	case d := <-l.arrivals:
		return d.wrapped, nil
	case <-l.closed:
		return nil, l.opError("accept", net.ErrClosed)
	}
}

// Close ends the listener, and resets the connections that nobody has accepted.
// Those that were accepted stay. A second call is a net.ErrClosed.
func (l *Listener) Close() error {
	err := l.opError("close", net.ErrClosed)
	l.closeOnce.Do(func() {
		close(l.closed)
		l.refuseArrivals()
		err = nil
	})
	return err
}

// refuseArrivals turns away those that nobody will accept.
func (l *Listener) refuseArrivals() {
	for {
		select {
		case d := <-l.arrivals:
			d.refuse()
		default:
			return
		}
	}
}

// Addr returns 127.0.0.1:4000, as a *net.TCPAddr.
func (l *Listener) Addr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(loopback, serverPort))
}

// Dial connects to the listener. As with TCP it does not wait until the
// connection is accepted: it BLOCKS only while 128 connections wait for Accept,
// until ctx is done. It fails with ECONNREFUSED once the listener is closed.
func (l *Listener) Dial(ctx context.Context) (net.Conn, error) {
	return l.dial(ctx, loopback)
}

// DialFrom returns a Dial that comes from another address, for tests of
// Config.MaxConnectionsPerAddress and of whatever else a program does with
// addresses.
func (l *Listener) DialFrom(address netip.Addr) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) { return l.dial(ctx, address) }
}

func (l *Listener) dial(ctx context.Context, from netip.Addr) (net.Conn, error) {
	if !from.IsValid() {
		return nil, l.opError("dial", &net.AddrError{Err: "not an address to connect from", Addr: from.String()})
	}
	client, d, err := l.connect(from)
	if err != nil {
		return nil, err
	}
	// After this either Accept takes the connection, or whoever sees the listener
	// closed last refuses it: Close, or the look at closed here.
	select {
	case l.arrivals <- d:
	case <-ctx.Done():
		err = ctx.Err()
	case <-l.closed:
	}
	select {
	case <-l.closed:
		l.refuseArrivals()
		err = os.NewSyscallError("connect", syscall.ECONNREFUSED)
	default:
	}
	if err != nil {
		d.refuse()
		client.Close()
		return nil, l.opError("dial", err)
	}
	return client, nil
}

// connect makes a connection, which nobody has accepted.
func (l *Listener) connect(from netip.Addr) (client net.Conn, d dialed, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.closed:
		return nil, d, l.opError("dial", os.NewSyscallError("connect", syscall.ECONNREFUSED))
	default:
	}
	if l.port++; l.port > 65535 {
		l.port = clientPort
	}
	near, far := newPipe(net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, uint16(l.port))), l.Addr())
	client, d = near, dialed{far, far}
	if l.network != nil {
		client, d.wrapped = l.network.Conn(near), l.network.Conn(far)
	}
	l.made = append(l.made, client, d.wrapped)
	return client, d, nil
}

// Join returns a client that has connected to the listener: its Conn is in its
// Reader. It does not wait until the server accepts.
func (l *Listener) Join(config *queuednet.Config) *End {
	l.t.Helper()
	client := NewEnd(l.t, config)
	conn, err := client.Manager.OpenClientConnection(l.Dial, patience)
	if err == nil {
		err = client.Reader.AddConnection(conn)
	}
	if err != nil {
		l.t.Fatal("queuednettest: joining: ", err)
	}
	client.Conn = conn
	l.t.Cleanup(conn.Abort) // before its manager is closed, which would wait for the server
	return client
}

// opError words an error as package net does.
func (l *Listener) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Addr: l.Addr(), Err: err}
}
