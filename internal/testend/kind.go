package testend

import (
	"net"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
)

// A Kind is a kind of socket: how a program listens for it and how a peer
// connects.
type Kind struct {
	Name string

	// Listen returns a listening socket, for AdoptRendezvous, and a function that
	// connects to it and says nothing yet. Nil: the library opens a TCP socket.
	Listen func(t testing.TB) (listener net.Listener, dial func() net.Conn)

	// Greet makes of a socket that has connected the one that the peer speaks
	// through. It may write what comes before all datagrams. Nil: it is the same.
	Greet func(net.Conn) net.Conn

	// Client makes of that socket what a peer that uses the library adopts. Nil:
	// it is the same.
	Client func(net.Conn) net.Conn

	// For returns the kind for managers with this Config, which its sockets need
	// to know. Nil: it is the same.
	For func(*queuednet.Config) Kind

	// Good reports whether an error that ends the peer's reading is a good end.
	// Nil: io.EOF alone is.
	Good func(error) bool

	// Goroutines is how many goroutines an idle connection has at most, those of
	// the socket itself included.
	Goroutines int

	// Cannot says why the socket lacks an ability that not all sockets have.
	Cannot map[Ability]string
}

// An Ability is something that a promise needs of a socket.
type Ability int

const (
	Nothing   Ability = iota // what all sockets can
	Reset                    // one end can tell the other that it gives up
	Break                    // the peer has a TCP socket, which it can reset
	HalfClose                // the library can say that nothing more comes, and go on reading
	HalfEnd                  // the peer can
	Buffer                   // a write need not wait for the read at the other end
	Adopt                    // the program opens the socket and the library adopts it
	Look                     // the socket still works after a deadline has passed
	Stream                   // any bytes arrive as they are, not datagrams only
)

// A Server is an end with a rendezvous of some kind.
type Server struct {
	*End
	Kind       Kind
	Rendezvous *queuednet.Connection
	dial       func() net.Conn
}

// Serve returns a server that is closed with the test.
func Serve(t testing.TB, kind Kind, config *queuednet.Config) *Server {
	t.Helper()
	s := &Server{End: New(t, config), Kind: kind}
	if kind.Listen == nil {
		s.open()
	} else {
		var (
			listener net.Listener
			err      error
		)
		listener, s.dial = kind.Listen(t)
		if s.Rendezvous, err = s.Manager.AdoptRendezvous(listener); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Listener.AddConnection(s.Rendezvous); err != nil {
		t.Fatal(err)
	}
	return s
}

// open opens a TCP rendezvous on the loopback.
func (s *Server) open() {
	s.T.Helper()
	var local queuednet.NetAddress
	err := local.SetLocalhost(0)
	if err == nil {
		s.Rendezvous, err = s.Manager.OpenTCPServerRendezvousAt(local, 100)
	}
	if err != nil {
		s.T.Fatal(err)
	}
	s.dial = func() net.Conn { return dial(s.T, "tcp", s.Rendezvous.LocalAddress().String()) }
}

func dial(t testing.TB, network, address string) net.Conn {
	t.Helper()
	socket, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	return socket
}

// Dial connects a peer that says nothing.
func (s *Server) Dial() net.Conn {
	s.T.Helper()
	socket := s.dial()
	CloseWith(s.T, socket)
	return socket
}

// CloseWith closes a socket with the test. If the test lasts too long it fails,
// and the socket is closed: it has no deadlines, which one that is adopted later
// would keep.
func CloseWith(t testing.TB, socket net.Conn) {
	watchdog := time.AfterFunc(Patience, func() {
		t.Error("the peer's socket is closed because nothing happens")
		socket.Close()
	})
	t.Cleanup(func() {
		watchdog.Stop()
		socket.Close()
	})
}

// Greeted connects a peer and returns the socket that it speaks through.
func (s *Server) Greeted() net.Conn {
	s.T.Helper()
	socket := s.Dial()
	if s.Kind.Greet != nil {
		socket = s.Kind.Greet(socket)
	}
	return socket
}

// Connect connects a peer to the end. The connection is in the reader, and both
// have said what comes before all datagrams.
func (s *Server) Connect() (conn *queuednet.Connection, far net.Conn) {
	s.T.Helper()
	far = s.Greeted()
	conn = s.Accept()
	s.Add(conn)
	Handshake(s.T, far)
	return conn, far
}

// Handshake waits for what a layer such as TLS does at first.
func Handshake(t testing.TB, far net.Conn) {
	t.Helper()
	if layer, ok := far.(interface{ Handshake() error }); ok {
		if err := layer.Handshake(); err != nil {
			t.Fatal("handshake: ", err)
		}
	}
}

// Join connects another end of the library, which opens or adopts its socket.
// Both connections are in the readers.
func (s *Server) Join(client *End) (accepted, opened *queuednet.Connection) {
	s.T.Helper()
	var err error
	if s.Kind.Listen == nil {
		port := s.Rendezvous.LocalAddress().Port()
		opened, err = client.Manager.OpenTCPClientConnection("127.0.0.1", port, Patience)
	} else {
		socket := s.Greeted()
		if s.Kind.Client != nil {
			socket = s.Kind.Client(socket)
		}
		opened, err = client.Manager.AdoptConnection(socket)
	}
	if err != nil {
		s.T.Fatal(err)
	}
	client.Add(opened)
	accepted = s.Accept()
	s.Add(accepted)
	return accepted, opened
}

// Near connects a peer and returns both sockets, before anything is adopted.
func (k Kind) Near(t testing.TB) (near, far net.Conn) {
	t.Helper()
	listener, dial := k.Listen(t)
	defer listener.Close()
	far = dial()
	CloseWith(t, far)
	near, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return near, far
}

// Below returns the socket of the system under layers that show it.
func Below(socket net.Conn) net.Conn {
	for {
		layer, ok := socket.(interface{ NetConn() net.Conn })
		if !ok {
			return socket
		}
		socket = layer.NetConn()
	}
}

// Shrink makes the system hold little of what the socket has not yet read. With
// so little a large transfer is slow: grow makes it fast again.
func Shrink(socket net.Conn) (grow func()) {
	sized, ok := Below(socket).(interface{ SetReadBuffer(int) error })
	if !ok {
		return func() {}
	}
	_ = sized.SetReadBuffer(16 << 10)
	return func() { _ = sized.SetReadBuffer(4 << 20) }
}
