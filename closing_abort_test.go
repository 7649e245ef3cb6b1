package queuednet

import (
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAbort(t *testing.T) {
	for _, closedBefore := range []bool{false, true} {
		t.Run(fmt.Sprintf("closed before: %v", closedBefore), func(t *testing.T) {
			eachKind(t, &Config{CloseTimeout: time.Hour, MaxSendQueue: 64 << 20}, func(t *testing.T, e *end, conn *Connection, peer net.Conn) {
				fill(e, conn)
				if closedBefore {
					require.True(t, e.manager.CloseConnection(conn))
				}
				conn.Abort()
				conn.Abort()
				assert.False(t, e.manager.CloseConnection(conn))
				assert.ErrorIs(t, conn.Err(), net.ErrClosed)
				e.requireNoReset(conn)
				requireBrokenOff(t, peer)
			}, "opaque", "pipe")
		})
	}
	t.Run("idle", func(t *testing.T) {
		eachKind(t, nil, func(t *testing.T, e *end, conn *Connection, peer net.Conn) {
			conn.Abort()
			e.requireNoReset(conn)
			requireBrokenOff(t, peer)
		}, "opaque", "pipe")
	})
	t.Run("frees the place at once", func(t *testing.T) {
		e := newEnd(t, &Config{MaxConnections: 1})
		conn, _ := e.raw()
		conn.Abort()
		e.manager.admission.mu.Lock()
		assert.Zero(t, e.manager.admission.total)
		e.manager.admission.mu.Unlock()
		e.requireNoReset(conn)
		assert.Zero(t, e.manager.admission.total, "once")
	})
	t.Run("other kinds", func(t *testing.T) {
		var none *Connection
		none.Abort()
		new(Connection).Abort()
		e := newEnd(t, nil)
		rendezvous, _ := e.listen()
		udp := e.udp("127.0.0.1:0")
		for _, conn := range []*Connection{rendezvous, udp} {
			conn.Abort()
			e.requireNoReset(conn)
			assert.ErrorIs(t, conn.Err(), net.ErrClosed)
		}
	})
}

// A peer that floods is not read for long after CloseConnection, and still gets
// the last message.
func TestAClosedFloodIsNotReadForLong(t *testing.T) {
	eachKind(t, &Config{CloseTimeout: time.Hour}, func(t *testing.T, e *end, conn *Connection, peer net.Conn) {
		read := make(chan string)
		go func() {
			got, _ := io.ReadAll(peer)
			read <- string(got)
		}()
		e.send(conn, "out")
		require.True(t, e.manager.CloseConnection(conn))
		sent, err := 0, error(nil)
		for b := make([]byte, 16<<10); err == nil; sent += len(b) {
			_, err = peer.Write(b)
		}
		assert.False(t, isTimeout(err), "%v", err)
		assert.Less(t, sent, 64<<20) // what was read, and what the system holds
		assert.Equal(t, framed(2, "out"), <-read)
		e.requireNoReset(conn)
	})
}

func TestDrainLimit(t *testing.T) {
	for rate, want := range map[int]int{0: 1 << 20, 1: 64 << 10, 100_000: 100_000, 1 << 30: 1 << 20} {
		assert.Equal(t, want, (&Config{MaxBytesPerSecond: rate}).discardLimit())
	}
}

// What has arrived is delivered whatever happens to the other direction.
func TestArrivedIsDeliveredAfterTheSendQueueIsFull(t *testing.T) {
	datagram := framed(2, string(make([]byte, 98)))
	eachKind(t, &Config{MaxReceiveQueue: 1 << 10}, func(t *testing.T, e *end, conn *Connection, peer net.Conn) {
		count := 0 // one read takes all that has come by then, however small the queue is
		for ; count < 200 || !waitsForRoom(conn); count++ {
			write(t, peer, datagram)
		}
		for e.writer.Send(NewDatagram(make([]byte, 60_000)), conn) == nil {
		}
		time.Sleep(2 * lookTime) // the read deadline has passed
		e.messages(count)
		require.Same(t, conn, e.reset())
		assert.ErrorIs(t, conn.Err(), ErrSendQueueFull)
	}, "pipe") // holds nothing: its peer's Write would wait
}
