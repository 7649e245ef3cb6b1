//go:build js || wasip1

package queuednet

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// Nothing may look as if it had worked, and the error leads to what does.
func TestNoSystemSockets(t *testing.T) {
	manager := NewQueuedConnectionManager(nil)
	defer manager.Close()
	localhost := mustAddress(t, "127.0.0.1:4321")
	for name, open := range map[string]func() (*Connection, error){
		"OpenTCPClientConnection": func() (*Connection, error) {
			return manager.OpenTCPClientConnection("localhost", 4321, time.Second)
		},
		"BeginTCPClientConnection": func() (*Connection, error) {
			return manager.BeginTCPClientConnection("localhost", 4321, time.Second).Wait(t.Context())
		},
		"OpenTCPServerRendezvous":   func() (*Connection, error) { return manager.OpenTCPServerRendezvous(0, 0) },
		"OpenTCPServerRendezvousAt": func() (*Connection, error) { return manager.OpenTCPServerRendezvousAt(localhost, 0) },
		"OpenUDPConnection":         func() (*Connection, error) { return manager.OpenUDPConnection(0) },
		"OpenUDPConnectionAt":       func() (*Connection, error) { return manager.OpenUDPConnectionAt(localhost) },
		"OpenUDPConnectionAt, multicast": func() (*Connection, error) {
			return manager.OpenUDPConnectionAt(mustAddress(t, "239.77.1.2:0"))
		},
	} {
		conn, err := open()
		assert.Nil(t, conn, name)
		assert.ErrorIs(t, err, errors.ErrUnsupported, name)
		assert.ErrorContains(t, err, "WebSocket", name)
		assert.ErrorContains(t, err, "AdoptConnection", name)
	}
}
