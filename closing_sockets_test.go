package queuednet

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An opaqueConn shows nothing of what it wraps, a layerConn shows it.
type opaqueConn struct{ net.Conn }

type layerConn struct{ net.Conn }

func (c layerConn) NetConn() net.Conn { return c.Conn }

// tcpPair returns both ends of a connection of TCP.
func tcpPair(t testing.TB) (near, far *net.TCPConn) {
	listener := listenRaw(t, "tcp4", "127.0.0.1:0")
	defer listener.Close()
	far = dialRaw(t, listener.Addr().String())
	accepted, err := listener.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { accepted.Close() })
	return accepted.(*net.TCPConn), far
}

// tlsPeer completes the handshake of a client.
func tlsPeer(t testing.TB, far net.Conn) net.Conn {
	client := tlsClient(far)
	require.NoError(t, client.Handshake())
	return client
}

// socketKinds are the kinds of sockets that a stream may have: each returns a
// connection of an end and its peer.
var socketKinds = map[string]func(e *end) (*Connection, net.Conn){
	"TCP": func(e *end) (*Connection, net.Conn) { return e.raw() },
	"adopted TCP": func(e *end) (*Connection, net.Conn) {
		near, far := tcpPair(e.t)
		return e.adopt(near), far
	},
	"TLS": func(e *end) (*Connection, net.Conn) {
		near, far := tcpPair(e.t)
		return e.adopt(tlsServer(near)), tlsPeer(e.t, far)
	},
	"TLS over a layer": func(e *end) (*Connection, net.Conn) {
		near, far := tcpPair(e.t)
		return e.adopt(tlsServer(layerConn{near})), tlsPeer(e.t, far)
	},
	"two layers": func(e *end) (*Connection, net.Conn) {
		near, far := tcpPair(e.t)
		return e.adopt(layerConn{layerConn{near}}), far
	},
	"layer over TLS": func(e *end) (*Connection, net.Conn) {
		near, far := tcpPair(e.t)
		return e.adopt(layerConn{tlsServer(near)}), tlsPeer(e.t, far)
	},
	"opaque": func(e *end) (*Connection, net.Conn) {
		near, far := tcpPair(e.t)
		return e.adopt(opaqueConn{near}), far
	},
	"pipe": func(e *end) (*Connection, net.Conn) {
		near, far := net.Pipe()
		e.t.Cleanup(func() { far.Close() })
		return e.adopt(near), far
	},
}

// eachKind runs a test for every kind of socket but some.
func eachKind(t *testing.T, config *Config, test func(t *testing.T, e *end, conn *Connection, peer net.Conn), but ...string) {
	for name, open := range socketKinds {
		t.Run(name, func(t *testing.T) {
			for _, kind := range but {
				if kind == name {
					t.Skip("AdoptConnection says that it cannot")
				}
			}
			e := newEnd(t, config)
			conn, peer := open(e)
			require.NoError(t, peer.SetDeadline(time.Now().Add(patience)))
			test(t, e, conn, peer)
		})
	}
}

// requireBrokenOff reads until the end, which must not be a clean one.
func requireBrokenOff(t *testing.T, peer net.Conn) {
	t.Helper()
	_, err := io.Copy(io.Discard, peer)
	require.Error(t, err, "a clean end")
	require.False(t, isTimeout(err), "no end: %v", err)
}

func TestWhatIsGivenUpIsNoCleanEnd(t *testing.T) {
	cannot := []string{"opaque", "pipe"}
	t.Run("overflow", func(t *testing.T) {
		eachKind(t, nil, func(t *testing.T, e *end, conn *Connection, peer net.Conn) {
			var err error
			for sent := 0; err == nil && sent < 10_000; sent++ {
				err = e.writer.Send(NewDatagram(make([]byte, 60_000)), conn)
			}
			require.ErrorIs(t, err, ErrSendQueueFull)
			require.Same(t, conn, e.reset())
			requireBrokenOff(t, peer)
		}, cannot...)
	})
	t.Run("WriteTimeout", func(t *testing.T) {
		eachKind(t, &Config{WriteTimeout: 50 * time.Millisecond, MaxSendQueue: 64 << 20}, func(t *testing.T, e *end, conn *Connection, peer net.Conn) {
			fill(e, conn)
			require.Same(t, conn, e.reset())
			require.ErrorIs(t, conn.Err(), ErrWriteTimeout)
			requireBrokenOff(t, peer)
		}, cannot...)
	})
	t.Run("CloseTimeout", func(t *testing.T) {
		eachKind(t, &Config{CloseTimeout: 50 * time.Millisecond, MaxSendQueue: 64 << 20}, func(t *testing.T, e *end, conn *Connection, peer net.Conn) {
			fill(e, conn)
			require.True(t, e.manager.CloseConnection(conn))
			e.requireNoReset(conn)
			requireBrokenOff(t, peer)
		}, cannot...)
	})
	t.Run("Close of the manager", func(t *testing.T) {
		eachKind(t, &Config{CloseTimeout: 50 * time.Millisecond, MaxSendQueue: 64 << 20}, func(t *testing.T, e *end, conn *Connection, peer net.Conn) {
			fill(e, conn)
			require.Error(t, e.manager.Close())
			requireBrokenOff(t, peer)
		}, cannot...)
	})
}

// fill sends more than the system's buffers hold. On a slow machine WriteTimeout
// may pass meanwhile.
func fill(e *end, conn *Connection) {
	datagram := NewDatagram(make([]byte, 60_000))
	for range 300 {
		err := e.writer.Send(datagram, conn)
		if errors.Is(err, ErrWriteTimeout) {
			return
		}
		require.NoError(e.t, err)
	}
}

func TestWhatIsCompleteEndsClean(t *testing.T) {
	eachKind(t, &Config{CloseTimeout: time.Hour}, func(t *testing.T, e *end, conn *Connection, peer net.Conn) {
		e.send(conn, "the last word")
		require.True(t, e.manager.CloseConnection(conn))
		got, err := io.ReadAll(peer) // long before CloseTimeout
		require.NoError(t, err)
		assert.Equal(t, framed(2, "the last word"), string(got))
		require.NoError(t, peer.Close())
		e.requireNoReset(conn)
	})
}

// A TLS connection cannot be half-closed before its handshake.
func TestCloseBeforeTheHandshake(t *testing.T) {
	e := newEnd(t, &Config{CloseTimeout: time.Hour})
	near, far := tcpPair(t)
	conn := e.adopt(tlsServer(near))
	require.True(t, e.manager.CloseConnection(conn))
	_, err := io.ReadAll(far)
	require.NoError(t, err)
	e.requireNoReset(conn)
}

// A tellingConn is told why it is closed.
type tellingConn struct {
	net.Conn
	told chan error
}

func (c tellingConn) CloseWithReason(reason error) error {
	c.told <- reason
	return c.Conn.Close()
}

func (c tellingConn) Close() error { panic("CloseWithReason stands in its place") }

func TestCloseWithReason(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(e *end, conn *Connection, far net.Conn)
		want []error
	}{
		"the program":  {func(e *end, conn *Connection, _ net.Conn) { e.manager.CloseConnection(conn) }, []error{net.ErrClosed}},
		"the manager":  {func(e *end, _ *Connection, _ net.Conn) { e.manager.Close() }, []error{net.ErrClosed, ErrManagerClosed}},
		"the peer":     {func(_ *end, _ *Connection, far net.Conn) { far.Close() }, []error{io.EOF}},
		"in the midst": {func(_ *end, _ *Connection, far net.Conn) { far.Write([]byte{9}); far.Close() }, []error{io.ErrUnexpectedEOF}},
		"given up": {func(e *end, conn *Connection, _ net.Conn) {
			for e.writer.Send(NewDatagram(make([]byte, 60_000)), conn) == nil {
			}
		}, []error{ErrSendQueueFull, ErrGivenUp}},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnd(t, nil)
			near, far := net.Pipe()
			defer far.Close()
			told := make(chan error, 2)
			conn := e.adopt(tellingConn{near, told})
			test.end(e, conn, far)
			reason := <-told
			for _, err := range test.want {
				assert.ErrorIs(t, reason, err)
			}
			assert.Equal(t, len(test.want) > 1 && test.want[1] == ErrGivenUp, errors.Is(reason, ErrGivenUp))
			require.NoError(t, e.manager.Close())
			assert.Empty(t, told, "once")
		})
	}
	t.Run("too long", func(t *testing.T) {
		e := newEnd(t, &Config{TCPHeaderSize: 4})
		near, far := net.Pipe()
		defer far.Close()
		told := make(chan error, 1)
		e.adopt(tellingConn{near, told})
		write(t, far, "\xff\xff\xff\x7f")
		var tooLong *DatagramTooLongError
		assert.ErrorAs(t, <-told, &tooLong)
	})
}
