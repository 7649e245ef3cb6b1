package queuednet

import (
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// [::] is both versions of IP, as in Panda3D; with IPv4Only it cannot be.
func TestAnyIPv6IsBothVersions(t *testing.T) {
	needIPv6(t)
	var any NetAddress
	require.NoError(t, any.SetAnyIPv6(0))
	e := newEnd(t, &Config{CloseTimeout: -1})
	rendezvous, err := e.manager.OpenTCPServerRendezvousAt(any, 0)
	require.NoError(t, err)
	require.NoError(t, e.listener.AddConnection(rendezvous))
	udp, err := e.manager.OpenUDPConnectionAt(any)
	require.NoError(t, err)
	require.NoError(t, e.reader.AddConnection(udp))
	client := newEnd(t, &Config{CloseTimeout: -1})
	for _, host := range []string{"127.0.0.1", "::1"} {
		_, err := client.manager.OpenTCPClientConnection(host, rendezvous.LocalAddress().Port(), soon)
		require.NoError(t, err, host)
		assert.Equal(t, host, e.accepted().Address().IPString())

		var to NetAddress
		require.NoError(t, to.SetHost(host, udp.LocalAddress().Port()))
		from := client.udp(net.JoinHostPort(host, "0"))
		require.NoError(t, client.writer.SendTo(NewDatagram([]byte("hello")), from, to))
		assert.Equal(t, from.LocalAddress(), e.next().Address())
	}

	only4 := newEnd(t, &Config{IPv4Only: true})
	for _, text := range []string{"[::]:0", "[::1]:0"} {
		_, err := only4.manager.OpenTCPServerRendezvousAt(mustAddress(t, text), 0)
		var addrErr *net.AddrError
		assert.ErrorAs(t, err, &addrErr)
		_, err = only4.manager.OpenUDPConnectionAt(mustAddress(t, text))
		assert.ErrorAs(t, err, &addrErr)
	}
}

// Hosts are taken as people type them.
func TestHostsAsTyped(t *testing.T) {
	for typed, want := range map[string]string{
		" 127.0.0.1 ": "127.0.0.1",
		"::1":         "::1",
		"[::1]":       "::1",
		" [::1]\n":    "::1",
		"[::1%lo]":    "::1%lo",
		"[::1%25lo]":  "::1%lo", // as in a URL
		"localhost":   "localhost",
		"[localhost]": "[localhost]",
		"[127.0.0.1]": "[127.0.0.1]",
		"[]":          "[]",
		"   ":         "",
	} {
		assert.Equal(t, want, hostOf(typed), "%q", typed)
	}
	needIPv6(t)
	server, client := newEnd(t, &Config{CloseTimeout: -1}), newEnd(t, &Config{CloseTimeout: -1})
	_, port := server.everywhere()
	for _, host := range []string{"[::1]", " ::1", " 127.0.0.1 "} {
		conn, err := client.manager.OpenTCPClientConnection(host, port, soon)
		require.NoError(t, err, host)
		pending := client.manager.BeginTCPClientConnection(host, port, soon)
		_, err = pending.Wait(t.Context())
		require.NoError(t, err, host)
		var address NetAddress
		require.NoError(t, address.SetHost(host, port))
		assert.Equal(t, conn.Address(), address)
	}
	_, err := client.manager.OpenTCPClientConnection(" ", port, soon)
	var addrErr *net.AddrError
	assert.ErrorAs(t, err, &addrErr)
}

// A controls records what Config.Control was called with.
type controls struct {
	mu  sync.Mutex
	got []string
}

func (c *controls) control(network, address string, raw syscall.RawConn) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got = append(c.got, network+" "+address[:strings.LastIndexByte(address, ':')])
	return raw.Control(func(uintptr) {})
}

func (c *controls) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	got := c.got
	c.got = nil
	slices.Sort(got)
	return got
}

// Control is called for every socket that the library opens, before it is bound.
func TestControl(t *testing.T) {
	var calls controls
	e := newEnd(t, &Config{Control: calls.control})
	rendezvous, address := e.listen()
	assert.Equal(t, []string{"tcp4 127.0.0.1"}, calls.take())
	e.connect(address)
	e.accepted() // what is accepted is not opened
	assert.Equal(t, []string{"tcp4 127.0.0.1"}, calls.take())
	_, err := e.manager.BeginTCPClientConnection("127.0.0.1", rendezvous.LocalAddress().Port(), soon).Wait(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"tcp4 127.0.0.1"}, calls.take())
	e.udp("127.0.0.1:0")
	assert.Equal(t, []string{"udp4 127.0.0.1"}, calls.take())
	if _, err = e.manager.OpenUDPConnectionAt(mustAddress(t, "239.1.2.3:0")); err == nil {
		assert.Len(t, calls.take(), 1, "multicast")
	}
	_, err = e.manager.OpenTCPServerRendezvous(0, 0)
	require.NoError(t, err)
	_, err = e.manager.OpenUDPConnection(0)
	require.NoError(t, err)
	assert.Len(t, calls.take(), 2)
}

// An error of Control is that of the call.
func TestControlThatFails(t *testing.T) {
	reason := errors.New("no such interface")
	e := newEnd(t, &Config{Control: func(string, string, syscall.RawConn) error { return reason }})
	server := newEnd(t, nil)
	for name, open := range map[string]func() (*Connection, error){
		"client": func() (*Connection, error) {
			return e.manager.OpenTCPClientConnection("127.0.0.1", server.port(), soon)
		},
		"rendezvous": func() (*Connection, error) { return e.manager.OpenTCPServerRendezvous(0, 0) },
		"UDP":        func() (*Connection, error) { return e.manager.OpenUDPConnection(0) },
		"group":      func() (*Connection, error) { return e.manager.OpenUDPConnectionAt(mustAddress(t, "239.1.2.3:0")) },
	} {
		conn, err := open()
		assert.ErrorIs(t, err, reason, name)
		assert.Nil(t, conn)
	}
}

// Clients connect from the address that Config names.
func TestLocalAddress(t *testing.T) {
	server, client := newEnd(t, nil), newEnd(t, &Config{CloseTimeout: -1, LocalAddress: mustAddress(t, "127.0.0.9:0")})
	_, err := client.manager.OpenTCPClientConnection("127.0.0.1", server.port(), soon)
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Skip("this system has no 127.0.0.9: ", err)
	}
	require.NoError(t, err)
	assert.Equal(t, "127.0.0.9", server.accepted().Address().IPString())
	_, err = client.manager.OpenTCPClientConnection("::1", server.port(), soon)
	var addrErr *net.AddrError
	assert.ErrorAs(t, err, &addrErr, "the other version of IP")
}

func TestRendezvousArguments(t *testing.T) {
	m := NewQueuedConnectionManager(nil)
	defer m.Close()
	_, err := m.OpenTCPServerRendezvous(0, -1)
	assert.Error(t, err, "backlog")
	for _, port := range []int{-1, 65_536} {
		_, err := m.OpenTCPServerRendezvous(port, 0)
		assert.Error(t, err)
	}
}
