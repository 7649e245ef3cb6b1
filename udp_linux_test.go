package queuednet

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inNamespace runs the test again in a network namespace with a loopback
// interface, over which IPv4 multicast goes, and a pair of others, v0 and v1,
// that lead nowhere. It reports whether this is that run; elsewhere the test is
// over. Nothing leaves the machine, and its own interfaces do not matter.
func inNamespace(t *testing.T) bool {
	t.Helper()
	const inside = "QUEUEDNET_TEST_IN_NAMESPACE"
	if os.Getenv(inside) == t.Name() {
		return true
	}
	const cannot = 77 // an exit code that go test does not have
	program, err := os.Executable()
	require.NoError(t, err)
	setUp := fmt.Sprintf(`ip link set lo up multicast on &&
		ip route add 224.0.0.0/4 dev lo &&
		ip link add v0 type veth peer name v1 &&
		{ echo 0 >/proc/sys/net/ipv6/conf/v0/accept_dad || true; } &&
		ip link set v1 up && ip link set v0 up || exit %d
		`+awaitIPv6("v0")+`
		exec "$0" "$@"`, cannot)
	cmd := exec.CommandContext(t.Context(), "sh", "-c", setUp,
		program, "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout="+(2*patience).String())
	cmd.Env = append(os.Environ(), inside+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	output, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil && bytes.Contains(output, []byte("--- SKIP")):
		t.Skipf("skipped in its namespace:\n%s", output)
	case err == nil:
	case errors.As(err, &exit) && exit.ExitCode() != cannot:
		t.Fatalf("in its namespace: %v\n%s", err, output)
	default:
		t.Skipf("no network namespace to be had: %v\n%s", err, output)
	}
	return false
}

// awaitIPv6 is a command that waits until an interface has the address without which
// nothing can be sent over it by IPv6. A tentative one is no such address: what is sent
// meanwhile is lost.
func awaitIPv6(name string) string {
	return "for i in $(seq 1000); do ip -6 addr show dev " + name + " scope link -tentative | grep -q inet6 && break; sleep 0.01; done"
}

func TestUDPMulticastIPv4(t *testing.T) {
	if inNamespace(t) {
		testMulticast(t, "239.77.1.2:0", "127.0.0.1:0")
	}
}

func TestUDPMulticastIPv6(t *testing.T) {
	if inNamespace(t) {
		needIPv6(t)
		testMulticast(t, "[ff02::7175:1%v0]:0", "[::]:0")
		v0, err := net.InterfaceByName("v0")
		require.NoError(t, err)
		testMulticast(t, fmt.Sprintf("[ff02::7175:2%%%d]:0", v0.Index), "[::]:0")
	}
}

// testMulticast lets three programs of one machine join a group, and one send
// to it that has not joined.
func testMulticast(t *testing.T, group, outside string) {
	t.Helper()
	address := mustAddress(t, group)
	require.True(t, address.IsMulticast())
	var members []*end
	var conns []*Connection
	for range 3 {
		e := newEnd(t, nil)
		conn := e.udp(address.String())
		require.NoError(t, address.SetPort(conn.LocalAddress().Port()))
		members, conns = append(members, e), append(conns, conn)
	}
	received := func(text string) {
		t.Helper()
		for _, e := range members {
			datagram := e.next()
			assert.Equal(t, text, string(datagram.Message()))
		}
	}
	for i, e := range members {
		text := fmt.Sprint("from member ", i)
		e.sendTo(conns[i], address, text)
		received(text) // its sender has it, too
	}
	stranger := newEnd(t, nil)
	stranger.sendTo(stranger.udp(outside), address, "from outside")
	received("from outside")

	// Another group's packets do not come in.
	other := newEnd(t, nil)
	otherGroup := mustAddress(t, "239.77.9.9:0")
	if address.IsIPv6() {
		otherGroup = mustAddress(t, "[ff02::7175:99%v0]:0")
	}
	otherConn := other.udp(otherGroup.String())
	require.NoError(t, otherGroup.SetPort(otherConn.LocalAddress().Port()))
	other.sendTo(otherConn, otherGroup, "another group")
	assert.Equal(t, "another group", string(other.next().Message()))
	assert.Zero(t, otherConn.UDPDrops())

	// Who has left receives nothing more.
	require.True(t, members[0].manager.CloseConnection(conns[0]))
	members[0].requireNoReset(conns[0])
	members = members[1:]
	stranger.sendTo(stranger.udp(outside), address, "to the rest")
	received("to the rest")
	for i, conn := range conns {
		assert.Zero(t, conn.UDPDrops(), "member %d", i)
	}
}

// A namespace has no way to anywhere: what is sent is refused, one by one.
func TestUDPNoRoute(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	e := newEnd(t, nil)
	conn := e.udpEverywhere()
	raw := rawUDP(t, "127.0.0.1:0")
	for range 3 {
		e.sendTo(conn, mustAddress(t, "192.0.2.1:9"), "no route")
		e.requireUDPExchange(conn, raw, local(t, conn))
	}
	eventually(t, "empty queue", func() bool { return sentAll(conn) })
	assert.Equal(t, UDPDrops{Unsent: 3}, conn.UDPDrops())
	assert.NoError(t, conn.Err())
	e.requireNoReset()

	// An adopted socket may have joined on an interface of the program's choice.
	lo, err := net.InterfaceByName("lo")
	require.NoError(t, err)
	group := mustAddress(t, "239.77.1.3:0")
	socket, err := net.ListenMulticastUDP("udp4", lo, net.UDPAddrFromAddrPort(group.AddrPort()))
	require.NoError(t, err)
	joined := e.adoptUDP(socket)
	require.NoError(t, group.SetPort(joined.LocalAddress().Port()))
	e.sendTo(conn, group, "to the group")
	datagram := e.next()
	assert.Same(t, joined, datagram.Connection())
	assert.Equal(t, "to the group", string(datagram.Message()))
}
