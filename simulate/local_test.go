package simulate_test

import (
	"context"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/simulate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A server on all interfaces answers from the address that was asked, through a network
// too.
func TestAnswersFromTheAddressThatWasAsked(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells")
	}
	network := simulate.NewNetwork(1)
	network.StartDelay(time.Millisecond, 2*time.Millisecond)
	for _, at := range []string{"udp", "udp4"} {
		socket, err := net.ListenUDP(at, nil)
		require.NoError(t, err)
		server := newEnd(t)
		conn, err := server.manager.AdoptUDPConnection(network.PacketConn(socket))
		require.NoError(t, err)
		require.NoError(t, server.reader.AddConnection(conn))

		client, err := net.ListenUDP("udp4", nil)
		require.NoError(t, err)
		defer client.Close()
		asked := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2), Port: socket.LocalAddr().(*net.UDPAddr).Port}
		_, err = client.WriteTo([]byte{'?', 0, '?'}, asked) // the sum before it
		require.NoError(t, err)

		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		var datagram queuednet.NetDatagram
		for !server.reader.GetData(&datagram) {
			require.NoError(t, server.manager.WaitForReaders(ctx))
		}
		assert.Equal(t, "127.0.0.2", datagram.LocalAddress().IPString())
		require.NoError(t, server.writer.SendFrom(&datagram.Datagram, conn, datagram.LocalAddress(), datagram.Address()))
		require.NoError(t, client.SetReadDeadline(time.Now().Add(patience)))
		_, from, err := client.ReadFrom(make([]byte, 100))
		require.NoError(t, err)
		assert.Equal(t, asked.String(), from.String())
	}
}

// A toldPipe knows the local address of each packet by itself, as a socket of another
// library may.
type toldPipe struct {
	*packetPipe
	sent chan net.Addr
}

func (p *toldPipe) ReadFromTo(b []byte) (n int, from, to net.Addr, err error) {
	n, from, err = p.ReadFrom(b)
	return n, from, &net.UDPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 1}, err
}

func (p *toldPipe) WriteFromTo(b []byte, from, _ net.Addr) (int, error) {
	p.sent <- from
	return len(b), nil
}

func TestLocalAddressesOfAnotherSocket(t *testing.T) {
	bubble("told", t, func(t *testing.T) {
		told := &toldPipe{newPacketPipe(t), make(chan net.Addr, 1)}
		server := newEnd(t)
		conn, err := server.manager.AdoptUDPConnection(simulate.NewNetwork(1).PacketConn(told))
		require.NoError(t, err)
		require.NoError(t, server.reader.AddConnection(conn))
		told.in <- "?\x00?"
		require.NoError(t, server.manager.WaitForReaders(t.Context()))
		for datagram := range server.reader.Datagrams() {
			assert.Equal(t, "192.0.2.7", datagram.LocalAddress().IPString())
			require.NoError(t, server.writer.SendFrom(&datagram.Datagram, conn, datagram.LocalAddress(), mustParse(t, "192.0.2.9:9")))
		}
		assert.Equal(t, "192.0.2.7", (<-told.sent).(*net.UDPAddr).IP.String())
		require.NoError(t, server.manager.Close())
	})
}

func mustParse(t *testing.T, text string) queuednet.NetAddress {
	address, err := queuednet.ParseNetAddress(text)
	require.NoError(t, err)
	return address
}
