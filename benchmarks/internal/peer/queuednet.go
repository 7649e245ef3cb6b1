package peer

import (
	"context"

	"github.com/queuednet/queuednet"
)

// queuednetServer is queuednet: there is nothing to add to it.
type queuednetServer struct {
	manager  *queuednet.QueuedConnectionManager
	listener *queuednet.QueuedConnectionListener
	reader   *queuednet.QueuedConnectionReader
	writer   *queuednet.ConnectionWriter
}

func newQueuednet() Server { return new(queuednetServer) }

func (s *queuednetServer) Listen(queueBytes int) (string, error) {
	config := new(queuednet.Config)
	if queueBytes > defaultQueue {
		config.MaxReceiveQueue = queueBytes
	}
	s.manager = queuednet.NewQueuedConnectionManager(config)
	s.listener = queuednet.NewQueuedConnectionListener(s.manager)
	s.reader = queuednet.NewQueuedConnectionReader(s.manager)
	s.writer = queuednet.NewConnectionWriter(s.manager)
	var address queuednet.NetAddress
	if err := address.SetHost("127.0.0.1", 0); err != nil {
		return "", err
	}
	rendezvous, err := s.manager.OpenTCPServerRendezvousAt(address, backlog)
	if err != nil {
		return "", err
	}
	return rendezvous.LocalAddress().String(), s.listener.AddConnection(rendezvous)
}

const (
	defaultQueue = 512 << 10 // of Config.MaxReceiveQueue
	backlog      = 4096      // what the other peers have on Linux
)

func (s *queuednetServer) Accept(each func(Conn)) {
	for conn := range s.listener.NewConnections() {
		if s.reader.AddConnection(conn) == nil {
			each(conn)
		}
	}
	for range s.manager.ResetConnections() { // with one left, Wait would not wait
	}
}

func (s *queuednetServer) Available() bool { return s.reader.DataAvailable() }

func (s *queuednetServer) Receive(consumer *Consumer) {
	for datagram := range s.reader.Datagrams() {
		consumer.Take(datagram.Connection(), datagram.Message())
	}
}

func (s *queuednetServer) Wait(ctx context.Context) error { return s.manager.WaitForReaders(ctx) }

func (s *queuednetServer) Send(conn Conn, payload []byte) {
	s.writer.Send(queuednet.NewDatagram(payload), conn.(*queuednet.Connection))
}

func (s *queuednetServer) Broadcast(payload []byte, conns []Conn) {
	s.writer.Broadcast(queuednet.NewDatagram(payload), func(yield func(*queuednet.Connection) bool) {
		for _, conn := range conns {
			if !yield(conn.(*queuednet.Connection)) {
				return
			}
		}
	})
}

func (s *queuednetServer) Close() { s.manager.Close() }
