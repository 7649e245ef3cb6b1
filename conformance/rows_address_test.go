package conformance_test

import (
	"testing"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/internal/testnet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var addressRows = []row{
	{122, "default", func(t *testing.T) {
		var address queuednet.NetAddress
		assert.Equal(t, "0.0.0.0:0", address.String())
		assert.True(t, address.IsAny())
	}},
	{123, "text", func(t *testing.T) {
		address, err := queuednet.ParseNetAddress("[::1]:80")
		require.NoError(t, err)
		assert.Equal(t, "[::1]:80", address.String())
		assert.Equal(t, "::1", address.IPString())
	}},
	{124, "equality_IPv6", func(t *testing.T) {
		a, errA := queuednet.ParseNetAddress("[::1]:80")
		b, errB := queuednet.ParseNetAddress("[::1]:80")
		other, errOther := queuednet.ParseNetAddress("[::1]:81")
		require.NoError(t, errA)
		require.NoError(t, errB)
		require.NoError(t, errOther)
		assert.True(t, a == b)
		assert.False(t, a == other)
		assert.Zero(t, a.Compare(b))
		assert.Equal(t, -1, a.Compare(other))
		assert.Equal(t, 1, other.Compare(a))
	}},
	{125, "ip_component", func(t *testing.T) {
		var address queuednet.NetAddress
		require.NoError(t, address.SetLocalhost(80))
		var got []byte
		for n := range 4 {
			got = append(got, address.IPComponent(n))
		}
		assert.Equal(t, []byte{127, 0, 0, 1}, got)
	}},
	{126, "port_out_of_range", func(t *testing.T) {
		var address queuednet.NetAddress
		require.NoError(t, address.SetLocalhost(80))
		assert.Error(t, address.SetPort(70_000))
		assert.Equal(t, "127.0.0.1:80", address.String(), "unchanged")
	}},
	{127, "set_host_failure", func(t *testing.T) {
		var address queuednet.NetAddress
		require.NoError(t, address.SetLocalhost(80))
		assert.Error(t, address.SetHost("", 81))
		testnet.OnlyNames(t, nil)
		assert.Error(t, address.SetHost("nobody.invalid", 81))
		assert.Equal(t, "127.0.0.1:80", address.String(), "unchanged")
	}},
	{128, "host_and_port", func(t *testing.T) {
		address, err := queuednet.ParseNetAddress("127.0.0.1:99")
		require.NoError(t, err)
		assert.Equal(t, "127.0.0.1:99", address.String())

		address, err = queuednet.ParseNetAddress(" [::1] :7")
		require.NoError(t, err)
		assert.Equal(t, "[::1]:7", address.String())

		_, err = queuednet.ParseNetAddress("127.0.0.1")
		assert.Error(t, err)
	}},
}
