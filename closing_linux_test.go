package queuednet

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// AckTimeout gives way to a peer without room also while the manager closes.
func TestAPeerWithoutRoomIsNotDeadWhileTheManagerCloses(t *testing.T) {
	t.Parallel()
	const ack = 3 * time.Second // in which the sweep has to run on a busy machine
	e := newEnd(t, &Config{AckTimeout: ack, CloseTimeout: time.Minute})
	conn, raw := e.raw()
	const size, count = 60_000, 60 // more than the system's buffers hold
	for range count {
		e.send(conn, string(make([]byte, size)))
	}
	closed := make(chan error)
	go func() { closed <- e.manager.Close() }()
	time.Sleep(2 * ack) // the system would have given up
	n, err := io.Copy(io.Discard, raw)
	require.NoError(t, err)
	assert.EqualValues(t, count*(size+2), n)
	require.NoError(t, raw.Close())
	require.NoError(t, <-closed)
}
