package player

import (
	"errors"
	"io"
	"math/rand/v2"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/examples/space/game"
)

const (
	dialTimeout  = 10 * time.Second
	firstBackoff = 500 * time.Millisecond
	lastBackoff  = 8 * time.Second

	// silence is how long a server may say nothing, which sends 30 snapshots a
	// second, and answers a hello at once. Where the system notices a dead peer
	// late, as in a browser, this is what ends the connection.
	silence = 8 * time.Second
)

// connect takes the next step to a connection, if there is none.
func (p *Player) connect() {
	switch {
	case p.state == Waiting && !p.now.Before(p.retryAt):
		p.state = Connecting
		p.pending = p.options.Manager.BeginClientConnection(p.options.Dial, dialTimeout)
	case p.pending != nil && p.pending.Ready():
		conn, err := p.pending.Result()
		p.pending = nil
		if err == nil {
			err = p.reader.AddConnection(conn)
		}
		if err != nil {
			p.lost(err.Error())
			return
		}
		p.conn = conn
		p.heard = p.now
		p.send(&game.Hello{Magic: game.Magic, Version: game.Version, Name: p.options.Name, Token: p.token, Ticket: p.ticket})
	}
}

// Ended takes note of the end of a connection, which the manager has reported,
// if it is the player's.
func (p *Player) Ended(conn *queuednet.Connection) {
	if conn == nil || conn != p.conn {
		return
	}
	if err := conn.Err(); errors.Is(err, io.EOF) {
		p.lost("The server has closed the connection.")
	} else {
		p.lost(err.Error())
	}
}

// listen breaks the connection off if the server has been silent for too long.
func (p *Player) listen() {
	if p.conn != nil && p.now.Sub(p.heard) > silence {
		p.conn.Abort()
		p.lost("The server does not answer.")
	}
}

// lost makes the player Waiting. Each attempt comes later than the one before,
// and not for all players at the same moment.
func (p *Player) lost(reason string) {
	p.conn = nil
	p.state = Waiting
	p.reason = reason
	p.backoff = min(max(2*p.backoff, firstBackoff), lastBackoff)
	p.retryAt = p.now.Add(p.backoff/2 + rand.N(p.backoff/2))
}
