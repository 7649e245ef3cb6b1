package queuednet

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// books returns a reader and a connection that has no goroutine.
func books(recent bool) (*QueuedConnectionReader, *Connection) {
	manager := NewQueuedConnectionManager(nil)
	r := NewQueuedConnectionReader(manager)
	r.queue.recent = recent
	s := &stream{carrier: lookedAt{}}
	s.Connection = Connection{manager: manager, stream: s}
	return r, &s.Connection
}

// lookedAt is a carrier that is only looked at.
type lookedAt struct{ carrier }

func (lookedAt) look() {}

// receive is what the goroutine of c does with a datagram of so many bytes.
func receive(r *QueuedConnectionReader, c *Connection, size int) {
	in := c.account()
	in.mu.Lock()
	defer in.mu.Unlock()
	due, _ := r.queue.gather(&span{conn: c, headerSize: 2}, nil, frames(1, size), 0)
	in.pay(due)
}

// The loop may drain a batch between the look that finds too much queued and
// the wait for less.
func TestAwaitWhatIsDrained(t *testing.T) {
	r, c := books(false)
	receive(r, c, 10)
	batch := c.account().charges[0].batch
	for range r.Datagrams() {
	}
	assert.False(t, r.queue.notifyWhenDrained(batch, c), "nobody would call")
	assert.Zero(t, r.queue.waits.Load())

	receive(r, c, 10)
	in := c.account()
	in.mu.Lock()
	defer in.mu.Unlock()
	assert.True(t, in.notifyWhenDrained(c))
	assert.True(t, in.notifyWhenDrained(c), "a second time costs nothing")
	assert.EqualValues(t, 1, r.queue.waits.Load())
}

// What is replaced is not held any more.
func TestHoldingsOfRecentReader(t *testing.T) {
	r, c := books(true)
	for _, size := range []int{10, 1000, 20} {
		receive(r, c, size)
		assert.EqualValues(t, 2+size, queuedBytes(c))
	}
}

// An end waits for all readers that the connection has been in.
func TestEndWaitsForEachReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnd(t, nil)
		conn, far := e.pipe()
		lobby := e.reader
		game := NewQueuedConnectionReader(e.manager)
		write(t, far, framed(2, "lobby"))
		synctest.Wait()
		require.True(t, lobby.RemoveConnection(conn))
		require.NoError(t, game.AddConnection(conn))
		write(t, far, framed(2, "game"))
		require.NoError(t, far.Close())
		synctest.Wait()
		var datagram NetDatagram
		for _, reader := range []*QueuedConnectionReader{game, lobby} {
			assert.False(t, e.manager.ResetConnectionAvailable())
			require.True(t, reader.GetData(&datagram))
		}
		got, ok := e.manager.GetResetConnection()
		assert.True(t, ok)
		assert.Same(t, conn, got)
	})
}
