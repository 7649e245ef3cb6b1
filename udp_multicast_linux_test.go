package queuednet

import (
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"syscall"
	"testing"

	"github.com/queuednet/queuednet/internal/sockopt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// onLAN runs the test again in a namespace with two interfaces, v0 and w0, that have
// an address each, are not linked, and without a route to any group.
func onLAN(t *testing.T) bool {
	t.Helper()
	if !inNamespace(t) {
		return false
	}
	shell(t, `ip route del 224.0.0.0/4 dev lo
		ip link add w0 type veth peer name w1
		echo 0 >/proc/sys/net/ipv6/conf/w0/accept_dad || true
		ip link set w1 up
		ip link set w0 up
		ip addr add 10.77.0.1/24 dev v0
		ip addr add 10.77.1.1/24 dev w0
		`+awaitIPv6("w0"))
	return true
}

func shell(t *testing.T, commands string) {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "sh", "-e", "-c", commands).CombinedOutput()
	require.NoError(t, err, "%s", output)
}

// multicast opens a connection of a group and adds it to the reader.
func (e *end) multicast(group NetAddress, on Interface) *Connection {
	e.t.Helper()
	conn, err := e.manager.OpenUDPMulticast(group, on)
	require.NoError(e.t, err)
	require.NoError(e.t, e.reader.AddConnection(conn))
	return conn
}

// Each of two connections of one group and port has what was sent on its interface
// alone, and sends there.
func TestUDPMulticastOnAnInterface(t *testing.T) {
	if !onLAN(t) {
		return
	}
	for _, test := range []struct{ group, alone string }{
		{"239.77.1.2:0", "127.0.0.1:0"},
		{"[ff02::7175:1]:0", "[::1]:0"},
		{"[ff05::7175:1]:0", "[::1]:0"},
	} {
		t.Run(test.group, func(t *testing.T) {
			group := mustAddress(t, test.group)
			var ends []*end
			var conns []*Connection
			for _, name := range []string{"v0", "w0"} {
				e := newEnd(t, nil)
				conn := e.multicast(group, Interface{Name: name})
				require.NoError(t, group.SetPort(conn.LocalAddress().Port()))
				ends, conns = append(ends, e), append(conns, conn)
			}
			var froms []string
			for i, name := range []string{"v0", "w0"} {
				e := newEnd(t, nil)
				zero := group
				require.NoError(t, zero.SetPort(0))
				asker := e.multicast(zero, Interface{Name: name})
				e.sendTo(asker, group, "anybody on "+name)
				datagram := ends[i].next()
				assert.Equal(t, "anybody on "+name, string(datagram.Message()))
				froms = append(froms, datagram.Address().IPString())
				ends[i].sendTo(conns[i], datagram.Address(), "here")
				assert.Equal(t, "here", string(e.next().Message()))
				assert.Zero(t, asker.UDPDrops())
			}
			if !group.IsIPv6() {
				assert.Equal(t, []string{"10.77.0.1", "10.77.1.1"}, froms)
			}
			// What came over the one interface is nowhere queued for the other.
			for i, e := range ends {
				e.sendTo(conns[i], group, "the next")
				assert.Equal(t, "the next", string(e.next().Message()))
				assert.Zero(t, conns[i].UDPDrops())
			}
		})
	}
}

// An interface may have several addresses; its IP says which one of them is used.
func TestUDPMulticastFromAnAddress(t *testing.T) {
	if !onLAN(t) {
		return
	}
	shell(t, "ip addr add 10.77.9.9/24 dev v0")
	group := mustAddress(t, "239.77.1.2:0")
	e := newEnd(t, nil)
	conn := e.multicast(group, Interface{Name: "v0", IP: mustAddress(t, "10.77.9.9:0")})
	require.NoError(t, group.SetPort(conn.LocalAddress().Port()))
	e.sendTo(conn, group, "x")
	assert.Equal(t, "10.77.9.9", e.next().Address().IPString())
}

// Where the system has no route to a group, an interface that is up is taken: the
// LAN, or with no other the machine itself.
func TestUDPMulticastWithoutARoute(t *testing.T) {
	if !onLAN(t) {
		return
	}
	probe, err := net.ListenPacket("udp4", ":0")
	require.NoError(t, err)
	err = sockopt.Control(probe.(*net.UDPConn), func(fd uintptr) error {
		return sockopt.JoinGroup(fd, netip.MustParseAddr("239.77.1.2"), sockopt.GroupInterface{})
	})
	require.ErrorIs(t, err, syscall.ENODEV, "this test needs a machine without a route")
	require.NoError(t, probe.Close())
	for _, test := range []struct{ change, from string }{
		{"true", "10.77."}, // either of the two
		{"ip link set v0 down", "10.77.1.1"},
		{"ip link set w0 down", "127.0.0.1"},
	} {
		shell(t, test.change)
		group := mustAddress(t, "239.77.1.2:0")
		var ends []*end
		var conns []*Connection
		for range 2 {
			e := newEnd(t, nil)
			conn := e.udp(group.String())
			require.NoError(t, group.SetPort(conn.LocalAddress().Port()))
			ends, conns = append(ends, e), append(conns, conn)
		}
		ends[0].sendTo(conns[0], group, "to the LAN")
		for _, e := range ends {
			datagram := e.next()
			assert.Equal(t, "to the LAN", string(datagram.Message()))
			assert.Contains(t, datagram.Address().IPString(), test.from, test.change)
		}
		assert.Zero(t, conns[0].UDPDrops())
	}
	shell(t, "ip link set lo down")
	e := newEnd(t, nil)
	_, err = e.manager.OpenUDPConnectionAt(mustAddress(t, "239.77.1.2:0"))
	assert.ErrorIs(t, err, syscall.ENODEV)
}

// A socket has the groups that it has joined, not those of others on its port.
func TestUDPMulticastOfOthers(t *testing.T) {
	if !onLAN(t) {
		return
	}
	e := newEnd(t, nil)
	group, other := mustAddress(t, "239.77.1.2:0"), mustAddress(t, "239.77.1.3:0")
	conn := e.udp(group.String())
	require.NoError(t, group.SetPort(conn.LocalAddress().Port()))
	require.NoError(t, other.SetPort(conn.LocalAddress().Port()))
	second := newEnd(t, nil)
	otherConn := second.udp(other.String())
	second.sendTo(otherConn, other, "not for the first")
	assert.Equal(t, "not for the first", string(second.next().Message()))
	e.sendTo(conn, group, "for the first")
	assert.Equal(t, "for the first", string(e.next().Message()))
	second.sendTo(otherConn, other, "nor for the second")
	assert.Equal(t, "nor for the second", string(second.next().Message()))
}

func TestUDPMulticastErrors(t *testing.T) {
	if !onLAN(t) {
		return
	}
	shell(t, "ip addr del 10.77.1.1/24 dev w0")
	for _, test := range []struct {
		config *Config
		group  string
		on     Interface
		reason string
	}{
		{nil, "10.0.0.1:0", Interface{Name: "v0"}, "not a multicast address"},
		{nil, "239.77.1.2:0", Interface{}, "invalid network interface name"},
		{nil, "239.77.1.2:0", Interface{Name: "no-such"}, "no such network interface"},
		{nil, "239.77.1.2:0", Interface{Name: "w0"}, "without an IPv4 address"},
		{nil, "239.77.1.2:0", Interface{Name: "w0", IP: mustAddress(t, "192.0.2.1:0")}, "cannot assign requested address"},
		{nil, "[ff02::1%v0]:0", Interface{Name: "w0"}, "another interface than w0"},
		{nil, "[ff02::1%no-such]:0", Interface{Name: "w0"}, "no such network interface"},
		{&Config{IPv4Only: true}, "[ff02::1]:0", Interface{Name: "v0"}, "IPv6 address with IPv4Only"},
	} {
		e := newEnd(t, test.config)
		conn, err := e.manager.OpenUDPMulticast(mustAddress(t, test.group), test.on)
		assert.Nil(t, conn)
		assert.ErrorContains(t, err, test.reason, "%+v", test)
		require.NoError(t, e.manager.Close())
	}
}

// Two programs on one port of their own choice: what is broadcast reaches both.
func TestUDPSharedPort(t *testing.T) {
	share := func(option int) func(string, string, syscall.RawConn) error {
		return func(_, _ string, raw syscall.RawConn) (err error) {
			controlErr := raw.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, option, 1) })
			assert.NoError(t, controlErr)
			return err
		}
	}
	const reusePort = 15 // SO_REUSEPORT, which package syscall has not on every platform
	for name, option := range map[string]int{"SO_REUSEADDR": syscall.SO_REUSEADDR, "SO_REUSEPORT": reusePort} {
		t.Run(name, func(t *testing.T) {
			first := newEnd(t, &Config{Control: share(option)})
			port := first.udpEverywhere().LocalAddress().Port()
			_, err := newEnd(t, nil).manager.OpenUDPConnection(port)
			require.ErrorIs(t, err, syscall.EADDRINUSE)
			second := newEnd(t, &Config{Control: share(option)})
			conn, err := second.manager.OpenUDPConnection(port)
			require.NoError(t, err)
			require.NoError(t, second.reader.AddConnection(conn))

			sender := newEnd(t, nil)
			sender.sendTo(sender.udp("127.0.0.1:0"), mustAddress(t, fmt.Sprint("127.255.255.255:", port)), "all")
			assert.Equal(t, "all", string(first.next().Message()))
			assert.Equal(t, "all", string(second.next().Message()))
		})
	}
}
