package queuednet

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fakeResolver has the addresses of a few names.
type fakeResolver map[string][]netip.Addr

func (f fakeResolver) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	addrs, ok := f[host]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return addrs, nil
}

func mustAddress(t testing.TB, s string) NetAddress {
	t.Helper()
	address, err := ParseNetAddress(s)
	require.NoError(t, err)
	return address
}

func TestNetAddressSet(t *testing.T) {
	for _, test := range []struct {
		name string
		set  func(a *NetAddress, port int) error
		want string
	}{
		{"SetAny", (*NetAddress).SetAny, "0.0.0.0:80"},
		{"SetAnyIPv6", (*NetAddress).SetAnyIPv6, "[::]:80"},
		{"SetLocalhost", (*NetAddress).SetLocalhost, "127.0.0.1:80"},
		{"SetBroadcast", (*NetAddress).SetBroadcast, "255.255.255.255:80"},
		{"SetPort", (*NetAddress).SetPort, "[fe80::1%eth0]:80"},
		{"SetHost", func(a *NetAddress, port int) error { return a.SetHost("::1", port) }, "[::1]:80"},
	} {
		t.Run(test.name, func(t *testing.T) {
			address := mustAddress(t, "[fe80::1%eth0]:7")
			require.NoError(t, test.set(&address, 80))
			assert.Equal(t, test.want, address.String())
			assert.Equal(t, 80, address.Port())

			for _, port := range []int{-1, 65_536, 70_000} {
				err := test.set(&address, port)
				var addrErr *net.AddrError
				assert.ErrorAs(t, err, &addrErr)
				assert.Equal(t, test.want, address.String(), "unchanged")
			}
			assert.NoError(t, test.set(&address, 65_535))
			assert.NoError(t, test.set(&address, 0))
			assert.Zero(t, address.Port())
		})
	}
}

func TestNetAddressOneRepresentation(t *testing.T) {
	var any0, any80, port80 NetAddress
	require.NoError(t, any0.SetAny(0))
	assert.True(t, any0 == NetAddress{})
	assert.True(t, NetAddressFrom(netip.AddrPort{}) == NetAddress{})
	assert.True(t, NetAddressFrom(NetAddress{}.AddrPort()) == NetAddress{})

	require.NoError(t, any80.SetAny(80))
	require.NoError(t, port80.SetPort(80))
	assert.True(t, any80 == port80)
	assert.True(t, any80 == mustAddress(t, "0.0.0.0:80"))
	assert.True(t, any80 == mustAddress(t, "[::ffff:0.0.0.0]:80"))
	assert.True(t, any80 == NetAddressFrom(netip.AddrPortFrom(netip.Addr{}, 80)))
	assert.False(t, any80 == mustAddress(t, "[::]:80"))

	players := map[NetAddress]string{mustAddress(t, "1.2.3.4:5"): "Ada"}
	assert.Equal(t, "Ada", players[mustAddress(t, "[::ffff:1.2.3.4]:5")])

	any80.Clear()
	assert.True(t, any80 == NetAddress{})
}

func TestNetAddressQuestions(t *testing.T) {
	for _, test := range []struct {
		address              string
		any, ipv6, multicast bool
		ip                   string
		components           [4]byte
	}{
		{"0.0.0.0:0", true, false, false, "0.0.0.0", [4]byte{}},
		{"0.0.0.0:80", true, false, false, "0.0.0.0", [4]byte{}},
		{"[::]:80", true, true, false, "::", [4]byte{}},
		{"10.20.30.40:80", false, false, false, "10.20.30.40", [4]byte{10, 20, 30, 40}},
		{"[2001:db8::1]:80", false, true, false, "2001:db8::1", [4]byte{}},
		{"[fe80::1%eth0]:80", false, true, false, "fe80::1%eth0", [4]byte{}},
		{"223.255.255.255:80", false, false, false, "223.255.255.255", [4]byte{223, 255, 255, 255}},
		{"224.0.0.0:80", false, false, true, "224.0.0.0", [4]byte{224}},
		{"239.255.255.255:80", false, false, true, "239.255.255.255", [4]byte{239, 255, 255, 255}},
		{"240.0.0.0:80", false, false, false, "240.0.0.0", [4]byte{240}},
		{"[ff02::1]:80", false, true, true, "ff02::1", [4]byte{}},
	} {
		t.Run(test.address, func(t *testing.T) {
			address := mustAddress(t, test.address)
			assert.Equal(t, test.any, address.IsAny(), "IsAny")
			assert.Equal(t, test.ipv6, address.IsIPv6(), "IsIPv6")
			assert.Equal(t, test.multicast, address.IsMulticast(), "IsMulticast")
			assert.Equal(t, test.ip, address.IPString())
			assert.Equal(t, test.address, address.String())
			assert.Equal(t, test.address, address.AddrPort().String())
			for n, want := range test.components {
				assert.Equal(t, want, address.IPComponent(n))
			}
			assert.Zero(t, address.IPComponent(-1))
			assert.Zero(t, address.IPComponent(4))
		})
	}
}

func TestNetAddressCompare(t *testing.T) {
	var sorted []NetAddress
	for _, s := range []string{
		"0.0.0.0:0", "0.0.0.0:1", "1.2.3.4:5", "1.2.3.5:4", "255.255.255.255:0",
		"[::]:0", "[::1]:1", "[::1]:2", "[fe80::1]:3", "[fe80::1%a]:1", "[fe80::1%b]:0",
	} {
		sorted = append(sorted, mustAddress(t, s))
	}
	assert.True(t, slices.IsSortedFunc(sorted, NetAddress.Compare))
	for i, a := range sorted {
		for j, b := range sorted {
			assert.Equal(t, i == j, a == b, "%v == %v", a, b)
			assert.Equal(t, i < j, a.Compare(b) < 0, "%v < %v", a, b)
			assert.Equal(t, i == j, a.Compare(b) == 0, "%v, %v", a, b)
		}
	}
}

func TestParseNetAddress(t *testing.T) {
	for s, want := range map[string]string{
		"127.0.0.1:99":           "127.0.0.1:99",
		" [::1] :7":              "[::1]:7",
		"\t1.2.3.4 : 65535 ":     "1.2.3.4:65535",
		"[::ffff:1.2.3.4]:80":    "1.2.3.4:80",
		"[fe80::1%eth0]:80":      "[fe80::1%eth0]:80",
		"[2001:0db8:0::0:1]:080": "[2001:db8::1]:80",
	} {
		address, err := ParseNetAddress(s)
		assert.NoError(t, err, s)
		assert.Equal(t, want, address.String())
	}
	for _, s := range []string{
		"", ":", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:-1", "127.0.0.1:65536", "127.0.0.1:http", "1.2.3:80",
		"localhost:80", "::1:80", "[::1]", "[::1:80", "::1]:80", "[127.0.0.1]:80", "[]:80", "1.2.3.4:80:90",
	} {
		address, err := ParseNetAddress(s)
		assert.Error(t, err, s)
		assert.True(t, address == NetAddress{}, s)
	}
}

func TestSplitHostPort(t *testing.T) {
	for _, test := range []struct {
		address, host string
		port          int
	}{
		{"example.com:9099", "example.com", 9099},
		{" 127.0.0.1:0\n", "127.0.0.1", 0},
		{"[fe80::1%eth0]:65535", "fe80::1%eth0", 65535},
		{":80", "", 80},
	} {
		host, port, err := SplitHostPort(test.address)
		assert.NoError(t, err, test.address)
		assert.Equal(t, test.host, host)
		assert.Equal(t, test.port, port)
	}
	for _, s := range []string{"", ":", "example.com", "example.com:", "example.com:http", "example.com:-1", "example.com:65536", "::1:80", "[::1]"} {
		host, port, err := SplitHostPort(s)
		_, ok := errors.AsType[*net.AddrError](err)
		assert.True(t, ok, "%q: %v", s, err)
		assert.Zero(t, host)
		assert.Zero(t, port)
	}
}

func TestNetAddressSetHost(t *testing.T) {
	names := fakeResolver{
		"":        {netip.MustParseAddr("1.2.3.4")}, // not even asked
		"v4":      {netip.MustParseAddr("1.2.3.4"), netip.MustParseAddr("::1")},
		"mapped":  {netip.MustParseAddr("::ffff:1.2.3.4")},
		"v6":      {netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("1.2.3.4")},
		"nothing": nil,
	}
	for host, want := range map[string]string{
		"v4": "1.2.3.4:80", "mapped": "1.2.3.4:80", "v6": "[2001:db8::1]:80",
		"10.0.0.1": "10.0.0.1:80", "::1": "[::1]:80", "fe80::1%eth0": "[fe80::1%eth0]:80", "255.255.255.255": "255.255.255.255:80",
	} {
		var address NetAddress
		assert.NoError(t, address.setHost(names, host, 80))
		assert.Equal(t, want, address.String())
	}

	address := mustAddress(t, "1.2.3.4:5")
	for _, host := range []string{"nobody", "nothing"} {
		var dnsErr *net.DNSError
		err := address.setHost(names, host, 80)
		assert.ErrorAs(t, err, &dnsErr)
		assert.True(t, dnsErr.IsNotFound)
	}
	assert.Error(t, address.setHost(names, "", 80))
	var addrErr *net.AddrError
	assert.ErrorAs(t, address.setHost(names, "v4", 65_536), &addrErr)
	assert.Equal(t, "1.2.3.4:5", address.String(), "unchanged")

	// The system's own look-up, with the name that every system knows.
	require.NoError(t, address.SetHost("localhost", 80))
	assert.True(t, address.AddrPort().Addr().IsLoopback())
}

// textAddr is a net.Addr of some other package.
type textAddr string

func (textAddr) Network() string  { return "text" }
func (a textAddr) String() string { return string(a) }

func TestNetAddressOf(t *testing.T) {
	ip := net.ParseIP("1.2.3.4") // 16 bytes, in IPv6 form
	require.Len(t, ip, 16)
	for _, test := range []struct {
		addr net.Addr
		want string
	}{
		{nil, "0.0.0.0:0"},
		{(*net.TCPAddr)(nil), "0.0.0.0:0"},
		{(*net.UDPAddr)(nil), "0.0.0.0:0"},
		{(*net.UnixAddr)(nil), "0.0.0.0:0"},
		{&net.TCPAddr{IP: ip, Port: 5}, "1.2.3.4:5"},
		{&net.UDPAddr{IP: ip, Port: 5}, "1.2.3.4:5"},
		{&net.TCPAddr{Port: 5}, "0.0.0.0:5"},
		{&net.TCPAddr{IP: net.IPv6linklocalallnodes, Port: 5, Zone: "eth0"}, "[ff02::1%eth0]:5"},
		{textAddr("[::ffff:1.2.3.4]:5"), "1.2.3.4:5"},
		{textAddr("pipe"), "0.0.0.0:0"},
		{textAddr("example.org:80"), "0.0.0.0:0"},
	} {
		assert.Equal(t, test.want, netAddressOf(test.addr).String(), "%#v", test.addr)
	}
}

func TestNetAddressErrorsNameTheAddress(t *testing.T) {
	for _, text := range []string{"nonsense", "1.2.3.4:70000"} {
		_, err := ParseNetAddress(text)
		assert.ErrorContains(t, err, text)
	}
}
