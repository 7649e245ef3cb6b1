package main

import (
	"context"
	"maps"
	"time"

	"github.com/queuednet/queuednet"
)

// A server tells everybody where everybody is.
type server struct {
	game *game

	manager    *queuednet.QueuedConnectionManager
	listener   *queuednet.QueuedConnectionListener
	reader     *queuednet.QueuedConnectionReader
	writer     *queuednet.ConnectionWriter
	rendezvous *queuednet.Connection

	players map[*queuednet.Connection]*player // who is told the states
	known   map[*queuednet.Connection]*player // the same, and who has said leave
	state   queuednet.Datagram                // built anew each frame, in the same memory
	number  uint32                            // of the last state

	// What the demo wants to know.
	all        []*player
	watch      stopwatch
	late       []time.Duration // that its frames began
	strays     int             // datagrams or ends of nobody, and messages that are not ours
	ends       int
	unruly     int           // how many clients end before it is time to leave
	thinnedOut chan struct{} // closed when they have
}

// A player is what the server knows of a client.
type player struct {
	id      uint16
	x, y, z float32
	numbers sequence

	// What the demo wants to know.
	address  queuednet.NetAddress
	inFrame  int // bytes taken in this frame, headers included
	most     int // in any frame
	lastWord bool
	ended    bool
	err      error
}

func newServer(g *game) (*server, error) {
	manager := queuednet.NewQueuedConnectionManager(&queuednet.Config{
		MaxReceiveQueue: g.maxReceiveQueue,
		MaxSendQueue:    g.maxSendQueue,
		WriteTimeout:    g.writeTimeout,
	})
	s := &server{
		game:       g,
		manager:    manager,
		listener:   queuednet.NewQueuedConnectionListener(manager),
		reader:     queuednet.NewQueuedConnectionReader(manager),
		writer:     queuednet.NewConnectionWriter(manager),
		players:    make(map[*queuednet.Connection]*player),
		known:      make(map[*queuednet.Connection]*player),
		thinnedOut: make(chan struct{}),
	}
	for i := range g.clients {
		if !g.role(i).leaves {
			s.unruly++
		}
	}
	if s.unruly == 0 {
		close(s.thinnedOut)
	}
	if err := s.listen(); err != nil {
		manager.Close()
		return nil, err
	}
	return s, nil
}

func (s *server) listen() error {
	var address queuednet.NetAddress
	err := address.SetLocalhost(0)
	if err != nil {
		return err
	}
	s.rendezvous, err = s.manager.OpenTCPServerRendezvousAt(address, s.game.clients)
	if err != nil {
		return err
	}
	s.game.port = s.rendezvous.LocalAddress().Port()
	return s.listener.AddConnection(s.rendezvous)
}

// run is the server's loop. It ends when all clients have come and gone.
func (s *server) run(ctx context.Context) error {
	for late := range frames(ctx, s.game.start) {
		s.late = append(s.late, late)
		if s.frame(); s.ends == s.game.clients {
			break
		}
	}
	return s.manager.Close()
}

// frame takes what has come and tells the players what is new.
//
// The stopwatch runs during the calls that have to do with the network. A drain
// is measured as a whole, with the few instructions of the demo's own for each
// datagram: a look at the clock before and after each would take longer than
// they do, so this is the closest upper bound. Building the state is not the
// library's work, although it does it with a Datagram; it is not measured.
func (s *server) frame() {
	s.watch.start()
	for conn := range s.listener.NewConnections() {
		s.welcome(conn)
	}
	for datagram := range s.reader.Datagrams() {
		s.receive(datagram)
	}
	for conn := range s.manager.ResetConnections() {
		s.forget(conn)
	}
	s.watch.stop()

	s.buildState()

	s.watch.start()
	// It fails only for who has gone, whose end is reported in a later frame.
	_ = s.writer.Broadcast(&s.state, maps.Keys(s.players))
	s.watch.stop()

	s.watch.endFrame()
	s.keepBooks()
}

func (s *server) welcome(conn *queuednet.Connection) {
	p := &player{id: uint16(len(s.all)), address: conn.Address()}
	s.all = append(s.all, p)
	s.known[conn], s.players[conn] = p, p
	s.game.connected.Add(1)

	// The system would buffer megabytes for a client that does not read. Where it
	// cannot be told, it just takes longer to end that client.
	_ = conn.SetSendBufferSize(32 << 10)

	var greeting queuednet.Datagram
	greeting.AddUint8(welcome)
	greeting.AddUint16(p.id)
	greeting.AddUint32(s.number)
	// These two fail only where the client has gone already, as above.
	_ = s.reader.AddConnection(conn)
	_ = s.writer.Send(&greeting, conn)
}

func (s *server) receive(datagram *queuednet.NetDatagram) {
	p := s.known[datagram.Connection()]
	if p == nil {
		s.strays++
		return
	}
	p.inFrame += 2 + datagram.Length()

	message := datagram.Iterator()
	kind, number := message.GetUint8(), message.GetUint32()
	x, y, z := p.x, p.y, p.z
	if kind == position {
		x, y, z = message.GetFloat32(), message.GetFloat32(), message.GetFloat32()
	}
	// One look at the error is enough, as long as it comes before anything is done.
	if message.Err() != nil {
		s.strays++
		return
	}
	p.numbers.take(number)
	switch kind {
	case position:
		p.x, p.y, p.z = x, y, z
	case leave:
		delete(s.players, datagram.Connection())
		var answer queuednet.Datagram
		answer.AddUint8(goodbye)
		answer.AddUint32(s.number)
		_ = s.writer.Send(&answer, datagram.Connection())
	case lastWord:
		p.lastWord = true
	case load:
	default:
		s.strays++
	}
}

// forget is for a connection that has ended, and whose last datagram was taken.
func (s *server) forget(conn *queuednet.Connection) {
	p := s.known[conn]
	if p == nil {
		s.strays++
		return
	}
	p.ended, p.err = true, conn.Err()
	delete(s.known, conn)
	delete(s.players, conn)
	s.game.connected.Add(-1)
	if s.ends++; s.ends == s.unruly {
		close(s.thinnedOut)
	}
}

// buildState builds what all players are told in this frame.
func (s *server) buildState() {
	s.number++
	s.state.Clear()
	s.state.AddUint8(state)
	s.state.AddUint32(s.number)
	s.state.AddUint16(uint16(len(s.players)))
	for _, p := range s.players {
		s.state.AddUint16(p.id)
		s.state.AddUint32(p.numbers.last)
		s.state.AddFloat32(p.x)
		s.state.AddFloat32(p.y)
		s.state.AddFloat32(p.z)
	}
	s.state.PadBytes(max(0, stateSize-s.state.Length()))
}

// keepBooks notes what the demo wants to know of this frame.
func (s *server) keepBooks() {
	taken := 0
	for _, p := range s.all {
		p.most = max(p.most, p.inFrame)
		p.inFrame = 0
		taken += p.numbers.taken
	}
	s.game.atServer.Store(int64(taken))
}
