package conformance_test

import (
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/queuednet/queuednet"

	"github.com/queuednet/queuednet/internal/testnet"
)

// A scene is what many goroutines call at once: connections in every state, and
// what serves them.
type scene struct {
	*end
	recent  *queuednet.RecentConnectionReader
	foreign *queuednet.Connection
	server  queuednet.NetAddress // somewhere to connect to
	sink    queuednet.NetAddress // somewhere to send packets to

	mu      sync.Mutex
	conns   []*queuednet.Connection // the last few that were made
	pending []*queuednet.PendingConnection
	ends    map[*queuednet.Connection]int // how often the program got to know of one: a report, or its own close
	closing atomic.Bool                   // Close of the manager may be called
}

// connsKept is how many connections a scene has at once; a program that calls at
// random would otherwise find most of them gone.
const connsKept = 32

// newScene returns a scene, with limits of time and rates or without.
func newScene(t *testing.T, limits bool) *scene {
	other := newEnd(t, nil)
	other.listen()
	config := queuednet.Config{
		MaxSendQueue: 200 << 10, WriteTimeout: 50 * time.Millisecond, CloseTimeout: 50 * time.Millisecond,
		CollectTCPInterval: time.Millisecond,
	}
	if limits {
		config.MaxConnections, config.MaxConnectionsPerAddress, config.MaxAcceptsPerSecond = 20, 10, 200
		config.FirstDatagramTimeout, config.IdleTimeout = 20*time.Millisecond, 30*time.Millisecond
		config.MaxDatagramsPerSecond, config.MaxBytesPerSecond = 100, 10_000
	}
	s := &scene{
		end:     newEnd(t, &config),
		foreign: other.udp("127.0.0.1:0"),
		sink:    rawAddress(testnet.RawUDP(t, "127.0.0.1:0")),
		ends:    make(map[*queuednet.Connection]int),
	}
	s.recent = queuednet.NewRecentConnectionReader(s.Manager)
	rendezvous, _ := s.listen()
	s.server = rendezvous.LocalAddress()
	s.add(rendezvous)
	states["being connected"](s, nil)
	return s
}

func rawAddress(raw net.PacketConn) queuednet.NetAddress { return netAddressOf(raw.LocalAddr()) }

// add puts a connection on the stage, in the place of the oldest one.
func (s *scene) add(conn *queuednet.Connection) {
	if conn == nil {
		return
	}
	s.mu.Lock()
	var oldest *queuednet.Connection
	if s.conns = append(s.conns, conn); len(s.conns) > connsKept {
		oldest, s.conns = s.conns[0], s.conns[1:]
	}
	s.mu.Unlock()
	if s.Manager.CloseConnection(oldest) {
		s.gone(oldest)
	}
}

// member returns a connection of the manager, often the newest: then many
// goroutines have the same.
func (s *scene) member(random *rand.Rand) *queuednet.Connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	if random.IntN(2) == 0 {
		return s.conns[len(s.conns)-1]
	}
	return s.conns[random.IntN(len(s.conns))]
}

// begun returns an attempt to connect.
func (s *scene) begun(random *rand.Rand) *queuednet.PendingConnection {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pending[random.IntN(len(s.pending))]
}

// An actor is one of the goroutines that call. It calls a few methods for a
// while, with one connection.
type actor struct {
	*scene
	random *rand.Rand
	conn   *queuednet.Connection
	reader *queuednet.QueuedConnectionReader // or the one inside a RecentConnectionReader
}

// someone returns the actor's connection, sometimes none, or another manager's.
func (a *actor) someone() *queuednet.Connection {
	switch a.random.IntN(50) {
	case 0:
		return nil
	case 1:
		return a.foreign
	}
	return a.conn
}

// gone notes that the program knows of an end: by a report, or by its own close.
func (s *scene) gone(conn *queuednet.Connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ends[conn]++
}

// hasEnds reports whether the program knows of an end.
func (s *scene) hasEnds() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.ends) > 0
}

// populate makes a connection in each state again and again, until done.
func (s *scene) populate(random *rand.Rand, done <-chan struct{}) {
	for {
		for _, name := range slices.Sorted(maps.Keys(states)) {
			select {
			case <-done:
				return
			default:
			}
			states[name](s, random)
		}
	}
}

// states make a connection and bring it into a state. What they call may fail:
// others do the same.
var states = map[string]func(s *scene, random *rand.Rand){
	"fresh":      func(s *scene, random *rand.Rand) { s.dialed(random) },
	"attached":   func(s *scene, random *rand.Rand) { s.attached(random) },
	"rendezvous": func(s *scene, _ *rand.Rand) { s.add(ignore(s.Manager.OpenTCPServerRendezvousAt(s.loopback(), 3))) },
	"UDP": func(s *scene, _ *rand.Rand) {
		conn := ignore(s.Manager.OpenUDPConnectionAt(s.loopback()))
		s.Reader.AddConnection(conn)
		s.add(conn)
	},
	"a pipe that talks": func(s *scene, _ *rand.Rand) {
		near, far := net.Pipe()
		conn := ignore(s.Manager.AdoptConnection(near))
		s.Reader.AddConnection(conn)
		s.add(conn)
		far.SetDeadline(time.Now().Add(time.Millisecond))
		io.WriteString(far, testnet.Framed(2, "hello"))
		io.Copy(io.Discard, far)
		far.Close()
	},
	"collecting": func(s *scene, random *rand.Rand) {
		if conn, _ := s.attached(random); conn != nil {
			conn.SetCollectTCP(true)
			s.Writer.Send(queuednet.NewDatagram([]byte("one")), conn)
			s.Writer.Send(queuednet.NewDatagram([]byte("two")), conn)
		}
	},
	"ended and not reported, or reported": func(s *scene, random *rand.Rand) {
		if _, raw := s.attached(random); raw != nil {
			io.WriteString(raw, testnet.Framed(2, "the last")+"\x01\x02"[:random.IntN(3)])
			raw.Close()
		}
	},
	"reset by its peer": func(s *scene, random *rand.Rand) {
		if _, raw := s.attached(random); raw != nil {
			io.WriteString(raw, testnet.Framed(2, "the last"))
			raw.SetLinger(0)
			raw.Close()
		}
	},
	"a stuck peer": func(s *scene, random *rand.Rand) {
		if conn, _ := s.attached(random); conn != nil {
			conn.SetSendBufferSize(4 << 10)
			s.Writer.Send(queuednet.NewDatagram(make([]byte, 60_000)), conn)
		}
	},
	"closed": func(s *scene, random *rand.Rand) {
		if conn, _ := s.attached(random); conn != nil && conn.Close() == nil {
			s.gone(conn)
		}
	},
	"being connected": func(s *scene, _ *rand.Rand) {
		pending := s.Manager.BeginTCPClientConnection("127.0.0.1", s.server.Port(), time.Second)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.pending = append(s.pending, pending); len(s.pending) > 4 {
			s.pending = s.pending[1:]
		}
	},
}

func (s *scene) loopback() (address queuednet.NetAddress) {
	address.SetLocalhost(0)
	return address
}

// dialed returns a connection and the plain socket at its other end, or nil.
func (s *scene) dialed(random *rand.Rand) (*queuednet.Connection, *net.TCPConn) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil
	}
	defer listener.Close()
	raw, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		return nil, nil
	}
	time.AfterFunc(time.Duration(random.IntN(100))*time.Millisecond, func() { raw.Close() })
	near, err := listener.Accept()
	if err != nil {
		return nil, nil
	}
	conn, err := s.Manager.AdoptConnection(near)
	if err != nil {
		return nil, nil
	}
	s.add(conn)
	return conn, raw.(*net.TCPConn)
}

// attached is dialed with a reader.
func (s *scene) attached(random *rand.Rand) (*queuednet.Connection, *net.TCPConn) {
	conn, raw := s.dialed(random)
	if conn != nil {
		s.someReader(random).AddConnection(conn)
	}
	return conn, raw
}

func (s *scene) someReader(random *rand.Rand) *queuednet.QueuedConnectionReader {
	if random.IntN(4) == 0 {
		return &s.recent.QueuedConnectionReader
	}
	return s.Reader
}

func ignore[T any](value T, _ error) T { return value }
