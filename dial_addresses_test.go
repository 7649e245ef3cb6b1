package queuednet

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAddressesTakeTurns(t *testing.T) {
	parse := func(texts ...string) (addresses []netip.AddrPort) {
		for _, text := range texts {
			addresses = append(addresses, netip.MustParseAddrPort(text))
		}
		return addresses
	}
	assert.Equal(t, parse("[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"),
		alternate(parse("[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1")))
	assert.Equal(t, parse("1.1.1.1:1", "[::1]:1", "2.2.2.2:1"), alternate(parse("1.1.1.1:1", "2.2.2.2:1", "[::1]:1")))
	assert.Equal(t, parse("1.1.1.1:1"), alternate(parse("1.1.1.1:1")))
	assert.Equal(t, nextAddressAfter, pauseBetween(2, 5*time.Second))
	assert.Equal(t, 50*time.Millisecond, pauseBetween(5, 500*time.Millisecond))
	assert.Equal(t, minNextAddressAfter, pauseBetween(5, time.Millisecond))
}

// Addresses that refuse are passed over at once, and the reason is the first's.
func TestRaceOfAddressesThatRefuse(t *testing.T) {
	port := uint16(closedPort(t))
	var addresses []netip.AddrPort
	for _, host := range []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"} {
		addresses = append(addresses, netip.AddrPortFrom(netip.MustParseAddr(host), port))
	}
	config := new(Config)
	_, err := config.connect(t.Context(), addresses, time.Hour)
	assert.ErrorIs(t, err, errConnectionRefused)
	assert.ErrorContains(t, err, "127.0.0.1:")

	live := listenRaw(t, "tcp4", "127.0.0.1:0")
	defer live.Close()
	socket, err := config.connect(t.Context(), append(addresses, live.Addr().(*net.TCPAddr).AddrPort()), time.Hour)
	require.NoError(t, err)
	assert.Equal(t, live.Addr(), socket.RemoteAddr())
	require.NoError(t, socket.Close())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = config.connect(ctx, addresses, time.Hour)
	assert.ErrorIs(t, err, context.Canceled)
}
