package conformance_test

import (
	"runtime"
	"testing"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// needInterfaces returns the machine's, or skips the test where it has none to tell.
func needInterfaces(t *testing.T) []queuednet.Interface {
	t.Helper()
	interfaces, err := queuednet.Interfaces()
	require.NoError(t, err)
	if len(interfaces) == 0 {
		t.Skip("this system does not tell its interfaces")
	}
	return interfaces
}

var interfaceRows = []row{
	{129, "interfaces", func(t *testing.T) {
		interfaces := needInterfaces(t)
		loopback := mustAddress(t, "127.0.0.1:0")
		found := 0
		for _, i := range interfaces {
			assert.NotEmpty(t, i.Name)
			assert.Zero(t, i.IP.Port())
			assert.Equal(t, i.IP.IsIPv6(), i.IPv6)
			if i.IPv6 {
				assert.Zero(t, i.Broadcast)
			}
			if i.IP == loopback {
				found++
				assert.True(t, i.Operational)
				assert.False(t, i.PointToPoint)
				assert.Equal(t, "255.0.0.0", i.Netmask.IPString())
			}
			if i.IP == loopback && runtime.GOOS == "linux" {
				assert.Equal(t, "lo [ operational 127.0.0.1 netmask 255.0.0.0 ]", i.String())
				assert.Empty(t, i.MAC)
			}
		}
		assert.Equal(t, 1, found, "one entry per address: %v", interfaces)
	}},
	{130, "interface_out_of_range", func(t *testing.T) {
		// There is no get_interface: Interfaces is a slice, with Go's own bounds
		// check, and a copy, so that a later scan does not change it.
		interfaces := needInterfaces(t)
		assert.Panics(t, func() { _ = interfaces[len(interfaces)] })
		interfaces[0].Name = "changed"
		again, err := queuednet.Interfaces()
		require.NoError(t, err)
		assert.NotEqual(t, "changed", again[0].Name)
	}},
}
