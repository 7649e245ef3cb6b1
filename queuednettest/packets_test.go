package queuednettest_test

import (
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/queuednettest"
	"github.com/queuednet/queuednet/simulate"
)

// readFrom reads one packet, which must be there.
func readFrom(t testing.TB, socket net.PacketConn) (packet string, from net.Addr) {
	t.Helper()
	b := make([]byte, 1<<16)
	n, from, err := socket.ReadFrom(b)
	require.NoError(t, err)
	return string(b[:n]), from
}

func TestPacketConns(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sockets := queuednettest.PacketConns(t, 3, nil)
		server, first, second := sockets[0], sockets[1], sockets[2]
		assert.Equal(t, "127.0.0.1:4000", server.LocalAddr().String())
		for _, socket := range []net.PacketConn{first, second} {
			for _, packet := range []string{"packet", "", strings.Repeat("x", 65_507)} {
				n, err := socket.WriteTo([]byte(packet), server.LocalAddr())
				require.NoError(t, err)
				assert.Len(t, packet, n)
				got, from := readFrom(t, server)
				assert.Equal(t, packet, got)
				assert.Equal(t, socket.LocalAddr(), from)
			}
		}
		_, err := first.WriteTo([]byte("to nobody"), &net.UDPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 1})
		assert.NoError(t, err)
		_, err = first.WriteTo([]byte("x"), &net.TCPAddr{})
		assert.ErrorContains(t, err, "not an address of UDP")
		_, err = first.WriteTo(make([]byte, 65_508), server.LocalAddr())
		assert.ErrorIs(t, err, syscall.EMSGSIZE)
	})
}

func TestPacketConnIsClosed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sockets := queuednettest.PacketConns(t, 2, nil)
		waiting := make(chan error, 1)
		go func() {
			_, _, err := sockets[0].ReadFrom(make([]byte, 1))
			waiting <- err
		}()
		synctest.Wait()
		require.NoError(t, sockets[0].Close())
		assert.ErrorIs(t, <-waiting, net.ErrClosed)
		_, writeErr := sockets[0].WriteTo(nil, sockets[1].LocalAddr())
		for _, err := range []error{writeErr, sockets[0].Close(), sockets[0].SetDeadline(time.Time{})} {
			assert.ErrorIs(t, err, net.ErrClosed)
		}
		_, err := sockets[1].WriteTo([]byte("x"), sockets[0].LocalAddr())
		assert.NoError(t, err, "nobody is there, which UDP does not tell")
	})
}

func TestPacketConnDeadlines(t *testing.T) {
	bubble(t, func(t *testing.T) {
		socket := queuednettest.PacketConns(t, 1, nil)[0]
		start := time.Now()
		require.NoError(t, socket.SetDeadline(start.Add(time.Second)))
		_, _, err := socket.ReadFrom(make([]byte, 1))
		assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(start))
		_, err = socket.WriteTo(nil, socket.LocalAddr())
		assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.NoError(t, socket.SetDeadline(time.Time{}))
		_, err = socket.WriteTo([]byte("self"), socket.LocalAddr())
		require.NoError(t, err)
		got, _ := readFrom(t, socket)
		assert.Equal(t, "self", got)
	})
}

// A socket that nobody reads holds so much, drops what comes then, and works on
// when it is read.
func TestPacketConnDropsWhenFull(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sockets := queuednettest.PacketConns(t, 2, nil)
		const size, fit = 896, (256 << 10) / 1024
		for range 2 {
			for range 2 * fit {
				_, err := sockets[0].WriteTo(make([]byte, size), sockets[1].LocalAddr())
				require.NoError(t, err)
			}
			require.NoError(t, sockets[1].SetReadDeadline(time.Now().Add(time.Second)))
			got := 0
			for b := make([]byte, size); ; got++ {
				if _, _, err := sockets[1].ReadFrom(b); err != nil {
					assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
					break
				}
			}
			assert.Equal(t, fit, got)
		}
	})
}

func TestUDPPair(t *testing.T) {
	bubble(t, func(t *testing.T) {
		network := simulate.NewNetwork(1)
		server, client := queuednettest.UDPPair(t, &queuednettest.Options{Network: network})
		ping := queuednet.NewDatagram([]byte("ping"))
		require.NoError(t, client.Writer.SendTo(ping, client.Conn, server.Conn.LocalAddress()))
		datagram := server.Next()
		assert.Equal(t, "ping", string(datagram.Message()))
		assert.Same(t, server.Conn, datagram.Connection())
		assert.Equal(t, client.Conn.LocalAddress(), datagram.Address())

		network.StartDelay(100*time.Millisecond, 100*time.Millisecond)
		start := time.Now()
		require.NoError(t, server.Writer.SendTo(ping, server.Conn, datagram.Address()))
		assert.Equal(t, "ping", string(client.Next().Message()))
		assert.Equal(t, 100*time.Millisecond, time.Since(start))

		network.StopDelay()
		network.SetLoss(0.5)
		for range 1000 {
			require.NoError(t, client.Writer.SendTo(ping, client.Conn, server.Conn.LocalAddress()))
			synctest.Wait()
		}
		arrived := 0
		for range server.Reader.Datagrams() {
			arrived++
		}
		assert.InDelta(t, 500, arrived, 100)
	})
}
