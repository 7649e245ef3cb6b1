//go:build unix

package queuednet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// option reads a socket option back from the system.
func option[T any](t *testing.T, conn *Connection, get func(fd int) (T, error)) T {
	t.Helper()
	raw, err := conn.systemSocket().(syscall.Conn).SyscallConn()
	require.NoError(t, err)
	var value T
	controlErr := raw.Control(func(fd uintptr) { value, err = get(int(fd)) })
	require.NoError(t, controlErr)
	require.NoError(t, err)
	return value
}

func intOption(t *testing.T, conn *Connection, level, number int) int {
	t.Helper()
	return option(t, conn, func(fd int) (int, error) { return syscall.GetsockoptInt(fd, level, number) })
}

func isOn(t *testing.T, conn *Connection, level, number int) bool {
	t.Helper()
	return intOption(t, conn, level, number) != 0
}

// linger reads SO_LINGER, two ints, which package syscall has no function for:
// another option of two times four bytes does it.
func linger(t *testing.T, conn *Connection) (on bool, seconds int) {
	t.Helper()
	value := option(t, conn, func(fd int) (*syscall.IPMreq, error) {
		return syscall.GetsockoptIPMreq(fd, syscall.SOL_SOCKET, syscall.SO_LINGER)
	})
	return value.Multiaddr != [4]byte{}, int(binary.NativeEndian.Uint32(value.Interface[:]))
}

// requireSocketOptions sets those that a stream and a rendezvous have, and reads them back.
func requireSocketOptions(t *testing.T, conn *Connection, ipv6 bool) {
	t.Helper()
	for _, size := range []int{20_000, 40_000, 30_000} {
		require.NoError(t, conn.SetRecvBufferSize(size))
		require.NoError(t, conn.SetSendBufferSize(size))
		for _, number := range []int{syscall.SO_RCVBUF, syscall.SO_SNDBUF} {
			value := intOption(t, conn, syscall.SOL_SOCKET, number)
			assert.GreaterOrEqual(t, value, size)
			assert.LessOrEqual(t, value, 2*size, "Linux doubles it for its own use")
		}
	}
	for _, on := range []bool{true, false, true} {
		require.NoError(t, conn.SetReuseAddr(on))
		assert.Equal(t, on, isOn(t, conn, syscall.SOL_SOCKET, syscall.SO_REUSEADDR))
	}

	level, hops, tos := syscall.IPPROTO_IP, syscall.IP_TTL, syscall.IP_TOS
	if ipv6 {
		level, hops, tos = syscall.IPPROTO_IPV6, syscall.IPV6_UNICAST_HOPS, syscall.IPV6_TCLASS
	}
	// Go listens with Multipath TCP, which does not have all of them in Linux.
	missing := func(err error) bool { return conn.listening != nil && errors.Is(err, errors.ErrUnsupported) }
	for _, value := range []int{1, 255, 77} {
		if err := conn.SetIPTimeToLive(value); !missing(err) {
			require.NoError(t, err)
			assert.Equal(t, value, intOption(t, conn, level, hops))
			assert.ErrorIs(t, conn.SetIPTimeToLive(256), syscall.EINVAL)
			assert.Equal(t, value, intOption(t, conn, level, hops), "unchanged")
		}
	}
	for _, value := range []int{0x10, 0, 0x88} {
		if err := conn.SetIPTypeOfService(value); !missing(err) {
			require.NoError(t, err)
			assert.Equal(t, value, intOption(t, conn, level, tos))
		}
	}
	assert.NoError(t, conn.SetMaxSegment(900))
	assert.ErrorIs(t, conn.SetMaxSegment(1), syscall.EINVAL)
}

// requireStreamOptions does so with those of a stream.
func requireStreamOptions(t *testing.T, conn *Connection) {
	t.Helper()
	noDelay := func() bool { return isOn(t, conn, syscall.IPPROTO_TCP, syscall.TCP_NODELAY) }
	keepAlive := func() bool { return isOn(t, conn, syscall.SOL_SOCKET, syscall.SO_KEEPALIVE) }
	assert.True(t, noDelay(), "default")
	assert.True(t, keepAlive(), "default")
	for _, on := range []bool{false, true} {
		require.NoError(t, conn.SetNoDelay(on))
		assert.Equal(t, on, noDelay())
		require.NoError(t, conn.SetKeepAlive(on))
		assert.Equal(t, on, keepAlive())
	}

	on, _ := linger(t, conn)
	assert.False(t, on, "default")
	for timeout, want := range map[time.Duration]int{
		0: 0, -time.Second: 0, time.Nanosecond: 1, time.Second: 1, time.Second + 1: 2, 10 * time.Second: 10,
	} {
		require.NoError(t, conn.SetLinger(true, timeout))
		on, seconds := linger(t, conn)
		assert.True(t, on)
		if runtime.GOOS != "darwin" { // which reads it back in ticks of the clock
			assert.Equal(t, want, seconds, timeout)
		}
	}
	require.NoError(t, conn.SetLinger(false, time.Hour))
	on, _ = linger(t, conn)
	assert.False(t, on)
}

// listenAt returns the port of a rendezvous of one version of IP, or of both.
func (e *end) listenAt(host string, dualStack bool) (port int) {
	e.t.Helper()
	if dualStack {
		_, port = e.everywhere()
	} else {
		rendezvous, err := e.manager.OpenTCPServerRendezvousAt(mustAddress(e.t, net.JoinHostPort(host, "0")), 10)
		require.NoError(e.t, err)
		require.NoError(e.t, e.listener.AddConnection(rendezvous))
		port = rendezvous.LocalAddress().Port()
	}
	return port
}

func TestOptionsOfAStream(t *testing.T) {
	for _, test := range []struct {
		name, host string
		dualStack  bool
	}{
		{"IPv4", "127.0.0.1", false},
		{"IPv4 at a dual-stack rendezvous", "127.0.0.1", true},
		{"IPv6", "::1", false},
		{"IPv6 at a dual-stack rendezvous", "::1", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.host == "::1" || test.dualStack {
				needIPv6(t)
			}
			e, client := newEnd(t, nil), newEnd(t, nil)
			port := e.listenAt(test.host, test.dualStack)

			opened := client.connect(net.JoinHostPort(test.host, strconv.Itoa(port)))
			for _, conn := range []*Connection{opened, e.accept()} {
				requireStreamOptions(t, conn)
				requireSocketOptions(t, conn, test.host == "::1")
			}
		})
	}
	t.Run("TLS", func(t *testing.T) {
		e := newEnd(t, nil)
		_, address := e.listenTLS()
		opened := e.connectTLS(address)
		for _, conn := range []*Connection{opened, e.accept()} {
			requireStreamOptions(t, conn)
			requireSocketOptions(t, conn, false)
		}
	})
	t.Run("unix socket", func(t *testing.T) {
		e := newEnd(t, nil)
		near, _ := unixPair(t)
		conn, err := e.manager.AdoptConnection(near)
		require.NoError(t, err)
		requireUnsupported(t, conn, streamSettings...)
		requireUnsupported(t, conn, socketSettings[3:]...) // those of IP and TCP
		require.NoError(t, conn.SetSendBufferSize(20_000))
		assert.GreaterOrEqual(t, intOption(t, conn, syscall.SOL_SOCKET, syscall.SO_SNDBUF), 20_000)
	})
}

func TestOptionsOfARendezvous(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "0.0.0.0", "::1", "::"} {
		t.Run(host, func(t *testing.T) {
			ipv6 := host[0] == ':'
			if ipv6 {
				needIPv6(t)
			}
			e := newEnd(t, nil)
			rendezvous, err := e.manager.OpenTCPServerRendezvousAt(mustAddress(t, net.JoinHostPort(host, "0")), 10)
			require.NoError(t, err)
			assert.True(t, isOn(t, rendezvous, syscall.SOL_SOCKET, syscall.SO_REUSEADDR), "default")
			requireSocketOptions(t, rendezvous, ipv6)
		})
	}
}

// The longest segment is agreed when a connection is made, so that a rendezvous
// is the place for it.
func TestOptionMaxSegmentIsThatOfAcceptedConnections(t *testing.T) {
	e := newEnd(t, nil)
	rendezvous, address := e.listen()
	for _, size := range []int{1000, 700} {
		require.NoError(t, rendezvous.SetMaxSegment(size))
		assert.Equal(t, size, intOption(t, rendezvous, syscall.IPPROTO_TCP, syscall.TCP_MAXSEG))
		dialRaw(t, address)
		conn := e.accept()
		segment := intOption(t, conn, syscall.IPPROTO_TCP, syscall.TCP_MAXSEG)
		assert.LessOrEqual(t, segment, size)
		assert.Greater(t, segment, size/2, fmt.Sprint("not the system's least for ", size))
	}
}
