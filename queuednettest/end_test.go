package queuednettest_test

import (
	"io"
	"net"
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

func send(t testing.TB, e *queuednettest.End, conn *queuednet.Connection, text string) {
	t.Helper()
	require.NoError(t, e.Writer.Send(queuednet.NewDatagram([]byte(text)), conn))
}

// Both ends are connected, and each has the other's address.
func TestPair(t *testing.T) {
	for name, run := range map[string]func(*testing.T, func(*testing.T)){
		"in a bubble": bubble,
		"outside":     func(t *testing.T, test func(*testing.T)) { test(t) },
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T) {
				server, client := queuednettest.Pair(t, nil)
				send(t, client, client.Conn, "hello")
				datagram := server.Next()
				assert.Equal(t, "hello", string(datagram.Message()))
				assert.Same(t, server.Conn, datagram.Connection())
				send(t, server, server.Conn, "welcome")
				assert.Equal(t, "welcome", string(client.Next().Message()))
				assert.Equal(t, server.Conn.Address(), client.Conn.LocalAddress())

				third := server.Socket.Join(nil)
				accepted := server.Accept()
				send(t, third, third.Conn, "me too")
				assert.Same(t, accepted, server.Next().Connection())

				client.Manager.CloseConnection(client.Conn)
				assert.Same(t, server.Conn, server.Ended())
				assert.ErrorIs(t, server.Conn.Err(), io.EOF)
				accepted.Abort()
				assert.Same(t, third.Conn, third.Ended())
			})
		})
	}
}

// Time in a bubble passes by itself while a test waits, and by nothing else.
func TestPairInVirtualTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		network := simulate.NewNetwork(1)
		server, client := queuednettest.Pair(t, &queuednettest.Options{
			Server:  &queuednet.Config{IdleTimeout: time.Hour},
			Network: network,
		})
		network.StartDelay(100*time.Millisecond, 100*time.Millisecond)
		start := time.Now()
		send(t, client, client.Conn, "late")
		server.Next()
		assert.Equal(t, 100*time.Millisecond, time.Since(start))
		time.Sleep(time.Hour)
		assert.ErrorIs(t, server.Ended().Err(), queuednet.ErrIdle)
		assert.Equal(t, time.Hour+100*time.Millisecond, time.Since(start).Round(time.Second/10))
	})
}

// What waits for something does not stop the time when something else is queued.
func TestNextWhileAnEndIsQueued(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server, client := queuednettest.Pair(t, nil)
		third := server.Socket.Join(nil)
		server.Accept()
		client.Conn.Abort()
		synctest.Wait()
		require.True(t, server.Manager.ResetConnectionAvailable())
		time.AfterFunc(time.Second, func() { send(t, third, third.Conn, "late") })
		assert.Equal(t, "late", string(server.Next().Message()))
	})
}

// The settings are the program's, and are not written to.
func TestPairSettings(t *testing.T) {
	bubble(t, func(t *testing.T) {
		config := &queuednet.Config{TCPHeaderSize: 4}
		server, client := queuednettest.Pair(t, &queuednettest.Options{Server: config, Client: config})
		assert.False(t, config.PoisonViews)
		assert.Equal(t, 4, client.Writer.TCPHeaderSize())
		send(t, client, client.Conn, "view")
		synctest.Wait()
		var kept []byte
		for datagram := range server.Reader.Datagrams() {
			kept = datagram.Message()
		}
		assert.Equal(t, "\xdb\xdb\xdb\xdb", string(kept))
	})
}

// A peer that takes nothing fills the connection and then the send queue; what is
// given up ends in a reset, what is not given up in an end.
func TestPairWithAPeerThatTakesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		server, client := queuednettest.Pair(t, &queuednettest.Options{
			Server: &queuednet.Config{MaxSendQueue: 100_000},
			Client: &queuednet.Config{MaxReceiveQueue: 1000},
		})
		var err error
		sent := 0
		for ; err == nil; sent++ {
			err = server.Writer.Send(queuednet.NewDatagram(make([]byte, 10_000)), server.Conn)
			synctest.Wait()
		}
		assert.ErrorIs(t, err, queuednet.ErrSendQueueFull)
		assert.Greater(t, sent, 15, "64 KiB on the way, and 100,000 in the queue")
		assert.ErrorIs(t, server.Ended().Err(), queuednet.ErrSendQueueFull)
		assert.ErrorIs(t, client.Ended().Err(), syscall.ECONNRESET)
	})
}

// A wait in vain ends the test with a message that says what did not come.
func TestWaitsInVain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for what, wait := range map[string]func(testing.TB, *queuednettest.End){
			"no datagram":            func(_ testing.TB, e *queuednettest.End) { e.Next() },
			"no connection":          func(_ testing.TB, e *queuednettest.End) { e.Accept() },
			"no end of a connection": func(_ testing.TB, e *queuednettest.End) { e.Ended() },
			net.ErrClosed.Error(): func(_ testing.TB, e *queuednettest.End) {
				e.Manager.Close()
				e.Next()
			},
			"joining: dial tcp 127.0.0.1:4000": func(t testing.TB, _ *queuednettest.End) {
				listener := queuednettest.NewListener(t, nil)
				listener.Close()
				listener.Join(nil)
			},
			"TCPHeaderSize": func(t testing.TB, _ *queuednettest.End) {
				queuednettest.Pair(t, &queuednettest.Options{Server: &queuednet.Config{TCPHeaderSize: 3}})
			},
		} {
			failed := &fatal{TB: t}
			start := time.Now()
			done := make(chan struct{})
			go func() {
				defer close(done)
				wait(failed, queuednettest.NewEnd(failed, nil))
			}()
			<-done
			failed.cleanUp()
			assert.Contains(t, failed.message, what)
			assert.LessOrEqual(t, time.Since(start), 10*time.Second)
		}
	})
}

// The end of a test takes no time, whatever the test has left: nobody reads a
// connection, or something waits to be sent. Only Close of a manager could wait.
func TestCleanupTakesNoTime(t *testing.T) {
	for name, leave := range map[string]func(server, client *queuednettest.End){
		"nothing":         func(_, _ *queuednettest.End) {},
		"nobody reads":    func(server, client *queuednettest.End) { unread(server); unread(client) },
		"much to be sent": func(server, client *queuednettest.End) { unread(server); fill(client); fill(server) },
		"one closed":      func(server, _ *queuednettest.End) { server.Manager.CloseConnection(server.Conn) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				inner := &fatal{TB: t}
				server, client := queuednettest.Pair(inner, nil)
				unread(server.Socket.Join(nil))
				server.Reader.RemoveConnection(server.Accept())
				leave(server, client)
				synctest.Wait()
				start := time.Now()
				inner.cleanUp()
				assert.Zero(t, time.Since(start))
			})
		})
	}
}

func unread(e *queuednettest.End) { e.Reader.RemoveConnection(e.Conn) }

func fill(e *queuednettest.End) {
	for range 20 {
		_ = e.Writer.Send(queuednet.NewDatagram(make([]byte, 60_000)), e.Conn)
	}
}
