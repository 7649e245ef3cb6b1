package queuednet

import (
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// nobody returns an address that nobody has any more: the system answers with ICMP.
func nobody(t *testing.T) NetAddress {
	socket := rawUDP(t, "127.0.0.1:0")
	require.NoError(t, socket.Close())
	return netAddressOf(socket.LocalAddr())
}

func TestUDPUnreachable(t *testing.T) {
	gone := nobody(t)
	raw := rawUDP(t, "127.0.0.1:0")
	e := newEnd(t, nil)
	conn := e.udp("127.0.0.1:0")
	for range 20 {
		e.sendTo(conn, gone, "anybody there?")
		e.requireUDPExchange(conn, raw, conn.LocalAddress())
	}
	assert.NoError(t, conn.Err())
	e.requireNoReset()
}

// A connected socket is told: in a read, or by the next write.
func TestUDPUnreachableOfAConnectedSocket(t *testing.T) {
	gone := nobody(t)
	e := newEnd(t, nil)
	socket, err := net.Dial("udp", gone.String())
	require.NoError(t, err)
	conn := e.adoptUDP(socket.(*net.UDPConn))
	const sent = 100
	for range sent {
		e.sendTo(conn, gone, "anybody there?")
	}
	eventually(t, "empty queue", func() bool { return sentAll(conn) })
	assert.NoError(t, conn.Err())

	// Now somebody is.
	here := rawUDP(t, gone.String())
	sendPacket(t, here, conn.LocalAddress(), packed("here"))
	assert.Equal(t, "here", string(e.next().Message()))
	before := conn.UDPDrops()
	assert.Less(t, before.Unsent, uint64(sent), "not each write is refused")
	eventually(t, "one that gets through", func() bool {
		e.sendTo(conn, gone, "hello")
		require.NoError(t, here.SetReadDeadline(time.Now().Add(100*time.Millisecond)))
		n, err := here.Read(make([]byte, 100))
		return err == nil && n == 7
	})

	// Elsewhere it does not send.
	raw := rawUDP(t, "127.0.0.1:0")
	before = conn.UDPDrops()
	e.sendTo(conn, netAddressOf(raw.LocalAddr()), "elsewhere")
	eventually(t, "the count", func() bool { return conn.UDPDrops().Unsent == before.Unsent+1 })
	e.requireNoReset()
}

var unreachable = &net.OpError{Op: "read", Net: "udp", Err: syscall.ECONNREFUSED}

func TestUDPReadErrors(t *testing.T) {
	t.Run("pass", func(t *testing.T) {
		piped(t, nil, func(t *testing.T, e *end, conn *Connection, pipe *packetPipe, _ chan packet) {
			start := time.Now()
			for range 10 {
				pipe.in <- packet{err: unreachable}
			}
			pipe.arrive("behind them")
			synctest.Wait()
			assert.Equal(t, []string{"behind them"}, e.drain())
			assert.Zero(t, time.Since(start), "a few errors cost nothing")
			for range 1000 {
				pipe.in <- packet{err: unreachable}
			}
			time.Sleep(time.Second)
			assert.NotEmpty(t, pipe.in, "it does not spin")
			assert.Less(t, len(pipe.in), 1000, "nor give up")
			assert.NoError(t, conn.Err())
			require.NoError(t, e.manager.Close())
		})
	})
	for _, cause := range []error{io.EOF, net.ErrClosed} {
		t.Run(cause.Error(), func(t *testing.T) {
			piped(t, nil, func(t *testing.T, e *end, conn *Connection, pipe *packetPipe, _ chan packet) {
				pipe.arrive("last")
				pipe.in <- packet{err: &net.OpError{Op: "read", Net: "udp", Err: cause}}
				synctest.Wait()
				assert.False(t, e.manager.ResetConnectionAvailable(), "not before what it received")
				assert.Equal(t, []string{"last"}, e.drain())
				assert.Same(t, conn, e.reset())
				assert.Equal(t, cause, conn.Err())
				assert.False(t, e.reader.IsConnectionOk(conn))
				<-pipe.closed
				e.requireNoReset(conn)
			})
		})
	}
}

func TestUDPWriteErrors(t *testing.T) {
	t.Run("closed while writing", func(t *testing.T) {
		piped(t, nil, func(t *testing.T, e *end, conn *Connection, pipe *packetPipe, _ chan packet) {
			pipe.write = func(packet) error { return net.ErrClosed }
			to := NetAddressFrom(udpAddr(9).AddrPort())
			e.sendTo(conn, to, "1")
			synctest.Wait()
			assert.ErrorIs(t, e.writer.SendTo(NewDatagram(nil), conn, to), net.ErrClosed)
			assert.Equal(t, UDPDrops{Unsent: 1}, conn.UDPDrops())
			time.Sleep(5 * time.Second) // CloseTimeout: what arrives is still read
			assert.Same(t, conn, e.reset())
			<-pipe.closed
		})
	})
	t.Run("refused", func(t *testing.T) {
		piped(t, nil, func(t *testing.T, e *end, conn *Connection, pipe *packetPipe, out chan packet) {
			to := NetAddressFrom(udpAddr(9).AddrPort())
			refused := 0
			pipe.write = func(sent packet) error {
				if refused++; refused%2 == 1 {
					return unreachable
				}
				out <- sent
				return nil
			}
			for i := range 10 {
				e.sendTo(conn, to, fmt.Sprint(i))
			}
			synctest.Wait()
			assert.Equal(t, UDPDrops{Unsent: 5}, conn.UDPDrops())
			var got []string
			for range len(out) {
				got = append(got, (<-out).data)
			}
			assert.Equal(t, []string{packed("1"), packed("3"), packed("5"), packed("7"), packed("9")}, got)
			assert.NoError(t, conn.Err())
		})
	})
}
