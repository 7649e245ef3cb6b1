package queuednet

import (
	"errors"
	"math"
	"net"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A setting is an option with a value, as a call on a connection.
type setting struct {
	name string
	set  func(c *Connection) error
}

// Of a stream of TCP only.
var streamSettings = []setting{
	{"SetNoDelay", func(c *Connection) error { return c.SetNoDelay(true) }},
	{"SetKeepAlive", func(c *Connection) error { return c.SetKeepAlive(true) }},
	{"SetLinger", func(c *Connection) error { return c.SetLinger(true, time.Second) }},
}

// Of a rendezvous too.
var socketSettings = []setting{
	{"SetRecvBufferSize", func(c *Connection) error { return c.SetRecvBufferSize(20_000) }},
	{"SetSendBufferSize", func(c *Connection) error { return c.SetSendBufferSize(20_000) }},
	{"SetReuseAddr", func(c *Connection) error { return c.SetReuseAddr(true) }},
	{"SetIPTimeToLive", func(c *Connection) error { return c.SetIPTimeToLive(10) }},
	{"SetIPTypeOfService", func(c *Connection) error { return c.SetIPTypeOfService(0x10) }},
	{"SetMaxSegment", func(c *Connection) error { return c.SetMaxSegment(600) }},
}

// requireUnsupported asserts that each is refused, by name, as what the socket does not have.
func requireUnsupported(t *testing.T, conn *Connection, settings ...setting) {
	t.Helper()
	for _, s := range settings {
		err := s.set(conn)
		require.ErrorIs(t, err, errors.ErrUnsupported, s.name)
		require.ErrorContains(t, err, s.name)
	}
}

func TestOptionsUnsupported(t *testing.T) {
	t.Run("pipe", func(t *testing.T) {
		e := newEnd(t, nil)
		conn, far := e.pipe()
		requireUnsupported(t, conn, streamSettings...)
		requireUnsupported(t, conn, socketSettings...)
		e.requireExchange(conn, far)

		rendezvous, err := e.manager.AdoptRendezvous(newPipeListener())
		require.NoError(t, err)
		requireUnsupported(t, rendezvous, streamSettings...)
		requireUnsupported(t, rendezvous, socketSettings...)
	})
	t.Run("TLS over a pipe", func(t *testing.T) {
		e := newEnd(t, nil)
		near, far := net.Pipe()
		conn, err := e.manager.AdoptConnection(tlsServer(near))
		require.NoError(t, err)
		requireUnsupported(t, conn, streamSettings...)
		requireUnsupported(t, conn, socketSettings...)
		require.NoError(t, far.Close())
	})
	t.Run("rendezvous", func(t *testing.T) {
		e := newEnd(t, nil)
		rendezvous, _ := e.listen()
		requireUnsupported(t, rendezvous, streamSettings...)
	})
}

func TestOptionsAfterTheEnd(t *testing.T) {
	e := newEnd(t, &Config{CloseTimeout: -1})
	conn, raw := e.raw()
	lost, lostRaw := e.raw()
	rendezvous, _ := e.listen()
	for _, s := range append(streamSettings, socketSettings[:2]...) { // what every system with sockets has
		require.NoError(t, s.set(conn), s.name)
	}
	require.True(t, e.manager.CloseConnection(conn))
	require.True(t, e.manager.CloseConnection(rendezvous))
	require.NoError(t, raw.Close())
	require.NoError(t, lostRaw.Close())
	require.Same(t, lost, e.reset())
	e.requireNoReset(conn, lost, rendezvous)
	for _, s := range append(streamSettings, socketSettings[:2]...) {
		for _, ended := range []*Connection{conn, lost} {
			assert.ErrorIs(t, s.set(ended), net.ErrClosed, s.name)
		}
	}
	for _, s := range socketSettings[:2] {
		assert.ErrorIs(t, s.set(rendezvous), net.ErrClosed, s.name)
	}
}

// Values that the system has no room for are refused, not cut.
func TestOptionValuesBeyondTheSystem(t *testing.T) {
	if strconv.IntSize == 32 {
		t.Skip("no int is longer")
	}
	e := newEnd(t, nil)
	conn, _ := e.raw()
	for _, value := range []int64{1<<32 + 10, math.MaxInt32 + 1, math.MinInt32 - 1, math.MinInt64} {
		value := int(value)
		for name, err := range map[string]error{
			"SetIPTimeToLive":    conn.SetIPTimeToLive(value),
			"SetIPTypeOfService": conn.SetIPTypeOfService(value),
			"SetRecvBufferSize":  conn.SetRecvBufferSize(value),
			"SetSendBufferSize":  conn.SetSendBufferSize(value),
		} {
			require.ErrorIs(t, err, syscall.EINVAL, name)
			require.ErrorContains(t, err, strconv.Itoa(value))
		}
		_, err := e.manager.OpenTCPServerRendezvous(0, value)
		require.Error(t, err, "backlog")
	}
	require.NoError(t, conn.SetLinger(true, math.MaxInt64))
	require.NoError(t, conn.SetLinger(true, math.MinInt64))
	require.NoError(t, conn.SetLinger(false, 0))
}
