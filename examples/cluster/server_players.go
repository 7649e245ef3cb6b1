package main

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/cluster"
)

// A player is connected to this node.
type player struct {
	session
	conn             *queuednet.Connection
	where            *zone // nil: in none
	ticketAt, keptAt time.Time
}

// fromPlayer handles a datagram of a player. What is nonsense ends the connection.
func (s *server) fromPlayer(conn *queuednet.Connection, it queuednet.DatagramIterator) {
	p, known := s.players[conn]
	if !known || s.coming[conn] != nil {
		return // sent away in this frame, or too early
	}
	switch kind := it.GetUint8(); {
	case p == nil && kind == kindHello:
		ticket := it.GetBlob()
		if it.Err() == nil {
			s.hello(conn, ticket)
			return
		}
	case p != nil && kind == kindGo:
		if to := it.GetUint16(); it.Err() == nil && to < zoneCount {
			s.zones[to].enter(p)
			return
		}
	case p != nil && kind == kindSay:
		if number := it.GetUint32(); it.Err() == nil {
			s.say(p, number)
			return
		}
	}
	conn.Close()
}

// hello lets a newcomer in, and begins to let one back in who has been here, or on
// another node.
func (s *server) hello(conn *queuednet.Connection, ticket []byte) {
	switch {
	case !s.welcoming.Load():
		s.send(begin(&s.out, kindMoveOn), conn)
		conn.Close()
	case len(ticket) > 0:
		s.tickets[conn] = slices.Clone(ticket)
		s.coming[conn] = s.node.Redeem(ticket)
	default:
		s.welcome(conn, session{cluster.NewSessionID(), state{zone: uint16(rand.N(zoneCount))}})
	}
}

// welcome makes a connection one of a player.
func (s *server) welcome(conn *queuednet.Connection, came session) {
	p := &player{session: came, conn: conn}
	s.players[conn], s.sessions[p.id] = p, p
	delete(s.away, p.id)
	begin(&s.out, kindWelcome)
	s.out.AddUint64(p.player())
	s.out.AddUint32(p.said)
	s.out.AddUint16(s.self.node)
	s.out.AddUint64(s.self.incarnation)
	s.send(&s.out, conn)
	s.giveTicket(p)
	s.keep(p)
	p.keptAt = p.keptAt.Add(-rand.N(keepEvery)) // not all players in one frame
	s.zones[p.zone].enter(p)
	if !s.welcoming.Load() { // it has begun to drain meanwhile
		s.send(begin(&s.out, kindMoveOn), conn)
	}
}

// say passes a player's shout on to its zone. It is acknowledged if it is on its way to
// all nodes, and else not: the player says it again.
func (s *server) say(p *player, number uint32) {
	if p.where == nil || number <= p.said {
		return
	}
	e := p.where.next()
	beginEvent(&s.out, kindShout, e)
	s.out.AddUint64(p.player())
	s.out.AddUint32(number)
	if !p.where.tell(&s.out) {
		return
	}
	p.said = number
	beginEvent(&s.out, kindSaid, e)
	s.out.AddUint32(number)
	s.send(&s.out, p.conn)
}

// dismiss sends a player away who is now somewhere else.
func (s *server) dismiss(id cluster.SessionID) {
	if p := s.sessions[id]; p != nil {
		s.gone(p.conn)
		p.conn.Close()
	}
}

// gone forgets a connection. It may be called again.
func (s *server) gone(conn *queuednet.Connection) {
	p := s.players[conn]
	delete(s.players, conn)
	s.forgetComing(conn)
	if p == nil {
		return
	}
	s.keep(p)
	delete(s.sessions, p.id)
	s.away[p.id] = s.now
	p.leave()
	s.node.RemoveConnection(conn)
}

// send sends to one player. If that fails its end is reported in this frame or the next.
func (s *server) send(d *queuednet.Datagram, conn *queuednet.Connection) {
	_ = s.writer.Send(d, conn)
}
