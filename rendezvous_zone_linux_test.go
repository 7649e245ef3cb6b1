package queuednet

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The addresses of a connection between link-local addresses have the zone that package
// net gives them, whichever end accepts or connects, and whoever accepts.
func TestZonesOfLinkLocalAddresses(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	local := linkLocal(t, "v0")
	for _, at := range []string{"[::]", "[" + local + "]"} {
		for name, listen := range map[string]func(e *end) *Connection{
			"opened": func(e *end) *Connection {
				rendezvous, err := e.manager.OpenTCPServerRendezvousAt(mustAddress(t, at+":0"), 0)
				require.NoError(t, err)
				require.NoError(t, e.listener.AddConnection(rendezvous))
				return rendezvous
			},
			"adopted": func(e *end) *Connection {
				rendezvous, _ := e.adoptListener(listenRaw(t, "tcp", at+":0"))
				return rendezvous
			},
		} {
			t.Run(name+" at "+at, func(t *testing.T) {
				e := newEnd(t, nil)
				rendezvous := listen(e)
				port := rendezvous.LocalAddress().Port()
				server := NetAddressFrom(netip.AddrPortFrom(netip.MustParseAddr(local), uint16(port))).String()
				raw := dialRaw(t, server)
				conn := e.accept()
				assert.Equal(t, raw.LocalAddr().String(), conn.Address().String())
				assert.Equal(t, server, conn.LocalAddress().String())
				e.requireExchange(conn, raw)
				assert.Equal(t, conn.NetConn().RemoteAddr().String(), conn.Address().String())
				assert.Equal(t, conn.NetConn().LocalAddr().String(), conn.LocalAddress().String())

				client, err := e.manager.OpenTCPClientConnection(local, port, patience)
				require.NoError(t, err)
				assert.Equal(t, server, client.Address().String())
				assert.Equal(t, client.LocalAddress(), e.accept().Address())
			})
		}
	}
}

// linkLocal returns the link-local address of an interface, with its zone.
func linkLocal(t *testing.T, name string) string {
	t.Helper()
	link, err := net.InterfaceByName(name)
	require.NoError(t, err)
	addresses, err := link.Addrs()
	require.NoError(t, err)
	for _, address := range addresses {
		if ip := address.(*net.IPNet).IP; ip.To4() == nil && ip.IsLinkLocalUnicast() {
			return ip.String() + "%" + name
		}
	}
	t.Skip("no IPv6 here")
	return ""
}
