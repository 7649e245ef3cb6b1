//go:build !queuednet_noserver

package cluster

import (
	"net"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The server's port for clients is for nobody else.
func TestClientPortIsClosed(t *testing.T) {
	n := embeddedNodes(t, 1, nil)[0]
	host, _, err := net.SplitHostPort(n.server.server.Addr().String())
	require.NoError(t, err)
	assert.Equal(t, "127.0.0.1", host)
	_, err = nats.Connect(n.server.server.Addr().String())
	assert.ErrorIs(t, err, nats.ErrAuthorization)
	_, err = nats.Connect(n.server.server.Addr().String(), nats.UserInfo("queuednet", ""))
	assert.ErrorIs(t, err, nats.ErrAuthorization)
}
