package interop_test

import (
	"context"
	"encoding/binary"
	"hash/crc32"
	"net"
	"strconv"
	"testing"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/require"
)

const (
	udpNumbered = 3_000
	udpInFlight = 20   // see udp.py
	pandaUDP    = 1500 // the longest datagram that Panda3D receives
)

// TestPanda3DUDP lets each side be the other's echo, over IPv4, IPv6 and
// sockets for both, with the sums of Panda3D's format and in raw mode.
func TestPanda3DUDP(t *testing.T) {
	s := suite{findPanda3D(t), 2} // the header size is TCP's
	for _, test := range []struct{ name, bound, to string }{
		{"IPv4", "127.0.0.1", "127.0.0.1"},
		{"IPv6", "::1", "::1"},
		{"IPv4 to both", "", "127.0.0.1"},
		{"IPv6 to both", "", "::1"},
	} {
		for _, raw := range []bool{false, true} {
			name := test.name
			if raw {
				name += ", raw"
			}
			t.Run(name, func(t *testing.T) {
				if test.to == "::1" {
					needIPv6(t)
				}
				u := udpSuite{s, test.bound, test.to, raw}
				t.Run("Panda3D serves", func(t *testing.T) {
					t.Parallel()
					u.testServer(t)
				})
				t.Run("Panda3D is the client", func(t *testing.T) {
					t.Parallel()
					u.testClient(t)
				})
			})
		}
	}
}

func needIPv6(t *testing.T) {
	t.Helper()
	socket, err := net.ListenPacket("udp6", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 here: ", err)
	}
	require.NoError(t, socket.Close())
}

// A udpSuite is where the server is bound, by which address it is reached, and
// the mode.
type udpSuite struct {
	suite
	bound, to string
	raw       bool
}

// panda starts udp.py.
func (u udpSuite) panda(t *testing.T, args ...string) *program {
	t.Helper()
	if u.raw {
		args = append(args, "--raw")
	}
	return u.suite.panda(t, "udp.py", args...)
}

// newNode returns this side with a UDP connection that its reader has.
func (u udpSuite) newNode(t *testing.T, bound string) (*node, *queuednet.Connection) {
	t.Helper()
	n := u.suite.newNode(t, queuednet.Config{})
	n.reader.SetRawMode(u.raw)
	n.writer.SetRawMode(u.raw)
	conn, err := n.manager.OpenUDPConnection(0)
	if bound != "" {
		conn, err = n.manager.OpenUDPConnectionAt(udpAddress(t, bound, 0))
	}
	require.NoError(t, err)
	require.NoError(t, n.reader.AddConnection(conn))
	return n, conn
}

func udpAddress(t *testing.T, host string, port int) queuednet.NetAddress {
	t.Helper()
	address, err := queuednet.ParseNetAddress(net.JoinHostPort(host, strconv.Itoa(port)))
	require.NoError(t, err)
	return address
}

// testServer puts Panda3D's echo through the battery.
func (u udpSuite) testServer(t *testing.T) {
	p := u.panda(t, "--host", u.bound)
	to := udpAddress(t, u.to, p.await("listening").Port)
	n, conn := u.newNode(t, "")
	send := func(payload []byte) {
		require.NoError(t, n.writer.SendTo(queuednet.NewDatagram(payload), conn, to))
	}
	var echo queuednet.NetDatagram
	next := func() []byte {
		t.Helper()
		for !n.reader.GetData(&echo) {
			require.NoError(t, n.manager.WaitForReaders(n.ctx))
		}
		require.Same(t, conn, echo.Connection())
		require.Equal(t, to, echo.Address())
		return echo.Message()
	}

	sizes := []int{1, 2, 255, 256, 1000, pandaUDP - 1, pandaUDP}
	if !u.raw {
		sizes = append(sizes, 0) // an empty packet says nothing
	}
	for _, size := range sizes {
		send(pattern(size))
		require.Equal(t, pattern(size), append([]byte{}, next()...), "%d bytes", size)
	}
	message := func(i int) []byte {
		return append(binary.LittleEndian.AppendUint32(nil, uint32(i)), pattern(i%1400)...)
	}
	for i := range udpNumbered + udpInFlight {
		if i < udpNumbered {
			send(message(i))
		}
		if back := i - udpInFlight; back >= 0 {
			require.Equal(t, message(back), next(), "number %d", back)
		}
	}
	require.Zero(t, conn.UDPDrops())
	require.NoError(t, conn.Err())
	p.stop()
	require.Equal(t, len(sizes)+udpNumbered, p.await("done").Sent)
}

// testClient is the echo that Panda3D puts through its battery. What Panda3D
// could not receive is answered with its length and CRC.
func (u udpSuite) testClient(t *testing.T) {
	n, conn := u.newNode(t, u.bound)
	p := u.panda(t, "--host", u.to, "--connect", strconv.Itoa(conn.LocalAddress().Port()))
	peers := make(map[queuednet.NetAddress]bool)
	ctx, cancel := context.WithTimeout(n.ctx, patience)
	defer cancel()
	go func() {
		<-p.ended
		cancel()
	}()
	for n.manager.WaitForReaders(ctx) == nil {
		for datagram := range n.reader.Datagrams() {
			require.Same(t, conn, datagram.Connection())
			require.Equal(t, u.to, datagram.Address().IPString())
			peers[datagram.Address()] = true
			answer := &datagram.Datagram
			if payload := answer.Message(); len(payload) > pandaUDP {
				answer = new(queuednet.Datagram)
				answer.AddUint32(uint32(len(payload)))
				answer.AddUint32(crc32.ChecksumIEEE(payload))
			}
			require.NoError(t, n.writer.SendTo(answer, conn, datagram.Address()))
		}
	}
	for _, scenario := range []string{"sizes", "numbered", "longer"} {
		require.Equal(t, scenario, p.await("passed").Scenario)
	}
	p.await("done")
	p.end()
	require.Len(t, peers, 1)
	require.Zero(t, conn.UDPDrops())
	require.False(t, n.manager.ResetConnectionAvailable())
	require.NoError(t, conn.Err())
}
