package player

import (
	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/examples/space/game"
)

// handle is called for each datagram of the server. One that is broken ends the
// player: the server speaks another version.
func (p *Player) handle(dg *queuednet.Datagram) {
	var err error
	switch game.KindOf(dg) {
	case game.KindSnapshot:
		if err = game.Decode(dg, &p.snapshot); err == nil && p.state == Playing {
			p.Meter.snapshots++
			p.Scene.snapshot(p.now, &p.snapshot, &p.Lobby)
		}
	case game.KindPong:
		var pong game.Pong
		if err = game.Decode(dg, &pong); err == nil {
			p.Meter.pong(p.now, pong)
		}
	case game.KindWelcome:
		var welcome game.Welcome
		if err = game.Decode(dg, &welcome); err == nil {
			p.welcome(welcome)
		}
	case game.KindTicket:
		var ticket game.Ticket
		if err = game.Decode(dg, &ticket); err == nil {
			p.ticket = ticket.Bytes
		}
	case game.KindGoodbye:
		var goodbye game.Goodbye
		if err = game.Decode(dg, &goodbye); err == nil {
			p.goodbye(goodbye)
		}
	default:
		err = p.Lobby.handle(dg)
	}
	if err != nil {
		p.end("The server sent what this client does not understand: " + err.Error())
	}
}

func (p *Player) welcome(m game.Welcome) {
	p.state = Playing
	p.reason = ""
	p.backoff = 0
	p.token = m.Token
	p.Lobby.clear()
	p.Lobby.names[m.ID] = m.Name
	p.Scene.begin(m)
}

func (p *Player) goodbye(m game.Goodbye) {
	if m.Again {
		p.conn.Close()
		p.lost(m.Text)
		return
	}
	p.end(m.Text)
}
