package interop_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/require"
)

// A suite is what all scenarios of a header size share.
type suite struct {
	python     string
	headerSize int
}

// panda starts one of the Python programs.
func (s suite) panda(t *testing.T, script string, args ...string) *program {
	t.Helper()
	return start(t, s.python, append([]string{script, "--header-size", strconv.Itoa(s.headerSize)}, args...)...)
}

// bothWays runs a scenario with Panda3D as the client of this side, and as its
// server. The program's one connection is there when the scenario begins.
func (s suite) bothWays(t *testing.T, config queuednet.Config, script string, args []string,
	scenario func(*testing.T, *node, *queuednet.Connection, *program),
) {
	t.Helper()
	t.Run("Panda3D connects", func(t *testing.T) {
		t.Parallel()
		n := s.newNode(t, config)
		p := s.panda(t, script, append(args[:len(args):len(args)], "--connect", strconv.Itoa(n.listen()))...)
		n.until("a connection", func() bool { return len(n.accepted) == 1 })
		p.await("connected")
		scenario(t, n, n.accepted[0], p)
	})
	t.Run("Panda3D listens", func(t *testing.T) {
		t.Parallel()
		n := s.newNode(t, config)
		p := s.panda(t, script, args...)
		conn := n.connect(p.await("listening").Port)
		p.await("connected")
		scenario(t, n, conn, p)
	})
}

// A node is the Go side: a manager with all that hangs on it, and what a frame
// took from their queues.
type node struct {
	t        *testing.T
	ctx      context.Context
	manager  *queuednet.QueuedConnectionManager
	listener *queuednet.QueuedConnectionListener
	reader   *queuednet.QueuedConnectionReader
	writer   *queuednet.ConnectionWriter

	echoes   bool // send each datagram back instead of keeping it
	echoed   int
	accepted []*queuednet.Connection
	received []received
	ended    []ended
}

type received struct {
	conn *queuednet.Connection
	data []byte
}

type ended struct {
	conn *queuednet.Connection
	err  error
}

func (s suite) newNode(t *testing.T, config queuednet.Config) *node {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	manager := queuednet.NewQueuedConnectionManager(&config)
	t.Cleanup(func() {
		cancel()
		_ = manager.Close()
	})
	n := &node{
		t:        t,
		ctx:      ctx,
		manager:  manager,
		listener: queuednet.NewQueuedConnectionListener(manager),
		reader:   queuednet.NewQueuedConnectionReader(manager),
		writer:   queuednet.NewConnectionWriter(manager),
	}
	require.NoError(t, n.reader.SetTCPHeaderSize(s.headerSize))
	require.NoError(t, n.writer.SetTCPHeaderSize(s.headerSize))
	return n
}

// listen returns the port that the system chose.
func (n *node) listen() int {
	n.t.Helper()
	address, err := queuednet.ParseNetAddress("127.0.0.1:0")
	require.NoError(n.t, err)
	rendezvous, err := n.manager.OpenTCPServerRendezvousAt(address, 128)
	require.NoError(n.t, err)
	require.NoError(n.t, n.listener.AddConnection(rendezvous))
	return rendezvous.LocalAddress().Port()
}

func (n *node) connect(port int) *queuednet.Connection {
	n.t.Helper()
	conn, err := n.manager.OpenTCPClientConnection("127.0.0.1", port, patience)
	require.NoError(n.t, err)
	require.NoError(n.t, n.reader.AddConnection(conn))
	return conn
}

// frame is what a game's loop does once a frame.
func (n *node) frame() {
	n.t.Helper()
	for conn := range n.listener.NewConnections() {
		n.accepted = append(n.accepted, conn)
		require.NoError(n.t, n.reader.AddConnection(conn))
	}
	for dg := range n.reader.Datagrams() {
		if n.echoes {
			n.echoed++
			require.NoError(n.t, n.writer.Send(&dg.Datagram, dg.Connection()))
			continue
		}
		for _, e := range n.ended {
			require.NotSame(n.t, e.conn, dg.Connection(), "a datagram after its connection's end was reported")
		}
		n.received = append(n.received, received{dg.Connection(), append([]byte{}, dg.Message()...)})
	}
	for conn := range n.manager.ResetConnections() {
		n.ended = append(n.ended, ended{conn, conn.Err()})
	}
	n.writer.Flush()
}

// until runs frames until done, each as soon as there is something to take.
func (n *node) until(what string, done func() bool) {
	n.t.Helper()
	for n.frame(); !done(); n.frame() {
		if err := n.manager.WaitForReaders(n.ctx); err != nil {
			n.t.Fatalf("waiting for %s: %v; %d accepted, %d datagrams, %d echoed, ended: %v",
				what, err, len(n.accepted), len(n.received), n.echoed, n.ended)
		}
	}
}

// serve runs frames until the program has ended.
func (n *node) serve(p *program) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.ctx, patience)
	defer cancel()
	go func() {
		<-p.ended
		cancel()
	}()
	for n.manager.WaitForReaders(ctx) == nil {
		n.frame()
	}
	p.end()
}

// send sends a payload; take returns so many that were received, as they came.
func (n *node) send(payload []byte, conn *queuednet.Connection) {
	n.t.Helper()
	require.NoError(n.t, n.writer.Send(queuednet.NewDatagram(payload), conn))
}

func (n *node) take(count int) []received {
	n.t.Helper()
	n.until(fmt.Sprintf("%d datagrams", count), func() bool { return len(n.received) >= count })
	taken := n.received[:count:count]
	n.received = n.received[count:]
	return taken
}

// requireEnd waits for the one end that must be reported, and returns its reason.
func (n *node) requireEnd(conn *queuednet.Connection) error {
	n.t.Helper()
	n.until("the end of the connection", func() bool { return len(n.ended) > 0 })
	require.Len(n.t, n.ended, 1)
	require.Same(n.t, conn, n.ended[0].conn)
	return n.ended[0].err
}
