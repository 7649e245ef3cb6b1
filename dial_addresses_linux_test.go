package queuednet

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/queuednet/queuednet/internal/sockopt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// silence makes an address one that does not answer, like a machine that is not
// there: its backlog is full.
func silence(t *testing.T, host string, port int) netip.Addr {
	t.Helper()
	listener := listenRaw(t, "tcp4", fmt.Sprintf("%s:%d", host, port))
	t.Cleanup(func() { listener.Close() })
	sockopt.SetBacklog(listener, 0)
	silent := 0
	for range 8 {
		socket, err := net.DialTimeout("tcp", listener.Addr().String(), 50*time.Millisecond)
		if err == nil {
			silent = 0
			t.Cleanup(func() { socket.Close() })
			continue
		}
		if silent++; silent == 2 { // one may be this process, which had no time
			return netip.MustParseAddr(host)
		}
	}
	t.Skip("a backlog of this system is never full")
	return netip.Addr{}
}

// Whatever comes before the good address of a name, it is reached.
func TestDeadAddressesBeforeALiveOne(t *testing.T) {
	server, client := newEnd(t, &Config{CloseTimeout: -1}), newEnd(t, &Config{CloseTimeout: -1})
	port := server.port()
	for _, dead := range []int{1, 4} {
		var addrs []netip.Addr
		for i := range dead {
			addrs = append(addrs, silence(t, fmt.Sprintf("127.0.%d.%d", dead, i+1), port))
		}
		names := map[string][]netip.Addr{
			"dead.test":  addrs,
			"mixed.test": append(addrs[:dead:dead], netip.MustParseAddr("127.0.0.1")),
		}
		serveAllNames(t, names)
		for _, timeout := range []time.Duration{500 * time.Millisecond, 5 * time.Second} {
			var conn *Connection
			err := errors.New("not tried")
			for tries := 0; err != nil && tries < 10; tries++ { // a busy machine may not have had the time
				conn, err = client.manager.OpenTCPClientConnection("mixed.test", port, timeout)
			}
			require.NoError(t, err, "%d dead, %v", dead, timeout)
			assert.Equal(t, "127.0.0.1", conn.Address().IPString())
			server.accepted()
		}
		_, err := client.manager.OpenTCPClientConnection("dead.test", port, 200*time.Millisecond)
		requireTimeout(t, err)
	}
}

// One that refuses early, and one that never answers: the time is over.
func TestRaceThatTimesOut(t *testing.T) {
	port := closedPort(t)
	serveAllNames(t, map[string][]netip.Addr{"mixed.test": {
		netip.MustParseAddr("127.0.0.1"), silence(t, "127.0.7.1", port),
	}})
	client := newEnd(t, nil)
	_, err := client.manager.OpenTCPClientConnection("mixed.test", port, 200*time.Millisecond)
	requireTimeout(t, err)
	assert.NotErrorIs(t, err, syscall.ECONNREFUSED)
}
