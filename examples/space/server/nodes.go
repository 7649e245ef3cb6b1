package main

import (
	"log"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/cluster"
	"github.com/queuednet/queuednet/examples/space/game"
)

// On several servers each flies the ships of its own players, and tells the others where
// they are. A shot is its player's server's: that one says what it hits, for it knows what
// the player saw. What a hit does to a ship is said by the ship's own server.

// idsOfNode is how many IDs a node has: the upper four bits of one are the node's number.
const idsOfNode = 1 << 12

// maxNodes is how many nodes there may be.
const maxNodes = 15

// A fleet is the servers of one world. A server that is alone has an empty one.
type fleet struct {
	node  *cluster.Node
	group *cluster.Group
	far   map[game.ID]game.FarShip
	own   game.Fleet   // what this node tells
	heard []game.Event // what others have told, for the next snapshot
	told  game.Fleet
	claim game.Claim
}

func nodeOf(id game.ID) uint16 { return uint16(id) / idsOfNode }

// openFleet makes the server a node.
func (s *server) openFleet(config *cluster.Config) (err error) {
	if s.node, err = cluster.Open(config); err != nil {
		return err
	}
	s.far = make(map[game.ID]game.FarShip)
	if number := s.node.Number(); number > 0 {
		s.world.Own(game.ID(number*idsOfNode), game.ID(number*idsOfNode+idsOfNode-1))
	}
	s.group = s.node.Group("fleet")
	s.group.Watch()
	return nil
}

// listenToNodes takes what the other nodes have sent, and what has become of them.
func (s *server) listenToNodes() {
	for message := range s.node.Messages() {
		s.fromNode(message)
	}
	for e := range s.node.Events() {
		switch e.Kind {
		case cluster.NodeLeft:
			log.Printf("server %d is gone: %v", e.Node, e.Err)
			s.keepFar(e.Node, nil)
		case cluster.SessionTaken:
			if p := s.byToken[game.Token(e.Session)]; p != nil {
				s.remove(p, "has changed the server", "Your ship was taken over by another client of yours.")
			}
		case cluster.Ended:
			log.Print("no other servers any more: ", e.Err)
		}
	}
}

func (s *server) fromNode(message *cluster.Message) {
	dg := message.Datagram()
	var err error
	switch game.KindOf(dg) {
	case game.KindFleet:
		if err = game.Decode(dg, &s.told); err == nil {
			s.fly(message.From(), &s.told)
		}
	case game.KindClaim:
		if err = game.Decode(dg, &s.claim); err == nil && nodeOf(s.claim.By) == message.From() {
			s.world.Claimed(s.claim)
		}
	case game.KindChat:
		s.toMembers(dg)
	default:
		err = game.ErrMessage
	}
	if err != nil {
		log.Printf("server %d: %v", message.From(), err)
	}
}

// fly takes what a node tells of its ships, all of them.
func (s *server) fly(node uint16, fleet *game.Fleet) {
	there := make(map[game.ID]bool, len(fleet.Ships))
	for i := range fleet.Ships {
		ship := &fleet.Ships[i]
		if nodeOf(ship.ID) != node {
			continue
		}
		there[ship.ID] = true
		s.world.Fly(ship)
		if s.far[ship.ID].Name != ship.Name {
			s.broadcast(&game.Named{ID: ship.ID, Name: ship.Name})
		}
		s.far[ship.ID] = *ship
	}
	s.keepFar(node, there)
	for _, e := range fleet.Events {
		if nodeOf(e.Who) == node || e.What == game.Hit && nodeOf(e.By) == node {
			s.heard = append(s.heard, e)
		}
	}
}

// keepFar forgets the ships of a node but some.
func (s *server) keepFar(node uint16, keep map[game.ID]bool) {
	for id := range s.far {
		if nodeOf(id) == node && !keep[id] {
			delete(s.far, id)
			s.world.Leave(id)
			s.broadcast(&game.Left{ID: id})
		}
	}
}

// tellNodes tells the other nodes what happens here, and this world what happened there.
func (s *server) tellNodes() {
	for _, claim := range s.world.Claims {
		game.Encode(&s.out, &claim)
		_ = s.node.Send(&s.out, cluster.NodeAddress(nodeOf(claim.Victim))) // else it was no hit
	}
	s.world.Claims = s.world.Claims[:0]
	if s.node.Number() > 0 {
		s.own.Ships = s.own.Ships[:0]
		for _, p := range s.byToken {
			s.own.Ships = append(s.own.Ships, p.farShip())
		}
		s.own.Events = s.world.Events
		s.toNodes(&s.own)
	}
	for _, e := range s.heard {
		s.world.Hear(e)
	}
	s.heard = s.heard[:0]
}

// toNodes sends a message to all other nodes. If that fails they get the next one.
func (s *server) toNodes(m game.Message) {
	game.Encode(&s.out, m)
	_ = s.group.Broadcast(nil, &s.out)
}

// toAll sends a message to all members, of all nodes.
func (s *server) toAll(m game.Message) {
	s.broadcast(m)
	s.toNodes(m)
}

// farShip is what other nodes are told of a member, and what is kept of it.
func (p *member) farShip() game.FarShip {
	ship := p.pilot.FarShip()
	ship.Name, ship.RoundTrip, ship.Lost = p.name, p.roundTrip, p.conn == nil
	return ship
}

const (
	ticketAge   = time.Hour
	ticketEvery = 10 * 60 * game.TicksPerSecond // ticks
)

// giveTicket gives a member what it says hello with on another node. A node without a key
// has none.
func (s *server) giveTicket(p *member) {
	ticket, err := s.node.IssueTicket(cluster.SessionID(p.token), nil, ticketAge)
	if err != nil || p.conn == nil {
		return
	}
	p.ticketAt = s.world.Tick
	s.send(p.conn, &game.Ticket{Bytes: ticket})
}

// keep keeps a member's ship on another node, for the day on which this one dies.
func (s *server) keep(p *member) {
	game.Encode(&s.out, &game.Fleet{Ships: []game.FarShip{p.farShip()}})
	_ = s.node.KeepState(cluster.SessionID(p.token), s.out.Message()) // else it is the one before
}

// A newcomer has shown a ticket, about which the other nodes are being asked.
type newcomer struct {
	pending *cluster.PendingSession
	ticket  []byte
	name    string
}

// comeIn lets those in whose tickets the other nodes have been asked about. Whose ticket is
// worthless begins anew.
func (s *server) comeIn() {
	for conn, n := range s.newcomers {
		session, err := n.pending.Result()
		switch {
		case err == cluster.ErrTicketPending:
			continue
		case err == cluster.ErrTicketUndecided:
			n.pending = s.node.Redeem(n.ticket)
			continue
		case err != nil:
			log.Printf("%v: %v", conn.Address(), err)
			s.join(conn, n.name, newToken())
		case s.byToken[game.Token(session.ID)] != nil: // in the meantime it has come back
			s.resume(conn, s.byToken[game.Token(session.ID)])
		default:
			s.revive(conn, n.name, session)
		}
		delete(s.newcomers, conn)
	}
}

// revive gives a member of another node its ship back.
func (s *server) revive(conn *queuednet.Connection, name string, session cluster.Session) {
	var kept game.Fleet
	dg := queuednet.NewDatagram(session.State)
	if game.Decode(dg, &kept) != nil || len(kept.Ships) != 1 {
		s.join(conn, name, game.Token(session.ID))
		return
	}
	p := s.join(conn, kept.Ships[0].Name, game.Token(session.ID))
	s.world.Revive(p.pilot, &kept.Ships[0])
}
