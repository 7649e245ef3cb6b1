package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"time"

	"github.com/queuednet/queuednet"
)

// maxPlayers keeps a room's list of names within a datagram.
const maxPlayers = 500

// A server owns all rooms. Everything happens in its loop.
type server struct {
	log      io.Writer
	password string // of operators; none without it

	manager    *queuednet.QueuedConnectionManager
	rendezvous *queuednet.Connection
	listener   *queuednet.QueuedConnectionListener
	reader     *queuednet.QueuedConnectionReader
	writer     *queuednet.ConnectionWriter

	players map[*queuednet.Connection]*player // who has said hello
	names   map[string]*player                // the same by folded name
	rooms   map[string]*room                  // by folded name; the first room, and others while somebody is there
}

// newServer opens a server. With an address that is taken its error is
// syscall.EADDRINUSE.
func newServer(address, password string, log io.Writer) (*server, error) {
	host, port, err := queuednet.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	manager := queuednet.NewQueuedConnectionManager(&queuednet.Config{
		MaxDatagramSize:       maxDatagram,
		MaxConnections:        maxPlayers,
		FirstDatagramTimeout:  10 * time.Second,
		MaxDatagramsPerSecond: 10, // who pastes a book is read at this speed
		RateBurst:             3 * time.Second,
		MaxSendQueue:          1 << 20,
		ReportClosed:          true, // who is kicked leaves as everybody else does
	})
	rendezvous, err := listen(manager, host, port)
	if err != nil {
		return nil, err
	}
	s := &server{
		log: log, password: password,
		manager:    manager,
		rendezvous: rendezvous,
		listener:   queuednet.NewQueuedConnectionListener(manager),
		reader:     queuednet.NewQueuedConnectionReader(manager),
		writer:     queuednet.NewConnectionWriter(manager),
		players:    make(map[*queuednet.Connection]*player),
		names:      make(map[string]*player),
		rooms:      map[string]*room{firstRoom: newRoom(firstRoom)},
	}
	return s, s.listener.AddConnection(rendezvous)
}

func listen(manager *queuednet.QueuedConnectionManager, host string, port int) (*queuednet.Connection, error) {
	if host == "" {
		return manager.OpenTCPServerRendezvous(port, 0)
	}
	var address queuednet.NetAddress
	if err := address.SetHost(host, port); err != nil {
		return nil, err
	}
	return manager.OpenTCPServerRendezvousAt(address, 0)
}

// run serves until ctx is done, and says goodbye.
func (s *server) run(ctx context.Context) error {
	for s.manager.WaitForReaders(ctx) == nil {
		s.frame(time.Now())
	}
	s.manager.CloseConnection(s.rendezvous)
	_ = s.writer.Broadcast(message(msgFarewell, "the server ends: see you soon"), maps.Keys(s.players))
	return s.manager.Close() // waits until it has arrived
}

// frame is a frame of a game's server, run whenever there is something to do.
func (s *server) frame(now time.Time) {
	for conn := range s.listener.NewConnections() {
		_ = s.reader.AddConnection(conn) // fails only if it is gone already, which ResetConnections tells
	}
	for datagram := range s.reader.Datagrams() {
		conn, it := datagram.Connection(), datagram.Iterator()
		p := s.players[conn]
		switch {
		case p != nil && p.farewell == "":
			s.typed(p, it, now)
		case p == nil && !errors.Is(conn.Err(), net.ErrClosed): // not one that was refused or taken over
			s.greet(conn, it)
		}
	}
	for conn := range s.manager.ResetConnections() { // the one place at which people leave
		if p := s.players[conn]; p != nil {
			s.remove(p, cmp.Or(p.farewell, "lost the connection: "+conn.Err().Error()))
		}
	}
}

// greet deals with the first datagram of a connection.
func (s *server) greet(conn *queuednet.Connection, it queuednet.DatagramIterator) {
	h, err := readHello(it)
	if err == nil {
		err = errors.Join(checkName(h.name), checkName(h.room))
	}
	if err != nil {
		_ = s.writer.Send(message(msgRefused, err.Error()), conn)
		s.manager.CloseConnection(conn) // the reason arrives
		return
	}
	if old := s.names[fold(h.name)]; old != nil && sameSecret(old.token, h.token) {
		s.takeOver(old, conn, h)
		return
	}
	p := &player{conn: conn, name: s.freeName(h.name), token: rand.Text()}
	s.players[conn], s.names[fold(p.name)] = p, p
	s.send(p, message(msgWelcome, p.name, p.token))
	s.enter(p, h.room, h.since)
}

// takeOver gives a person a new connection: the old one is as good as dead, although
// nobody has noticed yet. The others see nothing of it.
func (s *server) takeOver(p *player, conn *queuednet.Connection, h hello) {
	p.conn.Abort()
	delete(s.players, p.conn)
	delete(p.room.members, p.conn)
	p.conn = conn
	s.players[conn], p.room.members[conn] = p, p
	s.send(p, message(msgWelcome, p.name, p.token))
	s.showRoom(p, h.since)
}

// freeName returns a name that nobody has: the one that is wanted, if possible.
func (s *server) freeName(want string) string {
	name := want
	for n := 2; s.names[fold(name)] != nil; n++ {
		suffix := fmt.Sprint("_", n)
		name = string([]rune(want)[:min(len([]rune(want)), maxName-len(suffix))]) + suffix
	}
	return name
}

// enter lets a person into a room, which is made if there is none of that name.
func (s *server) enter(p *player, name string, since time.Time) {
	r := s.rooms[fold(name)]
	if r == nil {
		r = newRoom(name)
		s.rooms[fold(name)] = r
	}
	s.tell(r, message(msgJoined, p.name))
	r.add(p)
	fmt.Fprintf(s.log, "+ %s in %s\n", p.name, r.name)
	s.showRoom(p, since)
}

// showRoom sends who is there and what was said since.
func (s *server) showRoom(p *player, since time.Time) {
	s.send(p, p.room.entry())
	for _, line := range p.room.history {
		if line.at.After(since) {
			s.send(p, line.datagram())
		}
	}
}

// leave takes a person out of the room, and the room away when it is empty.
func (s *server) leave(p *player, why string) {
	r := p.room
	before := r.operator()
	delete(r.members, p.conn)
	fmt.Fprintf(s.log, "- %s in %s: %s\n", p.name, r.name, why)
	if len(r.members) == 0 {
		if r.name != firstRoom {
			delete(s.rooms, fold(r.name))
		}
		return
	}
	s.tell(r, message(msgLeft, p.name, why))
	if after := r.operator(); after != before {
		s.tell(r, message(msgOperator, after.name))
	}
}

// close ends the connection of a person. Until that is reported the person is still
// there, but what comes out of the drain no longer counts.
func (s *server) close(p *player, farewell string) {
	p.farewell = farewell
	s.manager.CloseConnection(p.conn)
}

// remove forgets a person whose connection is gone.
func (s *server) remove(p *player, why string) {
	delete(s.players, p.conn)
	delete(s.names, fold(p.name))
	s.leave(p, why)
}

// tell sends something to all in a room. It fails only for those whose connection
// is gone, which ResetConnections tells.
func (s *server) tell(r *room, dg *queuednet.Datagram) { _ = s.writer.Broadcast(dg, r.connections()) }

func (s *server) send(p *player, dg *queuednet.Datagram) { _ = s.writer.Send(dg, p.conn) }

// sameSecret takes the same time wherever two secrets differ.
func sameSecret(want, got string) bool {
	return want != "" && subtle.ConstantTimeCompare([]byte(want), []byte(got)) == 1
}
