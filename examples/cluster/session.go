package main

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/cluster"
)

const (
	// How often a player's state is kept on another node: how much of it the death of this
	// one takes.
	keepEvery = time.Second

	// How often a player gets a new ticket, and for how long one is good.
	ticketEvery = 10 * time.Minute
	ticketAge   = time.Hour

	// How long a session waits for a player who was cut off.
	awayTime = time.Minute
)

// A session is what a player takes along from node to node.
type session struct {
	id cluster.SessionID
	state
}

// state is what the game knows of a player.
type state struct {
	zone uint16
	said uint32 // the last of its shouts that was acknowledged
}

// player is the number by which the players know each other. It says nothing of the
// session's id, which is half of a ticket.
func (s *session) player() uint64 { return binary.LittleEndian.Uint64(s.id[:]) }

func (s state) bytes() []byte {
	return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint16(nil, s.zone), s.said)
}

// stateOf returns the state that came with a ticket: the one that was kept last, or that
// of the ticket itself.
func stateOf(came cluster.Session) (s state) {
	b := came.State
	if len(b) != 6 {
		b = came.Data
	}
	if len(b) == 6 {
		s = state{binary.LittleEndian.Uint16(b) % zoneCount, binary.LittleEndian.Uint32(b[2:])}
	}
	return s
}

// giveTicket gives a player what another node takes it up with.
func (s *server) giveTicket(p *player) {
	ticket, err := s.node.IssueTicket(p.id, p.bytes(), ticketAge)
	if err != nil {
		s.log.Error("no ticket", "error", err)
		return
	}
	p.ticketAt = s.now
	begin(&s.out, kindTicket)
	s.out.AddBlob(ticket)
	s.send(&s.out, p.conn)
}

// keep keeps a player's state. If the other node does not get it now, it does the next time.
func (s *server) keep(p *player) {
	p.keptAt = s.now
	_ = s.node.KeepState(p.id, p.bytes())
}

// redeemed lets those in whose tickets the other nodes have been asked about.
func (s *server) redeemed() {
	for conn, pending := range s.coming {
		came, err := pending.Result()
		switch {
		case errors.Is(err, cluster.ErrTicketPending):
		case errors.Is(err, cluster.ErrTicketUndecided):
			s.coming[conn] = s.node.Redeem(s.tickets[conn])
		case err != nil:
			s.log.Warn("a bad ticket", "from", conn.Address().String(), "error", err)
			s.forgetComing(conn)
			conn.Close()
		default:
			s.forgetComing(conn)
			taken := session{came.ID, stateOf(came)}
			if p := s.sessions[came.ID]; p != nil { // an older connection to this node
				taken = p.session
				s.dismiss(came.ID)
			}
			s.welcome(conn, taken)
		}
	}
}

func (s *server) forgetComing(conn *queuednet.Connection) {
	delete(s.coming, conn)
	delete(s.tickets, conn)
}

// endSessions ends those of players who have not come back.
func (s *server) endSessions() {
	for id, since := range s.away {
		if s.now.Sub(since) > awayTime {
			s.node.EndSession(id)
			delete(s.away, id)
		}
	}
}
