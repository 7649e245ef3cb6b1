package distributed

import (
	"bytes"
	"iter"
	"slices"
	"time"

	"github.com/queuednet/queuednet"
)

// Joins returns the clients that wait for the program, with ServerConfig.HoldJoins:
// call Accept or Disconnect on them. A client that is left undecided is there again in
// the next frame, until JoinTimeout. Address and Connection tell who it is, and Held
// what it has sent. With TLS its certificates are known after the handshake.
func (s *ServerRepository) Joins() iter.Seq[*Client] {
	return func(yield func(*Client) bool) {
		for _, c := range s.joins {
			if c.undecided && !c.accepted && c.ended == nil && !yield(c) {
				return
			}
		}
	}
}

// connect makes a client of a new connection, which waits if it must.
func (s *ServerRepository) connect(conn *queuednet.Connection) {
	c := &Client{server: s, conn: conn, since: time.Now(), undecided: true, accepted: !s.config.HoldJoins}
	tooMany := s.config.MaxClients > 0 && len(s.byConn) >= s.config.MaxClients
	s.joins = append(s.joins, c)
	s.byConn[conn] = c
	if tooMany {
		c.Disconnect(ErrTooManyClients)
		return
	}
	if c.accepted {
		return
	}
	if err := s.lobby.AddConnection(conn); err != nil {
		c.Disconnect(err)
	}
}

// decideJoins takes in the clients that the program has accepted, and refuses those
// that have waited or said too much.
func (s *ServerRepository) decideJoins(now time.Time) {
	if len(s.joins) == 0 {
		return
	}
	for _, c := range s.joins {
		if c.accepted {
			s.lobby.RemoveConnection(c.conn) // nothing more of it comes into the lobby
		}
	}
	s.drainLobby()
	for _, c := range s.joins {
		switch {
		case c.ended != nil:
		case c.accepted:
			s.join(c)
		case now.Sub(c.since) > s.config.JoinTimeout:
			c.Disconnect(ErrJoinTimeout)
		}
	}
	s.removeLeaving()
	s.joins = slices.DeleteFunc(s.joins, func(c *Client) bool { return !c.undecided })
}

// drainLobby keeps what waiting clients have sent.
func (s *ServerRepository) drainLobby() {
	for datagram := range s.lobby.Datagrams() {
		c := s.byConn[datagram.Connection()]
		if c == nil || c.ended != nil {
			continue
		}
		c.held = append(c.held, bytes.Clone(datagram.Message()))
		c.heldBytes += datagram.Length() + 24 // and what an empty one costs
		if c.heldBytes > s.config.MaxWaitingBytes {
			c.Disconnect(ErrTooMuchHeld)
		}
	}
}

// join takes in a client: its range, then what it has sent before.
func (s *ServerRepository) join(c *Client) {
	if !s.state.join(c) {
		c.Disconnect(ErrTooManyClients)
		return
	}
	c.undecided = false
	for _, payload := range c.held {
		s.handle(c, payload)
	}
	c.held = nil
	if c.ended != nil {
		return
	}
	if err := s.reader.AddConnection(c.conn); err != nil {
		c.Disconnect(err)
	}
}

// refuse records that a connection does not become a client.
func (s *ServerRepository) refuse(c *Client, err error) {
	c.undecided = false
	s.state.stats.Refused++
	s.state.event(Event{Kind: ClientRefused, Client: c, Err: err})
}
