package queuednet

import (
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestInterfaceText(t *testing.T) {
	cidr := func(s string) *net.IPNet {
		ip, network, err := net.ParseCIDR(s)
		require.NoError(t, err)
		return &net.IPNet{IP: ip, Mask: network.Mask}
	}
	const running, broadcast, p2p = net.FlagRunning, net.FlagBroadcast, net.FlagPointToPoint
	mac := net.HardwareAddr{0x02, 0xfc, 0, 0, 0, 0x0A}
	for _, test := range []struct {
		flags net.Flags
		addr  net.Addr
		text  string
	}{
		{running | broadcast, cidr("10.1.2.3/20"), "eth0 [ operational 10.1.2.3 netmask 255.255.240.0 broadcast 10.1.15.255 ]"},
		{broadcast, cidr("10.1.2.3/32"), "eth0 [ 10.1.2.3 netmask 255.255.255.255 broadcast 10.1.2.3 ]"},
		{running, cidr("10.1.2.3/8"), "eth0 [ operational 10.1.2.3 netmask 255.0.0.0 ]"},
		{running | p2p, cidr("10.1.2.3/32"), "eth0 [ operational 10.1.2.3 netmask 255.255.255.255 ]"},
		{running | broadcast, cidr("fd00::2/64"), "eth0 [ operational ipv6 fd00::2 netmask ffff:ffff:ffff:ffff:: ]"},
		{running, cidr("fe80::1/10"), "eth0 [ operational ipv6 fe80::1%eth0 netmask ffc0:: ]"},
		{broadcast, &net.IPAddr{IP: net.IPv4(10, 1, 2, 3)}, "eth0 [ 10.1.2.3 ]"},
		{0, &net.IPNet{IP: net.IPv4(10, 1, 2, 3), Mask: net.IPMask(net.ParseIP("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ff00"))},
			"eth0 [ 10.1.2.3 netmask 255.255.255.0 ]"},
		{running, &net.UnixAddr{Name: "x"}, ""},
		{running, &net.IPNet{}, ""},
	} {
		entry, ok := newInterface(&net.Interface{Name: "eth0", HardwareAddr: mac, Flags: test.flags}, test.addr)
		assert.Equal(t, test.text != "", ok)
		if !ok {
			continue
		}
		assert.Equal(t, test.text, entry.String())
		assert.Equal(t, "02-fc-00-00-00-0a", entry.MAC)
		assert.Equal(t, test.flags&p2p != 0, entry.PointToPoint)
		assert.Zero(t, entry.IP.Port())
	}
}

// Each address that the system tells is there once, and can be listened at.
func TestInterfacesAreUsable(t *testing.T) {
	e := newEnd(t, nil)
	seen := make(map[NetAddress]bool)
	for _, i := range needInterfaces(t) {
		assert.False(t, seen[i.IP], "%v twice", i)
		seen[i.IP] = true
		if i.Operational {
			conn, err := e.manager.OpenUDPConnectionAt(i.IP)
			if assert.NoError(t, err, "%v", i) {
				assert.Equal(t, i.IP.IPString(), conn.LocalAddress().IPString())
			}
		}
	}
}

func needInterfaces(t *testing.T) []Interface {
	t.Helper()
	interfaces, err := Interfaces()
	require.NoError(t, err)
	if len(interfaces) == 0 {
		t.Skip("this system does not tell its interfaces")
	}
	return interfaces
}
