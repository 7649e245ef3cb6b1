package queuednet

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// piped runs a test in a bubble with a connection of a packetPipe.
func piped(t *testing.T, config *Config, test func(t *testing.T, e *end, conn *Connection, pipe *packetPipe, out chan packet)) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnd(t, config)
		pipe, out := newPacketPipe()
		test(t, e, e.adoptUDP(pipe), pipe, out)
	})
}

// arrive lets payloads arrive from somewhere.
func (p *packetPipe) arrive(payloads ...string) {
	for _, payload := range payloads {
		p.in <- packet{data: packed(payload), peer: udpAddr(9)}
	}
}

func TestUDPReceiveQueueIsBounded(t *testing.T) {
	piped(t, &Config{MaxReceiveQueue: 100_000}, func(t *testing.T, e *end, conn *Connection, pipe *packetPipe, _ chan packet) {
		for range 2 {
			for i := range 10 {
				pipe.arrive(fmt.Sprint(i, strings.Repeat("x", 30_000)))
			}
			synctest.Wait()
			assert.True(t, e.reader.OverflowFlag())
			e.reader.ResetOverflowFlag()
			got := e.drain()
			assert.Len(t, got, 3, "the oldest")
			for i, payload := range got {
				assert.Equal(t, byte('0'+i), payload[0])
			}
			assert.False(t, e.reader.OverflowFlag())
		}
		assert.Equal(t, UDPDrops{Full: 14}, conn.UDPDrops())

		// Only what is not yet taken counts.
		pipe.arrive(strings.Repeat("z", 60_000))
		synctest.Wait()
		for range e.reader.Datagrams() {
			pipe.arrive("z")
		}
		synctest.Wait()
		assert.Equal(t, []string{"z"}, e.drain())
		assert.Equal(t, UDPDrops{Full: 14}, conn.UDPDrops())
	})
	piped(t, &Config{MaxReceiveQueue: 100}, func(t *testing.T, e *end, conn *Connection, pipe *packetPipe, _ chan packet) {
		pipe.arrive(strings.Repeat("y", 5000), "late")
		synctest.Wait()
		assert.Equal(t, []string{strings.Repeat("y", 5000)}, e.drain(), "one is always taken, whatever its length")
		assert.Equal(t, UDPDrops{Full: 1}, conn.UDPDrops())
	})
}

func TestUDPOneFullConnectionCostsNoOther(t *testing.T) {
	piped(t, &Config{MaxReceiveQueue: 1000}, func(t *testing.T, e *end, flooded *Connection, flood *packetPipe, _ chan packet) {
		pipe, _ := newPacketPipe()
		quiet := e.adoptUDP(pipe)
		for range 1000 {
			flood.arrive("flood")
		}
		synctest.Wait()
		pipe.arrive("quiet")
		synctest.Wait()
		got := e.drain()
		assert.LessOrEqual(t, len(got), 1000/len(packed("flood"))+1)
		assert.Equal(t, "quiet", got[len(got)-1])
		assert.Zero(t, quiet.UDPDrops())
		assert.NotZero(t, flooded.UDPDrops().Full)
	})
}

func TestUDPRemovedConnection(t *testing.T) {
	piped(t, nil, func(t *testing.T, e *end, conn *Connection, pipe *packetPipe, _ chan packet) {
		pipe.arrive("queued")
		synctest.Wait()
		require.True(t, e.reader.RemoveConnection(conn))
		assert.False(t, e.reader.RemoveConnection(conn))
		assert.False(t, e.reader.IsConnectionOk(conn))
		pipe.arrive("1", "2", "3")
		synctest.Wait()
		assert.Equal(t, []string{"queued"}, e.drain())
		assert.Len(t, pipe.in, 2, "all but one wait in the system")

		other := NewQueuedConnectionReader(e.manager)
		require.NoError(t, other.AddConnection(conn))
		synctest.Wait()
		assert.Empty(t, e.drain())
		var got []string
		for datagram := range other.Datagrams() {
			got = append(got, string(datagram.Message()))
		}
		assert.Equal(t, []string{"1", "2", "3"}, got)

		// A reader that is shut down is as good as none.
		other.Shutdown()
		pipe.arrive("4", "5")
		synctest.Wait()
		require.NoError(t, e.reader.AddConnection(conn))
		synctest.Wait()
		assert.Equal(t, []string{"4", "5"}, e.drain())
		assert.Zero(t, conn.UDPDrops())
	})
}

// While packets come without a pause, none enters after RemoveConnection has returned.
func TestUDPRemoveConnectionIsABarrier(t *testing.T) {
	e := newEnd(t, nil)
	pipe, _ := newPacketPipe()
	conn := e.adoptUDP(pipe)
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case pipe.in <- packet{data: packed("x"), peer: udpAddr(9)}:
			case <-stop:
				return
			}
		}
	}()
	for range 200 {
		e.next()
		require.True(t, e.reader.RemoveConnection(conn))
		for empty := 0; empty < 2; { // the first may just be the end of a drain
			if empty++; len(e.drain()) > 0 {
				empty = 0
			}
		}
		assert.Zero(t, e.reader.CurrentQueueSize())
		assert.Zero(t, queuedBytes(conn))
		require.NoError(t, e.reader.AddConnection(conn))
	}
	close(stop)
	<-stopped
}

// heldUp runs a test in a bubble with a connection that cannot write its ten packets
// until released.
func heldUp(t *testing.T, config *Config, test func(e *end, conn *Connection, pipe *packetPipe, out chan packet, release chan struct{})) {
	piped(t, config, func(t *testing.T, e *end, conn *Connection, pipe *packetPipe, out chan packet) {
		release := make(chan struct{})
		pipe.write = func(sent packet) error {
			select {
			case <-release:
				out <- sent
				return nil
			case <-pipe.writeEnd.passed():
				return syscall.EAGAIN
			case <-pipe.closed:
				return net.ErrClosed
			}
		}
		for i := range 10 {
			e.sendTo(conn, NetAddressFrom(udpAddr(9).AddrPort()), fmt.Sprint(i))
		}
		synctest.Wait()
		test(e, conn, pipe, out, release)
	})
}

// isClosed reports whether the socket is closed, once all is quiet.
func (pipe *packetPipe) isClosed() bool {
	synctest.Wait()
	select {
	case <-pipe.closed:
		return true
	default:
		return false
	}
}

func TestUDPClose(t *testing.T) {
	t.Run("what was sent goes out", func(t *testing.T) {
		heldUp(t, nil, func(e *end, conn *Connection, pipe *packetPipe, out chan packet, release chan struct{}) {
			require.True(t, e.manager.CloseConnection(conn))
			assert.False(t, e.manager.CloseConnection(conn))
			assert.Equal(t, net.ErrClosed, conn.Err())
			assert.ErrorIs(t, e.writer.SendTo(NewDatagram(nil), conn, conn.Address()), net.ErrClosed)
			assert.Equal(t, net.ErrClosed, e.reader.AddConnection(conn))
			assert.False(t, pipe.isClosed())
			close(release)
			assert.True(t, pipe.isClosed())
			require.Len(t, out, 10)
			for i := range 10 {
				assert.Equal(t, packed(fmt.Sprint(i)), (<-out).data)
			}
			assert.Zero(t, conn.UDPDrops())
			e.requireNoReset(conn)
		})
	})
	t.Run("within CloseTimeout", func(t *testing.T) {
		heldUp(t, &Config{CloseTimeout: 3 * time.Second}, func(e *end, conn *Connection, pipe *packetPipe, _ chan packet, _ chan struct{}) {
			start := time.Now()
			require.True(t, e.manager.CloseConnection(conn))
			<-pipe.closed
			assert.Equal(t, 3*time.Second, time.Since(start))
			assert.Equal(t, UDPDrops{Unsent: 10}, conn.UDPDrops())
			e.requireNoReset(conn)
		})
	})
}

func TestUDPCloseByTheManager(t *testing.T) {
	t.Run("by the manager", func(t *testing.T) {
		heldUp(t, &Config{CloseTimeout: 3 * time.Second}, func(e *end, conn *Connection, pipe *packetPipe, _ chan packet, _ chan struct{}) {
			unread, _ := newPacketPipe()
			_, err := e.manager.AdoptUDPConnection(unread)
			require.NoError(t, err)
			unread.arrive("nobody", "takes", "it")
			start := time.Now()
			e.manager.Close()
			assert.Equal(t, 3*time.Second, time.Since(start))
			assert.True(t, pipe.isClosed())
			assert.True(t, unread.isClosed())
		})
	})
	t.Run("by the manager, idle", func(t *testing.T) {
		piped(t, nil, func(t *testing.T, e *end, conn *Connection, pipe *packetPipe, out chan packet) {
			pipe.arrive("stays readable")
			e.sendTo(conn, NetAddressFrom(udpAddr(9).AddrPort()), "last")
			synctest.Wait()
			start := time.Now()
			require.NoError(t, e.manager.Close())
			assert.Zero(t, time.Since(start))
			assert.Equal(t, packed("last"), (<-out).data)
			assert.Equal(t, []string{"stays readable"}, e.drain())
			assert.Nil(t, conn.Manager())
			assert.False(t, e.manager.ResetConnectionAvailable())
		})
	})
}

func TestUDPWriteThatNeverEndsIsBrokenOff(t *testing.T) {
	heldUp(t, &Config{WriteTimeout: time.Second}, func(e *end, conn *Connection, pipe *packetPipe, out chan packet, release chan struct{}) {
		time.Sleep(3 * time.Second) // at most two pieces, of a WriteTimeout each
		assert.Equal(t, UDPDrops{Unsent: 10}, conn.UDPDrops())
		assert.NoError(t, conn.Err())
		close(release)
		e.sendTo(conn, NetAddressFrom(udpAddr(9).AddrPort()), "sent")
		synctest.Wait()
		assert.Equal(t, packed("sent"), (<-out).data)
	})
}

func TestUDPSendQueueIsBounded(t *testing.T) {
	piped(t, &Config{MaxSendQueue: 10_000}, func(t *testing.T, e *end, conn *Connection, pipe *packetPipe, out chan packet) {
		release := make(chan struct{})
		pipe.write = func(sent packet) error {
			<-release
			out <- sent
			return nil
		}
		to := NetAddressFrom(udpAddr(9).AddrPort())
		// fill sends until the queue is full, the first one being written.
		fill := func(size int) (sent int) {
			e.sendTo(conn, to, strings.Repeat("x", size))
			synctest.Wait()
			for sent = 1; e.writer.SendTo(NewDatagram(make([]byte, size)), conn, to) == nil; sent++ {
				require.Less(t, sent, 1000)
			}
			assert.ErrorIs(t, e.writer.SendTo(NewDatagram(make([]byte, size)), conn, to), ErrSendQueueFull)
			assert.NoError(t, conn.Err(), "which does not end it")
			return sent
		}
		sent := fill(100)
		// One is being written, and the last one begins before the bound.
		assert.Equal(t, 2+(10_000-2*102)/(102+targetSize), sent)
		close(release)
		synctest.Wait()
		assert.Len(t, out, sent)

		// The list of addresses counts as well: of what is tiny it is the most.
		release = make(chan struct{})
		sent += fill(0)
		close(release)
		synctest.Wait()
		assert.Len(t, out, sent)
		assert.Zero(t, conn.UDPDrops())
	})
}

// A socket may have addresses of another kind, and deadlines left from before.
func TestUDPAdoptedAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnd(t, nil)
		pipe, out := newPacketPipe()
		pipe.localAddr = &net.UnixAddr{Name: "somewhere", Net: "unixgram"}
		pipe.SetDeadline(time.Now().Add(-time.Second))
		conn := e.adoptUDP(pipe)
		assert.Zero(t, conn.LocalAddress())
		pipe.in <- packet{data: packed("nameless"), peer: nil}
		pipe.in <- packet{data: packed("mapped"), peer: &net.UDPAddr{IP: net.ParseIP("::ffff:10.1.2.3"), Port: 7}}
		synctest.Wait()
		var from []string
		for datagram := range e.reader.Datagrams() {
			from = append(from, datagram.Address().String())
		}
		assert.Equal(t, []string{"0.0.0.0:0", "10.1.2.3:7"}, from)
		e.sendTo(conn, mustAddress(t, "[fe80::1%lo]:5"), "there")
		synctest.Wait()
		assert.Equal(t, "[fe80::1%lo]:5", (<-out).peer.String())

		var addrErr *net.AddrError
		assert.ErrorAs(t, e.writer.SendTo(NewDatagram(nil), conn, NetAddress{}), &addrErr, "no port, no sending")
		assert.Empty(t, slices.Collect(e.manager.ResetConnections()))
	})
}
