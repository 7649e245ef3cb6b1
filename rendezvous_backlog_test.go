package queuednet

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A rendezvous with a backlog of 1 accepts the second client when the first one has been
// taken, and not before: row 47 of the table, with a look at who waits.
func TestBacklogOf1(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnd(t, nil)
		listener := newPipeListener()
		rendezvous, err := e.manager.adoptRendezvous(listener, 1)
		require.NoError(t, err)
		require.NoError(t, e.listener.AddConnection(rendezvous))
		listener.Dial(t)
		second := listener.Dial(t)
		synctest.Wait()
		assert.Equal(t, 1, listener.Waiting(), "not accepted")
		_, ok := e.listener.GetNewConnection()
		assert.True(t, ok)
		_, ok = e.listener.GetNewConnection()
		assert.False(t, ok)

		conn := e.accept()
		go e.writer.Send(NewDatagram([]byte("served")), conn)
		assert.Equal(t, framed(2, "served"), read(t, second, 8))
	})
}
