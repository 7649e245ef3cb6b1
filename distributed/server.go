package distributed

import (
	"errors"
	"iter"
	"maps"
	"math"
	"net"
	"slices"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/distributed/dc"
)

// The reasons why a connection did not become a client.
var (
	// ErrTooManyClients is the reason if there are MaxClients already, or if no
	// range of ids is left.
	ErrTooManyClients = errors.New("distributed: too many clients")
	// ErrJoinTimeout is the reason if the program has not accepted the client in
	// time.
	ErrJoinTimeout = errors.New("distributed: not accepted in time")
	// ErrTooMuchHeld is the reason if the client sent too much before it was
	// accepted.
	ErrTooMuchHeld = errors.New("distributed: too much sent before it was accepted")
)

// A ServerRepository is the server of distributed objects. Poll it with Update once a
// frame. Its methods are for one goroutine, and none blocks except Close.
//
// It is Panda3D's ServerRepository, which has no hooks, no limits and no checks, and
// ends at the first malformed message.
type ServerRepository struct {
	config   ServerConfig
	state    *state
	manager  *queuednet.QueuedConnectionManager
	listener *queuednet.QueuedConnectionListener
	reader   *queuednet.QueuedConnectionReader
	lobby    *queuednet.QueuedConnectionReader // of clients that wait in Joins
	writer   *queuednet.ConnectionWriter

	byConn  map[*queuednet.Connection]*Client // those in Joins too
	joins   []*Client
	leaving []*Client // told to go: Disconnect
	locals  []*localClient

	datagram  queuednet.Datagram              // what is being sent
	receivers []*membership                   // to whom
	except    *Client                         // but not to this one
	each      iter.Seq[*queuednet.Connection] // the connections of those
}

// NewServerRepository returns a server for the classes of a DC file; a nil config stands
// for the defaults. It fails with a [*queuednet.ConfigError] for a setting that is
// impossible. In Panda3D the constructor also listens and takes the names of DC files.
func NewServerRepository(config *ServerConfig, file *dc.File) (*ServerRepository, error) {
	s := &ServerRepository{config: config.withDefaults(), byConn: make(map[*queuednet.Connection]*Client)}
	if err := s.config.validate(); err != nil {
		return nil, err
	}
	if file == nil {
		return nil, errors.New("distributed: a server needs a DC file")
	}
	s.manager = queuednet.NewQueuedConnectionManager(s.config.Net)
	s.listener = queuednet.NewQueuedConnectionListener(s.manager)
	s.reader = queuednet.NewQueuedConnectionReader(s.manager)
	s.lobby = queuednet.NewQueuedConnectionReader(s.manager)
	s.writer = queuednet.NewConnectionWriter(s.manager)
	s.each = s.eachReceiver
	longest := math.MaxInt32
	if s.writer.TCPHeaderSize() == 2 {
		longest = math.MaxUint16
	}
	s.state = newState(&s.config, file, s, longest)
	return s, nil
}

// OpenTCPServerRendezvous listens on a port of all interfaces, as the manager's method
// of this name does; Panda3D's default is port 4400.
func (s *ServerRepository) OpenTCPServerRendezvous(port, backlog int) (*queuednet.Connection, error) {
	return s.listen(s.manager.OpenTCPServerRendezvous(port, backlog))
}

// OpenTCPServerRendezvousAt listens on exactly this address.
func (s *ServerRepository) OpenTCPServerRendezvousAt(address queuednet.NetAddress, backlog int) (*queuednet.Connection, error) {
	return s.listen(s.manager.OpenTCPServerRendezvousAt(address, backlog))
}

// AdoptRendezvous takes clients from a listener that the program has opened, such
// as one of crypto/tls. The repository owns it from then on.
func (s *ServerRepository) AdoptRendezvous(listener net.Listener) (*queuednet.Connection, error) {
	return s.listen(s.manager.AdoptRendezvous(listener))
}

func (s *ServerRepository) listen(rendezvous *queuednet.Connection, err error) (*queuednet.Connection, error) {
	if err != nil {
		return nil, err
	}
	if err := s.listener.AddConnection(rendezvous); err != nil {
		rendezvous.Close()
		return nil, err
	}
	return rendezvous, nil
}

// AdoptConnection makes a client of a connection that the program has opened, as if
// it had arrived through a rendezvous. The repository owns it from then on. It
// joins at the next Update.
func (s *ServerRepository) AdoptConnection(socket net.Conn) error {
	conn, err := s.manager.AdoptConnection(socket)
	if err != nil {
		return err
	}
	s.connect(conn)
	return nil
}

// Manager returns the manager of the server's connections: for its counts of refusals,
// and for WaitForReaders, with which a loop can wait until Update has something to do.
func (s *ServerRepository) Manager() *queuednet.QueuedConnectionManager { return s.manager }

// Close disconnects all clients and BLOCKS until what was sent has arrived, as Close of
// the manager does.
func (s *ServerRepository) Close() error { return s.manager.Close() }

// Update is a frame: it takes in the clients that have connected, carries out what
// clients have sent, and forgets the clients that have gone. Events then tells what
// happened.
func (s *ServerRepository) Update() {
	clear(s.state.events)
	s.state.events = s.state.events[:0]
	now := time.Now()
	s.state.now = now
	for conn := range s.listener.NewConnections() {
		s.connect(conn)
	}
	s.decideJoins(now)
	for datagram := range s.reader.Datagrams() {
		if c := s.byConn[datagram.Connection()]; c != nil {
			s.handle(c, datagram.Message())
		}
	}
	s.updateLocals()
	s.config.Processes.Receive(s)
	for conn := range s.manager.ResetConnections() {
		if c := s.byConn[conn]; c != nil {
			c.Disconnect(conn.Err())
		}
	}
	s.removeLeaving()
	s.state.endFrame()
	s.writer.Flush()
	s.logEvents(now)
}

// handle carries out a message, unless its client has gone.
func (s *ServerRepository) handle(c *Client, payload []byte) {
	if c.ended == nil && !s.state.handle(c, payload) {
		c.Disconnect(ErrDisconnected)
		s.removeLeaving()
	}
}

// removeLeaving forgets the clients that have gone or are to go.
func (s *ServerRepository) removeLeaving() {
	for _, c := range s.leaving {
		if s.state.clients[c.base] == c {
			s.state.leave(c)
		} else if c.undecided {
			s.refuse(c, c.ended)
		}
		if c.conn != nil {
			delete(s.byConn, c.conn)
			c.conn.Close()
		}
	}
	clear(s.leaving)
	s.leaving = s.leaving[:0]
}

// Events returns what happened in the last Update, in order. They are forgotten when
// the next one begins: a program that does not look at them loses nothing else.
func (s *ServerRepository) Events() iter.Seq[Event] { return slices.Values(s.state.events) }

// Clients returns the clients that have joined, in no order.
func (s *ServerRepository) Clients() iter.Seq[*Client] { return maps.Values(s.state.clients) }

// Client returns the client with the base, or nil if there is none.
func (s *ServerRepository) Client(base uint32) *Client { return s.state.clients[base] }

// Stats returns the counts.
func (s *ServerRepository) Stats() Stats {
	stats := s.state.stats
	stats.Clients, stats.Objects, stats.Zones = len(s.state.clients), len(s.state.objects), len(s.state.zones)
	stats.ForeignObjects = len(s.state.foreign)
	return stats
}

// An ObjectInfo is what the server knows of an object.
type ObjectInfo struct {
	DoID  uint32
	Class *dc.Class
	Zone  uint32
	Owner *Client
}

// Objects returns all objects, in no order.
func (s *ServerRepository) Objects() iter.Seq[ObjectInfo] {
	return func(yield func(ObjectInfo) bool) {
		for _, o := range s.state.objects {
			if !yield(o.info()) {
				return
			}
		}
	}
}

// Object returns the object with the id. It reports false if there is none.
func (s *ServerRepository) Object(doID uint32) (ObjectInfo, bool) {
	o := s.state.objects[doID]
	if o == nil {
		return ObjectInfo{}, false
	}
	return o.info(), true
}

func (o *object) info() ObjectInfo {
	return ObjectInfo{DoID: o.doID, Class: o.class.dc, Zone: o.zone.id, Owner: o.owner}
}
