package queuednettest_test

import (
	"net"
	"time"

	"github.com/queuednet/queuednet"
)

// The game that guide_test.go tests: ships on a line. This is its server, as a
// program would have it; game_client_test.go is its client. Neither knows of tests.

const (
	magic   = 0x5ba9e // of this game
	version = 3

	kindHello    = 1 // magic, version, name
	kindSpeed    = 2 // of the own ship
	kindSnapshot = 3 // of the world: time, number of ships, name and place of each
	kindRefused  = 4 // why

	tick     = 50 * time.Millisecond
	keepShip = 30 * time.Second // for a player whose connection is lost
)

// A ship is one on the line, with or without a player.
type ship struct {
	name         string
	place, speed float64
	lost         time.Time // when its player went; zero: there is one
}

type gameServer struct {
	manager  *queuednet.QueuedConnectionManager
	listener *queuednet.QueuedConnectionListener
	reader   *queuednet.QueuedConnectionReader
	writer   *queuednet.ConnectionWriter
	ships    map[string]*ship
	players  map[*queuednet.Connection]*ship // nil before the hello
	began    time.Time
}

// newGameServer returns a server that listens at a socket.
func newGameServer(socket net.Listener, config *queuednet.Config) (*gameServer, error) {
	manager := queuednet.NewQueuedConnectionManager(config)
	s := &gameServer{
		manager:  manager,
		listener: queuednet.NewQueuedConnectionListener(manager),
		reader:   queuednet.NewQueuedConnectionReader(manager),
		writer:   queuednet.NewConnectionWriter(manager),
		ships:    make(map[string]*ship),
		players:  make(map[*queuednet.Connection]*ship),
		began:    time.Now(),
	}
	rendezvous, err := manager.AdoptRendezvous(socket)
	if err == nil {
		err = s.listener.AddConnection(rendezvous)
	}
	return s, err
}

// step is one frame.
func (s *gameServer) step() {
	for conn := range s.listener.NewConnections() {
		if s.reader.AddConnection(conn) == nil {
			s.players[conn] = nil
		}
	}
	for datagram := range s.reader.Datagrams() {
		s.handle(datagram)
	}
	for conn := range s.manager.ResetConnections() {
		s.leave(conn)
	}
	for name, ship := range s.ships {
		if !ship.lost.IsZero() && time.Since(ship.lost) > keepShip {
			delete(s.ships, name)
		}
		ship.place += ship.speed * tick.Seconds()
	}
	s.broadcast()
}

func (s *gameServer) handle(datagram *queuednet.NetDatagram) {
	conn, it := datagram.Connection(), datagram.Iterator()
	player, here := s.players[conn]
	if !here {
		return // it was kicked, and this had come before
	}
	switch kind := it.GetUint8(); {
	case player == nil:
		if kind != kindHello || it.GetUint32() != magic {
			s.kick(conn, "this is not a player of this game")
		} else if peers := it.GetUint16(); peers != version {
			s.kick(conn, "another version of the game")
		} else {
			s.join(conn, it.GetString())
		}
	case kind == kindSpeed:
		player.speed = it.GetFloat64()
	}
}

// join gives a player a new ship, or the one that it had.
func (s *gameServer) join(conn *queuednet.Connection, name string) {
	own := s.ships[name]
	switch {
	case own == nil:
		own = &ship{name: name}
		s.ships[name] = own
	case own.lost.IsZero():
		s.kick(conn, "the name is taken")
		return
	}
	own.lost = time.Time{}
	s.players[conn] = own
}

// leave keeps the ship of a player who is gone for a while.
func (s *gameServer) leave(conn *queuednet.Connection) {
	if own := s.players[conn]; own != nil {
		own.lost, own.speed = time.Now(), 0
	}
	delete(s.players, conn)
}

// kick tells a player why it is thrown out, and throws it out.
func (s *gameServer) kick(conn *queuednet.Connection, why string) {
	var refused queuednet.Datagram
	refused.AddUint8(kindRefused)
	refused.AddString(why)
	_ = s.writer.Send(&refused, conn) // if it has gone meanwhile it needs no reason
	s.manager.CloseConnection(conn)
	s.leave(conn)
}

func (s *gameServer) broadcast() {
	var snapshot queuednet.Datagram
	snapshot.AddUint8(kindSnapshot)
	snapshot.AddUint32(uint32(time.Since(s.began).Milliseconds()))
	snapshot.AddUint16(uint16(len(s.ships)))
	for name, ship := range s.ships {
		snapshot.AddString(name)
		snapshot.AddFloat64(ship.place)
	}
	_ = s.writer.Broadcast(&snapshot, s.joined) // an end comes as one
	s.writer.Flush()
}

// joined yields the players who have said hello.
func (s *gameServer) joined(yield func(*queuednet.Connection) bool) {
	for conn, own := range s.players {
		if own != nil && !yield(conn) {
			return
		}
	}
}
