package queuednet

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Idle polling allocates nothing and takes no lock: all of them are held.
func TestPromise08IdleCostsNothing(t *testing.T) {
	e := newEnd(t, nil)
	_, _ = e.raw()
	e.reader.mu.Lock()
	e.reader.queue.mu.Lock()
	e.listener.queue.mu.Lock()
	e.manager.resets.mu.Lock()
	e.manager.mu.Lock()
	allocations := testing.AllocsPerRun(100, func() {
		assert.False(t, e.reader.DataAvailable())
		assert.False(t, e.listener.NewConnectionAvailable())
		assert.False(t, e.manager.ResetConnectionAvailable())
	})
	e.reader.mu.Unlock()
	e.reader.queue.mu.Unlock()
	e.listener.queue.mu.Unlock()
	e.manager.resets.mu.Unlock()
	e.manager.mu.Unlock()
	assert.Zero(t, allocations)
}
