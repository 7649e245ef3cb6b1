package free

import (
	"net"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAddresses(t *testing.T) {
	addresses, err := Addresses(20)
	require.NoError(t, err)
	slices.Sort(addresses)
	assert.Len(t, slices.Compact(addresses), 20)
	for _, address := range addresses {
		listener, err := net.Listen("tcp", address)
		require.NoError(t, err)
		defer listener.Close()
	}
}
