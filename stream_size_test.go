package queuednet

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
)

// An idle connection of the engine is one record. That it costs less than 1 KiB with all
// that the manager and the runtime have beside it is for BenchmarkIdleMemory to measure.
func TestStreamIsSmall(t *testing.T) {
	const sizeClass = 640 // of the runtime: one more byte costs 64
	if unsafe.Sizeof(uintptr(0)) == 8 {
		assert.LessOrEqual(t, unsafe.Sizeof(stream{}), uintptr(sizeClass))
	}
}
