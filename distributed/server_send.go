package distributed

import (
	"time"

	"github.com/queuednet/queuednet"
)

// send sends a payload to one client. If that fails, its connection has ended, or ends
// by it, and the manager reports the end.
func (s *ServerRepository) send(payload []byte, to *Client) {
	if to.local != nil {
		to.local.receive(payload)
		return
	}
	s.datagram.Assign(payload)
	_ = s.writer.Send(&s.datagram, to.conn)
}

// sendZone sends a payload to the clients of a zone but one.
func (s *ServerRepository) sendZone(payload []byte, to []*membership, except *Client) {
	s.datagram.Assign(payload)
	s.receivers, s.except = to, except
	_ = s.writer.Broadcast(&s.datagram, s.each)
	s.receivers, s.except = nil, nil
}

// eachReceiver yields the connections to send to. It is a method, so that a broadcast
// needs no closure of its own.
func (s *ServerRepository) eachReceiver(yield func(*queuednet.Connection) bool) {
	for _, m := range s.receivers {
		switch {
		case m.client == s.except:
		case m.client.local != nil:
			m.client.local.receive(s.datagram.Message())
		case !yield(m.client.conn):
			return
		}
	}
}

// logEvents tells the Logger why messages were dropped and clients refused.
func (s *ServerRepository) logEvents(now time.Time) {
	if s.config.Logger == nil {
		return
	}
	for _, e := range s.state.events {
		switch e.Kind {
		case ClientRefused:
			s.config.Logger.Warn("client refused", "address", e.Client.Address().String(), "reason", e.Err)
		case MessageDropped:
			s.logDrop(e, now)
		}
	}
}

func (s *ServerRepository) logDrop(e Event, now time.Time) {
	c := e.Client
	if c.foreign { // they share one line a second
		base := c.base
		c = &s.state.stranger
		c.base = base
	}
	if now.Sub(c.loggedAt) < time.Second {
		c.unlogged++
		return
	}
	s.config.Logger.Warn("message dropped", "client", c.base, "address", c.Address().String(),
		"reason", e.Reason.String(), "detail", e.Err, "more", c.unlogged)
	c.loggedAt, c.unlogged = now, 0
}
