package queuednet

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// told reports whether a token comes, which it takes.
func told(notify <-chan struct{}) bool {
	select {
	case <-notify:
		return true
	case <-time.After(patience):
		return false
	}
}

func requireNotTold(t *testing.T, notify <-chan struct{}) {
	t.Helper()
	select {
	case <-notify:
		require.Fail(t, "a token though nothing was queued")
	default:
	}
}

// A token for what is queued, and none for what was there before, without a clock.
func TestNotify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnd(t, nil)
		conn, peer := e.pipe()
		notify := e.manager.Notify()
		require.True(t, told(notify), "the first call")
		requireNotTold(t, notify)

		write(t, peer, framed(2, "one")+framed(2, "two"))
		require.True(t, told(notify), "datagrams")
		synctest.Wait()
		var datagram NetDatagram
		require.True(t, e.reader.GetData(&datagram))
		requireNotTold(t, notify) // though one is left
		require.True(t, e.reader.GetData(&datagram))
		for range e.reader.Datagrams() {
		}

		write(t, peer, framed(2, "three"))
		synctest.Wait()
		for range e.reader.Datagrams() {
		}
		require.True(t, told(e.manager.Notify()), "what has been taken already")
		requireNotTold(t, notify)

		require.NoError(t, peer.Close())
		require.True(t, told(notify), "an end")
		require.Same(t, conn, e.reset())
		synctest.Wait()
		requireNotTold(t, notify)
		require.NoError(t, e.manager.Close())
		require.True(t, told(notify), "the end of the manager")
		requireNotTold(t, notify)
	})
}

// A loop that waits for nothing but Notify gets everything, whatever it comes over.
func TestNotifyOfEachKind(t *testing.T) {
	eachKind(t, nil, func(t *testing.T, e *end, conn *Connection, peer net.Conn) {
		const n = 200
		go func() {
			for range n {
				_, _ = peer.Write([]byte(framed(2, "x")))
			}
			_ = peer.Close()
		}()
		got, over := 0, false
		for !over {
			require.True(t, told(e.manager.Notify()), "after %d", got)
			for range e.reader.Datagrams() {
				got++
			}
			for range e.manager.ResetConnections() {
				over = true
			}
		}
		assert.Equal(t, n, got)
		assert.NotNil(t, conn.Err())
	})
}

func TestNotifyOfArrivals(t *testing.T) {
	e := newEnd(t, nil)
	notify := e.manager.Notify()
	require.True(t, told(notify))
	_, address := e.listen()
	dialRaw(t, address)
	require.True(t, told(notify), "a connection")
	conn := e.accept()
	conn.Abort()

	udp := e.udp("127.0.0.1:0")
	e.sendTo(udp, udp.LocalAddress(), "x")
	require.True(t, told(notify), "a packet")
}

func TestNotifyAfterClose(t *testing.T) {
	e := newEnd(t, nil)
	require.NoError(t, e.manager.Close())
	assert.True(t, told(e.manager.Notify()))
	assert.True(t, told(new(QueuedConnectionManager).Notify()))
}
