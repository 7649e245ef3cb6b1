package conformance_test

import (
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

// everywhere opens a rendezvous on all interfaces and returns its port.
func (e *end) everywhere() (rendezvous *queuednet.Connection, port int) {
	e.T.Helper()
	rendezvous, err := e.Manager.OpenTCPServerRendezvous(0, 100)
	require.NoError(e.T, err)
	require.NoError(e.T, e.Listener.AddConnection(rendezvous))
	return rendezvous, rendezvous.LocalAddress().Port()
}

// requireExchange asserts that a datagram arrives each way.
func (e *end) requireExchange(conn *queuednet.Connection, raw net.Conn) {
	e.T.Helper()
	e.Send(conn, "there")
	require.Equal(e.T, testnet.Framed(2, "there"), testnet.Read(e.T, raw, 7))
	testnet.Write(e.T, raw, testnet.Framed(2, "and back"))
	require.Equal(e.T, "and back", string(e.next().Message()))
}

var listenerRows = []row{
	{45, "accept", func(t *testing.T) {
		e := newEnd(t, nil)
		rendezvous, address := e.listen()
		raw := testnet.DialRaw(t, address)
		e.Until("connection", e.Listener.NewConnectionAvailable)
		conn, ok := e.Listener.GetNewConnection()
		require.True(t, ok)
		assert.Same(t, rendezvous, conn.Rendezvous())
		assert.Equal(t, raw.LocalAddr().String(), conn.Address().String())
		assert.Equal(t, raw.RemoteAddr().String(), conn.LocalAddress().String())
		_, ok = e.Listener.GetNewConnection()
		assert.False(t, ok, "one connection")
	}},
	{46, "nothing_to_accept", func(t *testing.T) {
		e := newEnd(t, nil)
		e.listen()
		assert.False(t, e.Listener.NewConnectionAvailable())
		conn, ok := e.Listener.GetNewConnection()
		assert.False(t, ok)
		assert.Nil(t, conn)
	}},
	{47, "backlog_1_and_2_clients", func(t *testing.T) {
		// Instead of dropping the second client the library does not accept it
		// before the first one has been taken: back-pressure.
		e := newEnd(t, nil)
		rendezvous, err := e.Manager.OpenTCPServerRendezvousAt(mustAddress(t, "127.0.0.1:0"), 1)
		require.NoError(t, err)
		require.NoError(t, e.Listener.AddConnection(rendezvous))
		address := rendezvous.LocalAddress().String()
		first, second := testnet.DialRaw(t, address), testnet.DialRaw(t, address)
		e.Until("connection", e.Listener.NewConnectionAvailable)
		assert.Equal(t, 1, e.Manager.Stats().Untaken, "not accepted")
		e.requireExchange(e.accept(), first)
		e.requireExchange(e.accept(), second)

		// Who still waits when the rendezvous is closed is not left open and silent.
		testnet.DialRaw(t, address)
		e.Until("connection", e.Listener.NewConnectionAvailable)
		waiting := testnet.DialRaw(t, address)
		require.True(t, e.Manager.CloseConnection(rendezvous))
		_, err = waiting.Read(make([]byte, 1))
		require.Error(t, err)
		var netErr net.Error
		assert.False(t, assert.ErrorAs(t, err, &netErr) && netErr.Timeout(), "%v", err)
	}},
	{48, "two_rendezvous", func(t *testing.T) {
		e := newEnd(t, nil)
		a, addressA := e.listen()
		b, addressB := e.listen()
		rawA := testnet.DialRaw(t, addressA)
		rawB := testnet.DialRaw(t, addressB)
		want := map[string]*queuednet.Connection{rawA.LocalAddr().String(): a, rawB.LocalAddr().String(): b}
		for range 2 {
			conn := e.Accept()
			assert.Same(t, want[conn.Address().String()], conn.Rendezvous())
			delete(want, conn.Address().String())
		}
		assert.Empty(t, want)
	}},
	{49, "used_port", func(t *testing.T) {
		e := newEnd(t, nil)
		rendezvous, port := e.everywhere()
		for range 2 {
			second, err := e.Manager.OpenTCPServerRendezvous(port, 100)
			assert.Nil(t, second)
			assert.ErrorIs(t, err, testnet.ErrAddressInUse)
		}
		local, _ := e.listen()
		second, err := e.Manager.OpenTCPServerRendezvousAt(local.LocalAddress(), 100)
		assert.Nil(t, second)
		assert.ErrorIs(t, err, testnet.ErrAddressInUse)

		require.True(t, e.Manager.CloseConnection(rendezvous))
		_, err = e.Manager.OpenTCPServerRendezvous(port, 100)
		assert.NoError(t, err, "free again")
	}},
	{50, "empty_host", func(t *testing.T) {
		// There is no form with a host name, and SetHost refuses an empty one
		// (row 127). What it stands for in Panda3D is the address 0.0.0.0.
		e := newEnd(t, nil)
		var all queuednet.NetAddress
		rendezvous, err := e.Manager.OpenTCPServerRendezvousAt(all, 100)
		require.NoError(t, err)
		require.NoError(t, e.Listener.AddConnection(rendezvous))
		assert.True(t, rendezvous.LocalAddress().IsAny())
		_, port := e.everywhere()
		for _, port := range []int{rendezvous.LocalAddress().Port(), port} {
			raw := testnet.DialRaw(t, net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
			e.requireExchange(e.accept(), raw)
		}
	}},
	{51, "unknown_host", func(t *testing.T) {
		// The look-up is the address's, whose error says so; a rendezvous is
		// never opened anywhere else than at the address given.
		testnet.OnlyNames(t, map[string]netip.Addr{"known.test": netip.MustParseAddr("127.0.0.1")})
		var address queuednet.NetAddress
		require.NoError(t, address.SetHost("known.test", 0))
		e := newEnd(t, nil)
		rendezvous, err := e.Manager.OpenTCPServerRendezvousAt(address, 100)
		require.NoError(t, err)
		assert.Equal(t, "127.0.0.1", rendezvous.LocalAddress().IPString())

		var dnsErr *net.DNSError
		require.ErrorAs(t, address.SetHost("unknown.test", 0), &dnsErr)
		assert.True(t, dnsErr.IsNotFound)

		// An address of documentation, which no machine has.
		rendezvous, err = e.Manager.OpenTCPServerRendezvousAt(mustAddress(t, "192.0.2.1:0"), 100)
		assert.Error(t, err)
		assert.Nil(t, rendezvous)
	}},
	{52, "dual_stack", func(t *testing.T) {
		testnet.NeedIPv6(t)
		e := newEnd(t, nil)
		rendezvous, port := e.everywhere()
		for _, host := range []string{"127.0.0.1", "::1"} {
			raw := testnet.DialRaw(t, net.JoinHostPort(host, strconv.Itoa(port)))
			conn := e.accept()
			assert.Same(t, rendezvous, conn.Rendezvous())
			e.requireExchange(conn, raw)
		}
	}},
	{53, "dual_stack_address_text", func(t *testing.T) {
		e := newEnd(t, nil)
		_, port := e.everywhere()
		raw := testnet.DialRaw(t, net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		conn := e.accept()
		assert.Equal(t, "127.0.0.1", conn.Address().IPString())
		assert.Equal(t, raw.LocalAddr().String(), conn.Address().String())
		assert.Equal(t, raw.RemoteAddr().String(), conn.LocalAddress().String())
		assert.False(t, conn.Address().IsIPv6())

		// The client that the library opens there sees the same.
		client := e.connect(net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		assert.Equal(t, client.LocalAddress(), e.accept().Address())
	}},
}

// soon is a timeout for what fails by itself, and is not to be what ends it.
const soon = 30 * time.Second
