package queuednet

import (
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tcpUserTimeout is TCP_USER_TIMEOUT, which package syscall does not name on every architecture.
const tcpUserTimeout = 18

// requireKeepAlive reads back what the system has been told of a connection:
// idle 0 for no keep-alive, times in seconds, ack in milliseconds.
func requireKeepAlive(t *testing.T, conn *Connection, idle, interval, count, ack int) {
	t.Helper()
	get := func(number int) int { return intOption(t, conn, syscall.IPPROTO_TCP, number) }
	assert.Equal(t, idle != 0, isOn(t, conn, syscall.SOL_SOCKET, syscall.SO_KEEPALIVE))
	if idle != 0 {
		assert.Equal(t, []int{idle, interval, count},
			[]int{get(syscall.TCP_KEEPIDLE), get(syscall.TCP_KEEPINTVL), get(syscall.TCP_KEEPCNT)})
	}
	assert.Equal(t, ack, get(tcpUserTimeout))
}

func TestKeepAliveConfig(t *testing.T) {
	for name, test := range map[string]struct {
		config                     *Config
		idle, interval, count, ack int
	}{
		"defaults": {nil, 5, 2, 3, 10_000},
		"set": {&Config{KeepAliveIdle: 30 * time.Second, KeepAliveInterval: time.Second + 1, KeepAliveCount: 9, AckTimeout: time.Second + 1},
			30, 2, 9, 1001},
		"none": {&Config{KeepAliveIdle: -1, AckTimeout: -1}, 0, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			e, client := newEnd(t, test.config), newEnd(t, test.config)
			_, address := e.listen()
			opened := client.connect(address)
			for _, conn := range []*Connection{opened, e.accept()} {
				requireKeepAlive(t, conn, test.idle, test.interval, test.count, test.ack)
			}
			_, address = e.listenTLS()
			dialRaw(t, address)
			requireKeepAlive(t, e.accept(), test.idle, test.interval, test.count, test.ack)
		})
	}
	t.Run("a client of MPTCP", func(t *testing.T) {
		e := newEnd(t, nil)
		_, address := e.listen()
		var dialer net.Dialer
		dialer.SetMultipathTCP(true)
		raw, err := dialer.DialContext(t.Context(), "tcp", address)
		require.NoError(t, err)
		defer raw.Close()
		requireKeepAlive(t, e.accept(), 5, 2, 3, 10_000)
	})
	t.Run("adopted", func(t *testing.T) {
		e := newEnd(t, nil)
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer listener.Close()
		requireKeepAlive(t, e.adopt(dialRaw(t, listener.Addr().String())), 15, 15, 9, 0) // as package net has it
	})
}

func TestRoundTrip(t *testing.T) {
	e := newEnd(t, nil)
	conn, raw := e.raw()
	for range 10 {
		e.send(conn, "ping")
		read(t, raw, 6)
	}
	for _, c := range []*Connection{conn, newEnd(t, nil).adopt(raw)} {
		eventually(t, "a sample", func() bool {
			smoothed, variation, err := c.RoundTrip()
			require.NoError(t, err)
			assert.Less(t, smoothed, patience)
			assert.Less(t, variation, patience)
			return smoothed > 0 && variation > 0
		})
	}
	require.True(t, e.manager.CloseConnection(conn))
	raw.Close() // perhaps closed already
	e.requireNoReset(conn)
	_, _, err := conn.RoundTrip()
	assert.ErrorIs(t, err, net.ErrClosed)
}

// AckTimeout gives way to WriteTimeout while the peer has no room, and comes
// back with it. With the former alone the connection would end.
func TestAPeerWithoutRoomIsNotDead(t *testing.T) {
	t.Parallel()
	const ack, write = 3 * time.Second, time.Hour // in which the sweep has to run on a busy machine
	e := newEnd(t, &Config{AckTimeout: ack, WriteTimeout: write})
	conn, raw := e.raw()
	timeout := func() int { return intOption(t, conn, syscall.IPPROTO_TCP, tcpUserTimeout) }
	const size = 1 << 16
	sent := 0
	for sent < 40 { // some of it stays in this system's buffer
		e.send(conn, string(make([]byte, size-3)))
		sent++
	}
	eventually(t, "a peer without room", func() bool { return conn.stream.acks.shut.Load() })
	assert.Equal(t, int(write.Milliseconds()), timeout())
	time.Sleep(2 * ack) // the time that it would have had
	require.NoError(t, conn.Err())

	read(t, raw, sent*(size-1))
	eventually(t, "a peer with room", func() bool { return !conn.stream.acks.shut.Load() })
	assert.Equal(t, int(ack.Milliseconds()), timeout())
	eventually(t, "the end of the sweep", func() bool {
		e.manager.acks.mu.Lock()
		defer e.manager.acks.mu.Unlock()
		return !e.manager.acks.sweeping && !conn.stream.acks.listed.Load()
	})
	e.send(conn, "again")
	assert.Equal(t, framed(2, "again"), read(t, raw, 7))
	require.NoError(t, conn.Err())
}

// Addresses of 127.0.0.0/8 are different peers.
func TestMaxConnectionsPerAddress(t *testing.T) {
	e := newEnd(t, &Config{MaxConnectionsPerAddress: 2})
	_, address := e.listen()
	dial := func(host string) net.Conn {
		raw, err := dialFrom(host, address)
		require.NoError(t, err)
		t.Cleanup(func() { raw.Close() })
		return raw
	}
	var conns []*Connection
	var raws []net.Conn
	for _, host := range []string{"127.0.0.2", "127.0.0.3"} {
		for range 2 {
			raws = append(raws, dial(host))
			conn := e.accept()
			assert.Equal(t, host, conn.Address().IPString())
			conns = append(conns, conn)
		}
		requireRefused(t, host, address)
	}
	assert.Equal(t, Refusals{PerAddress: 2}, e.manager.Refusals())
	require.NoError(t, raws[0].Close())
	assert.Same(t, conns[0], e.reset())
	e.requireNoReset(conns[0])
	requireRefused(t, "127.0.0.3", address)
	dial("127.0.0.2")
	e.accept()
	assert.Equal(t, Refusals{PerAddress: 3}, e.manager.Refusals())
}
