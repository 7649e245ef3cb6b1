package interop_test

import (
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/require"
)

// numberedOff is how many datagrams close.py sends before it does what it does.
const numberedOff = 500

func numberOff(i int) *queuednet.Datagram {
	var dg queuednet.Datagram
	dg.AddUint32(uint32(i))
	dg.AddString(fmt.Sprintf("number %d", i))
	return &dg
}

// sendNumbers sends what close.py understands; requireNumbers takes the same from it.
func (n *node) sendNumbers(conn *queuednet.Connection) {
	n.t.Helper()
	for i := range numberedOff {
		require.NoError(n.t, n.writer.Send(numberOff(i), conn))
	}
}

func (n *node) requireNumbers() {
	n.t.Helper()
	require.Len(n.t, n.received, numberedOff)
	for i, got := range n.received {
		require.Equal(n.t, numberOff(i).Message(), got.data)
	}
}

// testPandaCloses: all that was sent before the close comes first, then io.EOF.
func (s suite) testPandaCloses(t *testing.T) {
	s.bothWays(t, queuednet.Config{}, "close.py", []string{"--role", "closer"},
		func(t *testing.T, n *node, conn *queuednet.Connection, p *program) {
			require.Equal(t, io.EOF, n.requireEnd(conn))
			n.requireNumbers()
			require.True(t, p.await("closing").OK)
			p.end()
			require.False(t, n.manager.CloseConnection(conn))
		})
}

// testPandaResets: a RST is told from an orderly end.
func (s suite) testPandaResets(t *testing.T) {
	s.bothWays(t, queuednet.Config{}, "close.py", []string{"--role", "resetter"},
		func(t *testing.T, n *node, conn *queuednet.Connection, p *program) {
			n.until("the numbers", func() bool { return len(n.received) == numberedOff })
			n.send([]byte("now"), conn)
			require.ErrorIs(t, n.requireEnd(conn), syscall.ECONNRESET)
			n.requireNumbers()
			p.end()
		})
}

// testPandaKilled: whole datagrams arrive, the half one is no datagram and no io.EOF.
func (s suite) testPandaKilled(t *testing.T) {
	s.bothWays(t, queuednet.Config{}, "close.py", []string{"--role", "half"},
		func(t *testing.T, n *node, conn *queuednet.Connection, p *program) {
			p.await("half")
			require.NoError(t, conn.Err())
			p.kill()
			require.ErrorIs(t, n.requireEnd(conn), io.ErrUnexpectedEOF)
			n.requireNumbers()
		})
}

// testWeClose: Panda3D gets the last message before it sees the end.
func (s suite) testWeClose(t *testing.T) {
	s.bothWays(t, queuednet.Config{}, "close.py", []string{"--role", "watcher"},
		func(t *testing.T, n *node, conn *queuednet.Connection, p *program) {
			n.sendNumbers(conn)
			require.True(t, n.manager.CloseConnection(conn))
			requireWatched(t, p, numberedOff)
			require.ErrorIs(t, n.writer.Send(numberOff(0), conn), net.ErrClosed)
			n.frame()
			require.Empty(t, n.ended, "an end was reported that this side made itself")
		})
}

// testWeEnd: so it does when the whole manager closes.
func (s suite) testWeEnd(t *testing.T) {
	s.bothWays(t, queuednet.Config{}, "close.py", []string{"--role", "watcher"},
		func(t *testing.T, n *node, conn *queuednet.Connection, p *program) {
			n.sendNumbers(conn)
			require.NoError(t, n.manager.Close())
			requireWatched(t, p, numberedOff)
		})
}

// testWeReset: what a RST overtakes may be lost, but Panda3D sees an end, and before
// it nothing that was not sent.
func (s suite) testWeReset(t *testing.T) {
	s.bothWays(t, queuednet.Config{CloseTimeout: -1}, "close.py", []string{"--role", "watcher"},
		func(t *testing.T, n *node, conn *queuednet.Connection, p *program) {
			n.sendNumbers(conn)
			tcp, ok := conn.NetConn().(*net.TCPConn)
			require.True(t, ok)
			require.NoError(t, tcp.SetLinger(0))
			require.True(t, n.manager.CloseConnection(conn))
			requireWatched(t, p, 0)
		})
}

// requireWatched wants Panda3D to have received the numbers in order, so many at
// least, and then to have seen the end.
func requireWatched(t *testing.T, p *program, atLeast int) {
	t.Helper()
	reset := p.await("reset")
	p.end()
	require.True(t, reset.Closed)
	require.GreaterOrEqual(t, len(reset.Datagrams), atLeast)
	for i, got := range reset.Datagrams {
		require.Equal(t, fmt.Sprintf("%x", numberOff(i).Message()), got)
	}
}
