package queuednet

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A process without descriptors left accepts again when it has some.
func TestAcceptWithoutDescriptors(t *testing.T) {
	e := newEnd(t, nil)
	rendezvous, address := e.listen()
	require.True(t, e.listener.RemoveConnection(rendezvous))
	dialRaw(t, address) // it waits in the system
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	none := syscall.Rlimit{Cur: 3, Max: limit.Max}
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none))
	restore := func() { require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)) }
	defer restore()
	require.NoError(t, e.listener.AddConnection(rendezvous))
	eventually(t, "failure", func() bool { return e.manager.Refusals().AcceptErrors > 2 })
	assert.False(t, e.listener.NewConnectionAvailable())
	assert.NoError(t, rendezvous.Err())
	restore()
	e.accept()
}
