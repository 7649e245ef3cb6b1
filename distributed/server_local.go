package distributed

import (
	"bytes"
	"net"
	"slices"
)

// A localClient is a client in the server's own process, without a socket: through it
// the program has objects of its own. What it sends takes effect in the next Update.
type localClient struct {
	client *Client
	toSend [][]byte
	queue  [][]byte // received and not yet taken
	closed bool     // no more is sent
}

func (s *ServerRepository) openLocal() *localClient {
	l := &localClient{}
	l.client = &Client{server: s, local: l}
	s.locals = append(s.locals, l)
	return l
}

func (l *localClient) send(payload []byte) error {
	if l.closed || l.client.ended != nil {
		return net.ErrClosed
	}
	l.toSend = append(l.toSend, bytes.Clone(payload))
	return nil
}

func (l *localClient) receive(payload []byte) {
	if !l.closed {
		l.queue = append(l.queue, bytes.Clone(payload))
	}
}

// updateLocals takes in new local clients and carries out what they have sent.
func (s *ServerRepository) updateLocals() {
	for _, l := range slices.Clone(s.locals) {
		if l.client.ended == nil && l.client.base == 0 && !s.state.join(l.client) {
			l.client.Disconnect(ErrTooManyClients)
		}
		sent := l.toSend
		l.toSend = nil
		for _, payload := range sent {
			s.handle(l.client, payload)
		}
		if l.closed {
			l.client.Disconnect(net.ErrClosed)
		}
	}
	s.locals = slices.DeleteFunc(s.locals, func(l *localClient) bool { return l.client.ended != nil })
}
