package conformance_test

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/internal/testnet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// limited runs a test in a bubble with a reader bounded in datagrams. Feed
// lets datagrams arrive, and returns when they have.
func limited(datagrams int, test func(t *testing.T, e *end, feed func(payloads ...string))) func(t *testing.T) {
	return func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			e := newEnd(t, nil)
			e.Reader.SetMaxQueueSize(datagrams)
			_, far := e.pipe()
			test(t, e, func(payloads ...string) {
				testnet.Write(t, far, testnet.Framed(2, payloads...))
				synctest.Wait()
			})
		})
	}
}

// endedRendezvous returns a rendezvous whose end is reported: its socket was closed.
func (e *end) endedRendezvous() *queuednet.Connection {
	e.T.Helper()
	listener := testnet.NewPipeListener()
	require.NoError(e.T, listener.Close())
	rendezvous, err := e.Manager.AdoptRendezvous(listener)
	require.NoError(e.T, err)
	require.NoError(e.T, e.Listener.AddConnection(rendezvous))
	for rendezvous.Err() == nil {
		runtime.Gosched()
	}
	return rendezvous
}

var queueRows = []row{
	{40, "reader_queue_bound", func(t *testing.T) {
		limited(2, func(t *testing.T, e *end, feed func(...string)) {
			assert.Equal(t, 2, e.Reader.MaxQueueSize())
			feed("1", "2")
			assert.False(t, e.Reader.OverflowFlag())
			feed("3")
			assert.True(t, e.Reader.OverflowFlag())
			assert.Equal(t, 2, e.Reader.CurrentQueueSize())
			assert.Equal(t, []string{"1", "2"}, e.drain(), "the oldest")

			feed("4", "5", "6", "7") // in one piece
			assert.Equal(t, 2, e.Reader.CurrentQueueSize())
			assert.Equal(t, []string{"4", "5"}, e.drain())
		})(t)

		// That is an option. By default there is no bound in datagrams, and a
		// peer is slowed, not robbed.
		limited(-1, func(t *testing.T, e *end, _ func(...string)) {
			other := queuednet.NewQueuedConnectionReader(e.Manager)
			assert.Equal(t, -1, other.MaxQueueSize())
			conn, far := e.pipe()
			const count = 100_000
			go testnet.Write(t, far, strings.Repeat(testnet.Framed(2, "some more"), count))
			synctest.Wait()
			assert.True(t, isHeldBack(conn), "the peer waits")
			got := 0
			for got < count {
				got += len(e.drain())
				synctest.Wait()
			}
			assert.Equal(t, count, got)
			assert.False(t, e.Reader.OverflowFlag())
		})(t)
	}},
	{41, "reset_overflow_flag", limited(1, func(t *testing.T, e *end, feed func(...string)) {
		feed("1", "2")
		assert.True(t, e.Reader.OverflowFlag())
		assert.True(t, e.Reader.OverflowFlag(), "it stays")
		e.drain()
		assert.True(t, e.Reader.OverflowFlag())
		e.Reader.ResetOverflowFlag()
		assert.False(t, e.Reader.OverflowFlag())
		feed("3")
		assert.False(t, e.Reader.OverflowFlag())
		feed("4")
		assert.True(t, e.Reader.OverflowFlag(), "the next drop")
	})},
	{42, "bound_0", limited(0, func(t *testing.T, e *end, feed func(...string)) {
		// In Panda3D data_available is true once although get_data finds nothing.
		// Here a bound of 0 drops everything, and nothing is available.
		assert.Equal(t, 0, e.Reader.MaxQueueSize())
		var datagram queuednet.NetDatagram
		for range 2 {
			feed("1", "2")
			assert.False(t, e.Reader.DataAvailable())
			assert.False(t, e.Reader.GetData(&datagram))
			assert.Empty(t, e.drain())
			assert.Zero(t, e.Reader.CurrentQueueSize())
			assert.True(t, e.Reader.OverflowFlag())
			e.Reader.ResetOverflowFlag()
		}
		e.Reader.SetMaxQueueSize(-7)
		assert.Equal(t, -1, e.Reader.MaxQueueSize(), "no bound")
		feed("3", "4")
		assert.Equal(t, []string{"3", "4"}, e.drain())
		assert.False(t, e.Reader.OverflowFlag())
	})},
	{43, "default_bounds", func(t *testing.T) {
		// Reader and writer are bounded in bytes a connection, not in datagrams.
		e := newEnd(t, nil)
		conn, _ := e.pipe() // its peer takes nothing
		sent, dg := 0, queuednet.NewDatagram(make([]byte, 1022))
		for e.Writer.Send(dg, conn) == nil {
			sent++
		}
		assert.Equal(t, 4<<10, sent, "4 MiB")
		full, far := e.pipe()
		go far.Write(slices.Repeat([]byte("\xfe\x03"+string(make([]byte, 1022))), 1000))
		testnet.Eventually(t, "full queue", func() bool { return isHeldBack(full) })
		assert.LessOrEqual(t, queuedBytes(full), 512<<10)
		assert.Greater(t, queuedBytes(full), 400<<10)
		assert.Same(t, conn, e.reset())

		// The reset queue keeps 50,000; the oldest goes first.
		ended := make([]*queuednet.Connection, 50_002)
		for i := range ended {
			ended[i] = e.endedRendezvous()
		}
		got := slices.Collect(e.Manager.ResetConnections())
		require.Len(t, got, 50_000)
		assert.Same(t, ended[2], got[0])
		assert.Same(t, ended[50_001], got[49_999])
		e.requireNoReset()
	}},
	{44, "lower_bound_on_a_filled_queue", limited(-1, func(t *testing.T, e *end, feed func(...string)) {
		feed("1", "2", "3")
		feed("4")
		e.Reader.SetMaxQueueSize(2)
		assert.Equal(t, 4, e.Reader.CurrentQueueSize())
		assert.False(t, e.Reader.OverflowFlag())
		var datagram queuednet.NetDatagram
		require.True(t, e.Reader.GetData(&datagram))
		assert.Equal(t, []string{"2", "3", "4"}, e.drain(), "nothing is dropped")
		feed("5", "6", "7")
		assert.Equal(t, []string{"5", "6"}, e.drain())
		e.Reader.SetMaxQueueSize(3)
		feed("8", "9", "10", "11")
		assert.Equal(t, []string{"8", "9", "10"}, e.drain())
	})},
	{111, "full_queue_of_a_writer", func(t *testing.T) {
		// A writer has no queue of its own and never waits. What bounds it is
		// MaxSendQueue of each connection, in bytes: who is over it has ended.
		synctest.Test(t, func(t *testing.T) {
			e := newEnd(t, &queuednet.Config{MaxSendQueue: 30})
			conn, _ := e.pipe() // its peer takes nothing
			start := time.Now()
			dg := queuednet.NewDatagram([]byte("ten bytes.")[:8])
			for range 3 {
				assert.NoError(t, e.Writer.Send(dg, conn))
			}
			assert.ErrorIs(t, e.Writer.Send(dg, conn), queuednet.ErrSendQueueFull)
			assert.Zero(t, time.Since(start))
			assert.Same(t, conn, e.reset())
			assert.ErrorIs(t, conn.Err(), queuednet.ErrSendQueueFull)
		})
	}},
	{116, "poll_on_a_threaded_reader", func(t *testing.T) {
		t.Skip("there is no poll to call: goroutines of the manager read")
	}},
	{119, "net_max_poll_cycle_0", func(t *testing.T) {
		t.Skip("the variable is not offered: a drain ends by itself, and a loop over Datagrams can be left at any step")
	}},
	{142, "recent_connection_reader", func(t *testing.T) {
		e := newEnd(t, nil)
		recent := queuednet.NewRecentConnectionReader(e.Manager)
		conn, err := e.Manager.OpenUDPConnectionAt(mustAddress(t, "127.0.0.1:0"))
		require.NoError(t, err)
		require.NoError(t, recent.AddConnection(conn))
		raw := testnet.RawUDP(t, "127.0.0.1:0")
		var datagram queuednet.NetDatagram
		assert.False(t, recent.DataAvailable())
		assert.False(t, recent.GetData(&datagram))
		for round := range uint64(2) {
			sendPacket(t, raw, conn.LocalAddress(), testnet.Packed("older"))
			sendPacket(t, raw, conn.LocalAddress(), testnet.Packed("newer"))
			testnet.Eventually(t, "both", func() bool { return conn.Stats().Received.Datagrams == 2*(round+1) })
			assert.True(t, recent.DataAvailable())
			require.True(t, recent.GetData(&datagram))
			assert.Equal(t, "newer", string(datagram.Message()))
			assert.Same(t, conn, datagram.Connection(), "which Panda3D loses")
			assert.Equal(t, netAddressOf(raw.LocalAddr()), datagram.Address(), "this as well")
			assert.False(t, recent.GetData(&datagram))
			assert.False(t, recent.DataAvailable())
		}
		assert.False(t, recent.OverflowFlag())
		assert.Zero(t, conn.UDPDrops())
	}},
}
