package conformance_test

import (
	"context"
	"io"
	"net"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/internal/testnet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var clientRows = []row{
	{54, "IPv4Only", func(t *testing.T) {
		e := newEnd(t, &queuednet.Config{IPv4Only: true})
		rendezvous, port := e.everywhere()
		assert.False(t, rendezvous.LocalAddress().IsIPv6())
		raw := testnet.DialRaw(t, net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		e.requireExchange(e.accept(), raw)

		testnet.NeedIPv6(t)
		_, err := net.Dial("tcp6", net.JoinHostPort("::1", strconv.Itoa(port)))
		assert.ErrorIs(t, err, testnet.ErrConnectionRefused)

		// Names that are IPv6 only fail, though a server is there.
		testnet.OnlyNames(t, map[string]netip.Addr{"six.test": netip.MustParseAddr("::1")})
		server := newEnd(t, nil)
		_, port = server.everywhere()
		for _, host := range []string{"::1", "six.test"} {
			conn, err := e.Manager.OpenTCPClientConnection(host, port, soon)
			assert.Error(t, err)
			assert.Nil(t, conn)
			_, err = server.Manager.OpenTCPClientConnection(host, port, soon)
			assert.NoError(t, err, "with IPv6 it is found")
		}
	}},
	{55, "refused", func(t *testing.T) {
		e := newEnd(t, nil)
		testnet.RequireWithin(t, 100*time.Millisecond, func() {
			conn, err := e.Manager.OpenTCPClientConnection("127.0.0.1", testnet.ClosedPort(t), soon)
			require.ErrorIs(t, err, testnet.ErrConnectionRefused)
			require.Nil(t, conn)
		})
		conn, err := e.Manager.BeginTCPClientConnection("127.0.0.1", testnet.ClosedPort(t), soon).Wait(t.Context())
		assert.ErrorIs(t, err, testnet.ErrConnectionRefused)
		assert.Nil(t, conn)
	}},
	{56, "unknown_name", func(t *testing.T) {
		testnet.OnlyNames(t, map[string]netip.Addr{"known.test": netip.MustParseAddr("127.0.0.1")})
		e := newEnd(t, nil)
		_, address := e.listen()
		_, port := testnet.HostPort(t, address)
		conn, err := e.Manager.OpenTCPClientConnection("unknown.test", port, soon)
		var dnsErr *net.DNSError
		require.ErrorAs(t, err, &dnsErr)
		assert.True(t, dnsErr.IsNotFound)
		assert.Nil(t, conn)
		conn, err = e.Manager.OpenTCPClientConnection("", port, soon)
		assert.Error(t, err)
		assert.Nil(t, conn)

		_, err = e.Manager.OpenTCPClientConnection("known.test", port, soon)
		assert.NoError(t, err)
	}},
	{57, "silent_host", func(t *testing.T) {
		host, port := testnet.SilentHost(t)
		e := newEnd(t, nil)
		const timeout = 200 * time.Millisecond
		testnet.RequireWithin(t, timeout+50*time.Millisecond, func() {
			start := time.Now()
			conn, err := e.Manager.OpenTCPClientConnection(host, port, timeout)
			require.GreaterOrEqual(t, time.Since(start), timeout)
			testnet.RequireTimeout(t, err)
			require.Nil(t, conn)
		})

		// Waiting uses next to no CPU; Panda3D uses all of one.
		testnet.RequireSoon(t, timeout/4, func() time.Duration {
			before := testnet.UsedCPU(t)
			_, err := e.Manager.OpenTCPClientConnection(host, port, timeout)
			testnet.RequireTimeout(t, err)
			return testnet.UsedCPU(t) - before
		})

		// It can be given up.
		pending := e.Manager.BeginTCPClientConnection(host, port, testnet.Patience)
		assert.False(t, pending.Ready())
		pending.Cancel()
		_, err := pending.Wait(t.Context())
		assert.ErrorIs(t, err, context.Canceled)
	}},
	{58, "timeout_0", func(t *testing.T) {
		e := newEnd(t, nil)
		_, address := e.listen()
		host, port := testnet.HostPort(t, address)
		conn, err := e.Manager.OpenTCPClientConnection(host, port, 0)
		require.NoError(t, err)
		assert.NotNil(t, conn)
		e.accept()
	}},
	{59, "timeout_negative", func(t *testing.T) {
		host, port := testnet.SilentHost(t)
		e := newEnd(t, nil)
		testnet.RequireWithin(t, 50*time.Millisecond, func() {
			conn, err := e.Manager.OpenTCPClientConnection(host, port, -1)
			testnet.RequireTimeout(t, err)
			require.Nil(t, conn)
		})
	}},
	{60, "address_of_a_client", func(t *testing.T) {
		e := newEnd(t, nil)
		rendezvous, address := e.listen()
		client := e.connect(address)
		assert.Equal(t, rendezvous.LocalAddress(), client.Address())
		assert.Equal(t, address, client.Address().String())
		assert.Nil(t, client.Rendezvous())
	}},
	{61, "no_delay", func(t *testing.T) {
		// The default differs: on, as in Go.
		e := newEnd(t, nil)
		_, address := e.listen()
		client := e.connect(address)
		for _, conn := range []*queuednet.Connection{client, e.accept()} {
			assert.True(t, testnet.IsNoDelay(t, conn.NetConn()))
			require.NoError(t, conn.SetNoDelay(false))
			assert.False(t, testnet.IsNoDelay(t, conn.NetConn()))
			require.NoError(t, conn.SetNoDelay(true))
			assert.True(t, testnet.IsNoDelay(t, conn.NetConn()))
		}
	}},
	{62, "address_of_a_rendezvous", func(t *testing.T) {
		e := newEnd(t, nil)
		rendezvous, address := e.listen()
		assert.Equal(t, address, rendezvous.Address().String())
		assert.Equal(t, rendezvous.LocalAddress(), rendezvous.Address())
		assert.NotZero(t, rendezvous.Address().Port())
		rendezvous, port := e.everywhere()
		assert.Equal(t, port, rendezvous.Address().Port())
		assert.True(t, rendezvous.Address().IsAny())
	}},
	{63, "address_after_close", func(t *testing.T) {
		e := newEnd(t, nil)
		rendezvous, address := e.listen()
		raw := testnet.DialRaw(t, address)
		closed := e.accept()
		closedAddress, closedLocal := raw.LocalAddr().String(), raw.RemoteAddr().String()
		lost, lostRaw := e.raw()
		lostAddress := lostRaw.LocalAddr().String()
		require.True(t, e.Manager.CloseConnection(closed))
		require.True(t, e.Manager.CloseConnection(rendezvous))
		_, err := io.ReadAll(raw)
		require.NoError(t, err)
		require.NoError(t, raw.Close())
		require.NoError(t, lostRaw.Close())
		require.Same(t, lost, e.reset())
		e.requireNoReset()

		assert.Equal(t, closedAddress, closed.Address().String())
		assert.Equal(t, closedLocal, closed.LocalAddress().String())
		assert.Equal(t, lostAddress, lost.Address().String())
		assert.Equal(t, address, rendezvous.Address().String())
	}},
}
