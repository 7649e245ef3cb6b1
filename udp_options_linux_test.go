package queuednet

import (
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A socket for both versions of IP has the options of both.
func TestUDPDualStackOptions(t *testing.T) {
	needIPv6(t)
	e := newEnd(t, nil)
	conn := e.udpEverywhere()
	require.NoError(t, conn.SetIPTimeToLive(3))
	require.NoError(t, conn.SetIPTypeOfService(16))
	raw, err := conn.packets.socket.(*net.UDPConn).SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) {
		for _, o := range []struct{ level, number, want int }{
			{syscall.IPPROTO_IP, syscall.IP_TTL, 3},
			{syscall.IPPROTO_IPV6, syscall.IPV6_UNICAST_HOPS, 3},
			{syscall.IPPROTO_IP, syscall.IP_TOS, 16},
			{syscall.IPPROTO_IPV6, syscall.IPV6_TCLASS, 16},
		} {
			got, err := syscall.GetsockoptInt(int(fd), o.level, o.number)
			assert.NoError(t, err)
			assert.Equal(t, o.want, got, "%+v", o)
		}
	}))
}
