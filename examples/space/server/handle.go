package main

import (
	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/examples/space/game"
)

// handle is called for each datagram. One of a connection that has been closed in
// this frame, and so forgotten, is dropped.
func (s *server) handle(conn *queuednet.Connection, dg *queuednet.Datagram) {
	p := s.members[conn]
	switch {
	case p != nil:
		if err := s.message(p, dg); err != nil {
			s.dismiss(conn, "Your client sent what the server does not understand: "+err.Error(), false)
			p.conn, p.lostAt = nil, s.world.Tick
		}
	case s.strangers[conn]:
		s.hello(conn, dg)
	}
}

// message handles a member's. It fails if the client is broken.
func (s *server) message(p *member, dg *queuednet.Datagram) error {
	switch game.KindOf(dg) {
	case game.KindInput:
		if err := game.Decode(dg, &s.in.input); err != nil {
			return err
		}
		p.pilot.Queue(s.in.input)
	case game.KindPing:
		if err := game.Decode(dg, &s.in.ping); err != nil {
			return err
		}
		p.roundTrip = s.in.ping.RoundTrip
		s.send(p.conn, &game.Pong{Stamp: s.in.ping.Stamp, Tick: s.world.Tick})
	case game.KindSay:
		if err := game.Decode(dg, &s.in.say); err != nil {
			return err
		}
		s.said(p, s.in.say.Text)
	case game.KindLeave:
		s.remove(p, "has left", "Goodbye.")
	default:
		return game.ErrMessage
	}
	return nil
}
