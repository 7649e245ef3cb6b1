package main

import (
	"fmt"
	"log"
	"maps"
	"slices"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/cluster"
	"github.com/queuednet/queuednet/examples/space/game"
)

// A member is a player who has said hello, with a ship. While it is lost it has
// no connection, and its ship drifts.
type member struct {
	conn      *queuednet.Connection
	pilot     *game.Pilot
	name      string
	token     game.Token
	admin     bool
	roundTrip uint16 // in ms, as its client says
	lostAt    uint32 // the tick in which the connection was lost
	talk      talk
	ticketAt  uint32 // the tick in which it got its last ticket
}

// hello lets a stranger in, or says why not.
func (s *server) hello(conn *queuednet.Connection, dg *queuednet.Datagram) {
	m := &s.in.hello
	switch err := game.Decode(dg, m); {
	case err != nil || m.Magic != game.Magic:
		s.dismiss(conn, "This is a server of the space game, and you are not a client of it.", false)
	case m.Version != game.Version:
		s.dismiss(conn, fmt.Sprintf("The server speaks version %d, your client version %d: update the older one (in a browser, reload the page).",
			game.Version, m.Version), false)
	case s.byToken[m.Token] != nil:
		s.resume(conn, s.byToken[m.Token])
	case len(s.byToken) >= s.Players:
		s.dismiss(conn, "The server is full.", true)
	case len(m.Ticket) > 0:
		delete(s.strangers, conn)
		s.newcomers[conn] = &newcomer{s.node.Redeem(m.Ticket), slices.Clone(m.Ticket), m.Name}
	default:
		s.join(conn, m.Name, newToken())
	}
}

// newToken returns one that nobody can guess.
func newToken() game.Token { return game.Token(cluster.NewSessionID()) }

// join gives a newcomer a ship.
func (s *server) join(conn *queuednet.Connection, name string, token game.Token) *member {
	p := &member{conn: conn, pilot: s.world.Join(), name: s.freeName(name), token: token}
	log.Printf("%v is %s, ship %d", conn.Address(), p.name, p.pilot.ID)
	s.byToken[p.token] = p
	s.welcome(p)
	s.broadcast(&game.Named{ID: p.pilot.ID, Name: p.name})
	s.notice(p.name + " has joined")
	return p
}

// resume gives a member its ship back. An older connection, which may not know
// yet that it is dead, is closed.
func (s *server) resume(conn *queuednet.Connection, p *member) {
	if p.conn != nil {
		s.dismiss(p.conn, "Your ship was taken over by another client of yours.", false)
	}
	log.Printf("%v is %s again", conn.Address(), p.name)
	p.conn = conn
	p.pilot.Restart()
	s.welcome(p)
	s.notice(p.name + " is back")
}

// welcome makes a stranger a member, and tells it who is there.
func (s *server) welcome(p *member) {
	delete(s.strangers, p.conn)
	s.members[p.conn] = p
	p.pilot.LastKeys = s.world.Tick
	s.send(p.conn, &game.Welcome{ID: p.pilot.ID, Token: p.token, Seed: s.world.Arena.Seed, Tick: s.world.Tick, Name: p.name})
	for _, o := range s.byToken {
		s.send(p.conn, &game.Named{ID: o.pilot.ID, Name: o.name})
	}
	for _, o := range s.far {
		s.send(p.conn, &game.Named{ID: o.ID, Name: o.Name})
	}
	s.giveTicket(p)
}

// ended is for a connection whose end the manager has reported.
func (s *server) ended(conn *queuednet.Connection) {
	delete(s.strangers, conn)
	delete(s.newcomers, conn)
	if p := s.members[conn]; p != nil {
		log.Printf("%v, %s, is lost: %v", conn.Address(), p.name, conn.Err())
		delete(s.members, conn)
		p.conn = nil
		p.lostAt = s.world.Tick
		s.notice(p.name + " has lost the connection")
	}
}

// dismiss says goodbye and closes the connection, which is forgotten: what still
// comes from it is not handled.
func (s *server) dismiss(conn *queuednet.Connection, why string, again bool) {
	s.send(conn, &game.Goodbye{Again: again, Text: why})
	conn.Close()
	delete(s.strangers, conn)
	delete(s.members, conn)
}

// remove takes a member and its ship out of the game. Unless it is lost, its
// client is told why.
func (s *server) remove(p *member, toOthers, toItself string) {
	log.Printf("%s %s", p.name, toOthers)
	if p.conn != nil {
		s.dismiss(p.conn, toItself, false)
	}
	delete(s.byToken, p.token)
	s.node.EndSession(cluster.SessionID(p.token))
	s.world.Leave(p.pilot.ID)
	s.broadcast(&game.Left{ID: p.pilot.ID})
	s.notice(p.name + " " + toOthers)
}

// look removes, once a second, who has been lost for too long or does nothing.
func (s *server) look() {
	if s.world.Tick%game.TicksPerSecond != 0 {
		return
	}
	for _, p := range s.byToken {
		s.keep(p)
		if s.world.Tick-p.ticketAt > ticketEvery {
			s.giveTicket(p)
		}
		switch {
		case p.conn == nil && s.since(p.lostAt) > s.Keep:
			s.remove(p, "did not come back", "")
		case p.conn != nil && s.since(p.pilot.LastKeys) > s.Idle:
			s.remove(p, "fell asleep", fmt.Sprintf("You touched no key for %v.", s.Idle))
		}
	}
}

// since returns how long ago a tick was.
func (s *server) since(tick uint32) time.Duration {
	return time.Duration(s.world.Tick-tick) * time.Second / game.TicksPerSecond
}

// broadcast sends a message to all members of this server. What fails is an end, which is reported.
func (s *server) broadcast(m game.Message) {
	game.Encode(&s.out, m)
	s.toMembers(&s.out)
}

func (s *server) toMembers(dg *queuednet.Datagram) {
	s.report.out(dg.Length(), len(s.members))
	s.writer.Broadcast(dg, maps.Keys(s.members))
}
