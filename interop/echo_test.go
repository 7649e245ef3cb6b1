package interop_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"testing"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/require"
)

const (
	numbered    = 20_000
	inFlight    = 1_000 // some 30 KB: Panda3D's server stops reading while its send blocks
	connections = 100
	collected   = 200
)

// testEchoClient serves Panda3D's battery.
func (s suite) testEchoClient(t *testing.T) {
	n := s.newNode(t, queuednet.Config{})
	n.echoes = true
	p := s.panda(t, "echo_client.py", "--connect", strconv.Itoa(n.listen()))
	n.serve(p)
	for _, scenario := range []string{"sizes", "numbered", "connections", "collected"} {
		require.Equal(t, scenario, p.await("passed").Scenario)
	}
	p.await("done")

	n.until("the end of every connection", func() bool { return len(n.ended) == 1+connections })
	require.Len(t, n.accepted, 1+connections)
	require.Equal(t, len(s.sizes())+numbered+connections+collected, n.echoed)
	for _, e := range n.ended {
		require.Equal(t, io.EOF, e.err)
	}
}

// testEchoServer puts Panda3D through the same battery.
func (s suite) testEchoServer(t *testing.T) {
	s.echoBattery(t, s.panda(t, "echo_server.py"))
}

func (s suite) testCollectingEchoServer(t *testing.T) {
	s.echoBattery(t, s.panda(t, "echo_server.py", "--collect"))
}

func (s suite) echoBattery(t *testing.T, p *program) {
	n := s.newNode(t, queuednet.Config{})
	port := p.await("listening").Port
	conn := n.connect(port)

	for _, size := range s.sizes() {
		n.send(pattern(size), conn)
		require.Equal(t, pattern(size), n.take(1)[0].data)
	}
	n.echoNumbered(conn)
	n.echoConnections(port)
	n.echoCollected(conn)

	require.True(t, n.manager.CloseConnection(conn))
	for i := range 1 + connections { // Panda3D sees every connection end
		require.Equal(t, i+1, p.await("reset").Lost)
	}
	p.stop()
	n.frame()
	require.Empty(t, n.received)
	require.Empty(t, n.ended, "an end was reported that this side made itself")
}

func (s suite) sizes() []int {
	sizes := []int{0, 1, 2, 255, 256, 1000, 65534, 65535}
	if s.headerSize == 4 {
		sizes = append(sizes, 65536, 1_000_000)
	}
	return sizes
}

// echoNumbered keeps many in flight: all come back, whole and in order.
func (n *node) echoNumbered(conn *queuednet.Connection) {
	n.t.Helper()
	message := func(i int) []byte { return append(binary.LittleEndian.AppendUint32(nil, uint32(i)), pattern(i%53)...) }
	sent, back := 0, 0
	n.until("the numbered echoes", func() bool {
		for _, echo := range n.received {
			require.Equal(n.t, message(back), echo.data)
			back++
		}
		n.received = n.received[:0]
		for ; sent < numbered && sent-back < inFlight; sent++ {
			n.send(message(sent), conn)
		}
		n.writer.Flush()
		return back == numbered
	})
}

// echoConnections opens many: each gets its own echo and no other's.
func (n *node) echoConnections(port int) {
	n.t.Helper()
	opened := map[*queuednet.Connection]string{}
	for i := range connections {
		conn := n.connect(port)
		opened[conn] = fmt.Sprintf("connection %d", i)
		n.send([]byte(opened[conn]), conn)
	}
	echoes := map[*queuednet.Connection]string{}
	for _, echo := range n.take(connections) {
		echoes[echo.conn] = string(echo.data)
	}
	require.Equal(n.t, opened, echoes)
	for conn := range opened {
		require.True(n.t, n.manager.CloseConnection(conn))
	}
}

// echoCollected sends in one piece what Panda3D must take apart again.
func (n *node) echoCollected(conn *queuednet.Connection) {
	n.t.Helper()
	conn.SetCollectTCP(true)
	for i := range collected {
		n.send(fmt.Appendf(nil, "collected %d", i), conn)
	}
	conn.Flush()
	for i, echo := range n.take(collected) {
		require.Equal(n.t, fmt.Sprintf("collected %d", i), string(echo.data))
	}
	conn.SetCollectTCP(false)
}

func pattern(size int) []byte {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i % 251)
	}
	return data
}
