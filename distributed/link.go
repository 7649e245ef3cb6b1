package distributed

import (
	"iter"
	"time"

	"github.com/queuednet/queuednet"
)

// A link is how a client repository reaches its server. Its methods never wait.
type link interface {
	// send sends a payload, whose memory is the caller's again when it returns.
	send(payload []byte) error
	// received drains the payloads that have arrived. Each is valid until the next.
	received() iter.Seq[[]byte]
	// ended returns why the link is over, once everything that came before has been
	// taken, and nil until then.
	ended() error
	// close ends the link once what was sent has arrived.
	close()
}

// A netLink is a link over a connection.
type netLink struct {
	client   *netClient
	conn     *queuednet.Connection
	datagram queuednet.Datagram
	err      error
}

// netClient has what connections of a client repository need, made with the first.
type netClient struct {
	manager *queuednet.QueuedConnectionManager
	reader  *queuednet.QueuedConnectionReader
	writer  *queuednet.ConnectionWriter
	pending *queuednet.PendingConnection
}

func newNetClient(config *queuednet.Config) *netClient {
	manager := queuednet.NewQueuedConnectionManager(config)
	return &netClient{
		manager: manager,
		reader:  queuednet.NewQueuedConnectionReader(manager),
		writer:  queuednet.NewConnectionWriter(manager),
	}
}

func (c *netClient) connect(host string, port int, timeout time.Duration) {
	c.pending = c.manager.BeginTCPClientConnection(host, port, timeout)
}

// open makes a link of a connection.
func (c *netClient) open(conn *queuednet.Connection) (link, error) {
	if err := c.reader.AddConnection(conn); err != nil {
		conn.Close()
		return nil, err
	}
	return &netLink{client: c, conn: conn}, nil
}

func (l *netLink) send(payload []byte) error {
	l.datagram.Assign(payload)
	return l.client.writer.Send(&l.datagram, l.conn)
}

func (l *netLink) received() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for datagram := range l.client.reader.Datagrams() {
			if datagram.Connection() == l.conn && !yield(datagram.Message()) {
				return
			}
		}
	}
}

func (l *netLink) ended() error {
	for conn := range l.client.manager.ResetConnections() {
		if conn == l.conn {
			l.err = conn.Err()
		}
	}
	return l.err
}

func (l *netLink) close() { l.conn.Close() }

// localClient is also the link of a repository in the server's process.

func (l *localClient) received() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		queue := l.queue
		l.queue = nil
		for i, payload := range queue {
			if !yield(payload) {
				l.queue = append(queue[i+1:], l.queue...)
				return
			}
		}
	}
}

func (l *localClient) ended() error { return l.client.ended }

func (l *localClient) close() { l.closed = true }
