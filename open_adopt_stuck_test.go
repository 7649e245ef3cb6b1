package queuednet

import (
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queuednet/queuednet/internal/testnet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAdoptAfterCloseClosesTheSocket(t *testing.T) {
	for name, e := range map[string]*end{
		"closed manager": newEnd(t, nil),
		"wrong config":   newEnd(t, &Config{TCPHeaderSize: 3}),
	} {
		t.Run(name, func(t *testing.T) {
			if name == "closed manager" {
				require.NoError(t, e.manager.Close())
			}
			near, far := net.Pipe()
			t.Cleanup(func() { near.Close(); far.Close() })
			_, err := e.manager.AdoptConnection(near)
			require.Error(t, err)
			eventually(t, "close of the socket, which is owned if it fails", func() bool {
				return near.SetDeadline(time.Time{}) == io.ErrClosedPipe
			})

			listener := newPipeListener()
			_, err = e.manager.AdoptRendezvous(listener)
			require.Error(t, err)
			select {
			case <-listener.Closed():
			case <-time.After(patience):
				assert.Fail(t, "owned and closed if it fails")
			}
		})
	}
}

// A TLS connection would tell its peer, and wait for one that takes nothing.
func TestAdoptThatFailsDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		manager := NewQueuedConnectionManager(&Config{TCPHeaderSize: 3})
		near, far := net.Pipe()
		client, server := tlsClient(near), tlsServer(far)
		go server.Handshake()
		require.NoError(t, client.Handshake())
		start := time.Now()
		_, err := manager.AdoptConnection(client)
		require.Error(t, err)
		assert.Zero(t, time.Since(start))
		server.NetConn().Close()
	})
}

func TestStalledHandshakeCostsOnlyItself(t *testing.T) {
	for name, hello := range map[string]string{
		"nothing":      "",
		"half a hello": "\x16\x03\x01\x02\x00\x01\x00",
	} {
		t.Run(name, func(t *testing.T) {
			e, client := newEnd(t, &Config{CloseTimeout: 100 * time.Millisecond}), newEnd(t, nil)
			_, address := e.listenTLS()
			raw := dialRaw(t, address)
			write(t, raw, hello)
			stalled := e.accept()
			e.send(stalled, "waits for the handshake")

			for range 3 {
				opened := client.connectTLS(address)
				good := e.accept()
				client.send(opened, "ping")
				assert.Equal(t, "ping", string(e.next().Message()))
				e.send(good, "pong")
				assert.Equal(t, "pong", string(client.next().Message()))
			}
			assert.NoError(t, stalled.Err())
			assert.True(t, e.manager.CloseConnection(stalled))
			e.requireNoReset(stalled)
		})
	}
}

// Nothing of what waits is taken, whatever the reason.
func TestStalledHandshakeEndsWithWriteTimeout(t *testing.T) {
	e := newEnd(t, &Config{WriteTimeout: 50 * time.Millisecond})
	_, address := e.listenTLS()
	dialRaw(t, address)
	stalled := e.accept()
	e.send(stalled, "waits for the handshake")
	assert.Same(t, stalled, e.reset())
	assert.ErrorIs(t, stalled.Err(), ErrWriteTimeout)
}

func TestTLSPeerThatTakesNothingEndsWithWriteTimeout(t *testing.T) {
	e := newEnd(t, &Config{WriteTimeout: 100 * time.Millisecond, MaxSendQueue: 64 << 20})
	good, goodClient, _ := e.rawTLS()
	stuck, _, raw := e.rawTLS()
	require.NoError(t, stuck.SetSendBufferSize(16<<10))
	require.NoError(t, raw.SetReadBuffer(16<<10))
	payload := NewDatagram(make([]byte, 60_000))
	for range 200 { // more than the system's buffers hold, less than the bound
		e.writer.Send(payload, stuck)
	}
	e.send(good, "pong")
	assert.Equal(t, framed(2, "pong"), read(t, goodClient, 6))
	assert.Same(t, stuck, e.reset())
	assert.ErrorIs(t, stuck.Err(), ErrWriteTimeout)
	assert.Equal(t, stuck.Err(), e.writer.Send(payload, stuck))
	write(t, goodClient, framed(2, "ping"))
	assert.Equal(t, "ping", string(e.next().Message()))
}

// The alert that ends a TLS connection must not take longer than CloseTimeout
// either: crypto/tls would wait 5 seconds for a peer that does not take it. A
// bubble of synctest is of no use here, as crypto/tls waits for locks.
func TestStuckTLSPeerDoesNotHoldClose(t *testing.T) {
	for name, before := range map[string]func(e *end, conn *Connection){
		"idle":             func(*end, *Connection) {},
		"with bytes to go": func(e *end, conn *Connection) { e.send(conn, "nobody takes it") },
		"after a write timeout": func(e *end, conn *Connection) {
			e.send(conn, "nobody takes it")
			assert.Same(e.t, conn, e.reset())
			assert.Equal(e.t, ErrWriteTimeout, conn.Err())
		},
		"closed": func(e *end, conn *Connection) { assert.True(e.t, e.manager.CloseConnection(conn)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testnet.RequireSoon(t, 4*time.Second, func() time.Duration {
				e := newEnd(t, &Config{WriteTimeout: time.Second, CloseTimeout: 50 * time.Millisecond})
				near, far := net.Pipe()
				t.Cleanup(func() { far.Close() })
				conn, client := e.adopt(tlsServer(near)), tlsClient(far)
				require.NoError(t, client.Handshake())
				e.send(conn, "hello")
				require.Equal(t, framed(2, "hello"), read(t, client, 7)) // and the server's tickets before it
				before(e, conn)
				start := time.Now()
				e.manager.Close()
				return time.Since(start)
			})
		})
	}
}

// A peer that breaks off is found out by a write. If the program then takes
// nothing for longer than reading goes on, that is the reason still.
func TestBrokenOffIsTheReasonOfASlowProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnd(t, &Config{MaxReceiveQueue: 1})
		near, far := newWire(1<<10, nil)
		conn := e.adopt(near)
		for _, text := range []string{"a", "b"} { // the second waits for the program to take the first
			far.offer([]byte(framed(2, text)))
			synctest.Wait()
		}
		require.NoError(t, far.Close())
		e.send(conn, "is anybody there?")
		time.Sleep(time.Hour)
		assert.Equal(t, []string{"a", "b"}, e.messages(2))
		assert.Same(t, conn, e.reset())
		assert.Equal(t, syscall.EPIPE, conn.Err())
	})
}
