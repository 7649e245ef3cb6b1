package simulate_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/simulate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An end is a manager with what polls it.
type end struct {
	manager  *queuednet.QueuedConnectionManager
	listener *queuednet.QueuedConnectionListener
	reader   *queuednet.QueuedConnectionReader
	writer   *queuednet.ConnectionWriter
}

func newEnd(t testing.TB) *end {
	manager := queuednet.NewQueuedConnectionManager(nil)
	t.Cleanup(func() { manager.Close() })
	return &end{
		manager:  manager,
		listener: queuednet.NewQueuedConnectionListener(manager),
		reader:   queuednet.NewQueuedConnectionReader(manager),
		writer:   queuednet.NewConnectionWriter(manager),
	}
}

// frame drains the reader.
func (e *end) frame() (got []string) {
	for datagram := range e.reader.Datagrams() {
		got = append(got, string(datagram.Message()))
	}
	return got
}

// next waits for the next datagram.
func (e *end) next(t testing.TB) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var datagram queuednet.NetDatagram
	for !e.reader.GetData(&datagram) {
		require.NoError(t, e.manager.WaitForReaders(ctx))
	}
	return string(datagram.Message())
}

// TestConformance has the row of the table of what Panda3D does that is about
// the simulated delay. The others are package queuednet's.
func TestConformance(t *testing.T) {
	t.Run("row_147_delay", func(t *testing.T) {
		delayed := func(name string, wrap func(t *testing.T, e *end, network *simulate.Network) (arrive func(string))) {
			bubble(name, t, func(t *testing.T) {
				const wait = 250 * time.Millisecond
				e := newEnd(t)
				network := simulate.NewNetwork(1)
				arrive := wrap(t, e, network)
				network.StartDelay(wait, wait)
				for i := range 5 {
					arrive(fmt.Sprint(i))
					time.Sleep(10 * time.Millisecond)
				}
				assert.Empty(t, e.frame())
				time.Sleep(wait - 50*time.Millisecond)
				synctest.Wait()
				assert.Equal(t, []string{"0"}, e.frame())
				time.Sleep(20 * time.Millisecond)
				synctest.Wait()
				assert.Equal(t, []string{"1", "2"}, e.frame(), "in order")
				arrive("5")
				synctest.Wait()
				network.StopDelay()
				synctest.Wait()
				assert.Equal(t, []string{"3", "4", "5"}, e.frame(), "all at once, in order")
				arrive("6")
				synctest.Wait()
				assert.Equal(t, []string{"6"}, e.frame(), "without a delay again")
			})
		}
		delayed("TCP", func(t *testing.T, e *end, network *simulate.Network) func(string) {
			near, far := pipe(t)
			conn, err := e.manager.AdoptConnection(network.Conn(near))
			require.NoError(t, err)
			require.NoError(t, e.reader.AddConnection(conn))
			return func(payload string) { write(t, far, string([]byte{byte(len(payload)), 0})+payload) }
		})
		delayed("UDP", func(t *testing.T, e *end, network *simulate.Network) func(string) {
			p := newPacketPipe(t)
			conn, err := e.manager.AdoptUDPConnection(network.PacketConn(p))
			require.NoError(t, err)
			require.NoError(t, e.reader.AddConnection(conn))
			return func(payload string) { p.in <- string([]byte{payload[0], 0}) + payload }
		})
	})
}

// The loop never waits for a delay, nor does closing.
func TestAdoptedEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnd(t)
		network := simulate.NewNetwork(1)
		network.StartDelay(time.Second, time.Second)
		near, far := pipe(t)
		conn, err := e.manager.AdoptConnection(network.Conn(near))
		require.NoError(t, err)
		require.NoError(t, e.reader.AddConnection(conn))
		start := time.Now()
		write(t, far, "\x04\x00last")
		far.Close()
		synctest.Wait()
		assert.Empty(t, e.frame())
		assert.False(t, e.manager.ResetConnectionAvailable())
		assert.Zero(t, time.Since(start))
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Equal(t, []string{"last"}, e.frame())
		lost, ok := e.manager.GetResetConnection()
		assert.True(t, ok)
		assert.Same(t, conn, lost)
		assert.Equal(t, io.EOF, conn.Err(), "the end is late as well")
	})
	synctest.Test(t, func(t *testing.T) {
		e := newEnd(t)
		network := simulate.NewNetwork(1)
		network.StartDelay(time.Hour, time.Hour)
		near, far := pipe(t)
		conn, err := e.manager.AdoptConnection(network.Conn(near))
		require.NoError(t, err)
		require.NoError(t, e.reader.AddConnection(conn))
		udp, err := e.manager.AdoptUDPConnection(network.PacketConn(newPacketPipe(t)))
		require.NoError(t, err)
		require.NoError(t, e.reader.AddConnection(udp))
		received := logStream(t, far)
		require.NoError(t, e.writer.Send(queuednet.NewDatagram([]byte("bye")), conn))
		require.NoError(t, e.manager.Close())
		assert.Equal(t, "0s \x03\x00bye", received.take()[0])
	})
}

const realDelay = 20 * time.Millisecond

// delayed returns a network with realDelay.
func delayed() *simulate.Network {
	network := simulate.NewNetwork(1)
	network.StartDelay(realDelay, realDelay)
	return network
}

// A server and a client over the sockets of the system, both ways delayed.
func TestRealTCP(t *testing.T) {
	network := delayed()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server, client := newEnd(t), newEnd(t)
	rendezvous, err := server.manager.AdoptRendezvous(network.Listener(socket))
	require.NoError(t, err)
	require.NoError(t, server.listener.AddConnection(rendezvous))
	dialled, err := net.Dial("tcp", socket.Addr().String())
	require.NoError(t, err)
	conn, err := client.manager.AdoptConnection(network.Conn(dialled))
	require.NoError(t, err)
	require.NoError(t, client.reader.AddConnection(conn))
	require.NoError(t, conn.SetNoDelay(true), "options reach the socket")

	start := time.Now()
	require.NoError(t, client.writer.Send(queuednet.NewDatagram([]byte("ping")), conn))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(t, server.manager.WaitForReaders(ctx))
	accepted, ok := server.listener.GetNewConnection()
	require.True(t, ok)
	require.NoError(t, server.reader.AddConnection(accepted))
	assert.Equal(t, "ping", server.next(t))
	require.NoError(t, server.writer.Send(queuednet.NewDatagram([]byte("pong")), accepted))
	assert.Equal(t, "pong", client.next(t))
	assert.GreaterOrEqual(t, time.Since(start), 2*realDelay)
}

// Two sockets of one manager, both ways delayed.
func TestRealUDP(t *testing.T) {
	network := delayed()
	e := newEnd(t)
	var conns []*queuednet.Connection
	for range 2 {
		socket, err := net.ListenPacket("udp", "127.0.0.1:0")
		require.NoError(t, err)
		conn, err := e.manager.AdoptUDPConnection(network.PacketConn(socket))
		require.NoError(t, err)
		require.NoError(t, e.reader.AddConnection(conn))
		require.NoError(t, conn.SetRecvBufferSize(1<<16), "options reach the socket")
		conns = append(conns, conn)
	}
	start := time.Now()
	require.NoError(t, e.writer.SendTo(queuednet.NewDatagram([]byte("ping")), conns[0], conns[1].LocalAddress()))
	assert.Equal(t, "ping", e.next(t))
	require.NoError(t, e.writer.SendTo(queuednet.NewDatagram([]byte("pong")), conns[1], conns[0].LocalAddress()))
	assert.Equal(t, "pong", e.next(t))
	assert.GreaterOrEqual(t, time.Since(start), 2*realDelay)
}
