package distributed

import (
	"bytes"
	"net"
	"slices"
)

// A localClient is a client in the server's own process, without a socket: through it
// the server has objects of its own. What it sends takes effect in the next Update.
type localClient struct {
	client *Client
	server *ServerRepository
	toSend [][]byte
	queue  [][]byte // received and not yet taken
}

func (s *ServerRepository) openLocal() *localClient {
	l := &localClient{server: s}
	l.client = &Client{server: s, local: l}
	s.locals = append(s.locals, l)
	return l
}

func (l *localClient) send(payload []byte) error {
	if l.client.ended != nil {
		return net.ErrClosed
	}
	l.toSend = append(l.toSend, bytes.Clone(payload))
	return nil
}

func (l *localClient) receive(payload []byte) { l.queue = append(l.queue, bytes.Clone(payload)) }

// updateLocals takes in new local clients and does what they have sent.
func (s *ServerRepository) updateLocals() {
	for _, l := range s.locals {
		if l.client.base == 0 && !s.state.join(l.client) {
			l.client.Disconnect(ErrTooManyClients)
		}
		sent := l.toSend
		l.toSend = nil
		for _, payload := range sent {
			s.handle(l.client, payload)
		}
	}
	s.locals = slices.DeleteFunc(s.locals, func(l *localClient) bool { return l.client.ended != nil })
}
