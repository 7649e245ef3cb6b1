package badnet

import (
	"bytes"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/queuednet/queuednet"
)

// usage is what this process has: the program, both ends and the network.
type usage struct {
	heap       int // bytes that are in use after a collection
	goroutines int // of the library: its manager starts all of them in one way
}

func measureUsage() usage {
	runtime.GC()
	runtime.GC() // the second one empties the pools
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	stacks := make([]byte, 4<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return usage{int(memory.HeapAlloc), bytes.Count(stacks, []byte("created by sync.(*WaitGroup).Go"))}
}

// A growthWatch measures from time to time what has come in addition to the start.
type growthWatch struct {
	t           *testing.T
	start, most usage
	next        time.Time
}

func watchGrowth(t *testing.T) *growthWatch {
	now := measureUsage()
	return &growthWatch{t: t, start: now, most: now}
}

// look is called in each frame. What it does stops the program, so it is not
// done beside the loop, where a Send would wait for it.
func (w *growthWatch) look() {
	if time.Now().Before(w.next) {
		return
	}
	now := measureUsage()
	w.most.heap = max(w.most.heap, now.heap)
	w.most.goroutines = max(w.most.goroutines, now.goroutines)
	w.next = time.Now().Add(shortOrLong(time.Second/4, 2*time.Second))
}

const (
	// own is what the tests and the network may hold for themselves.
	own = 1 << 20

	// managers is how many a test has, each with goroutines of its own: at most
	// eight that flush, one that waits for idle connections, and while something is
	// not acknowledged one that watches, which ends a little later.
	managers, flushers, idlers, watchers = 2, 8, 1, 1
)

// assertBounded asserts what is documented: the queues of each end of each
// connection, and two goroutines; and, when all is quiet, no more memory than
// before, and the one goroutine that an end keeps for some seconds. It returns the
// most that the heap has grown.
func (w *growthWatch) assertBounded(connections int, config *queuednet.Config) int {
	w.t.Helper()
	ends := 2 * connections
	assert.LessOrEqual(w.t, w.most.heap-w.start.heap, ends*(config.MaxSendQueue+config.MaxReceiveQueue)+own, "bytes")
	assert.LessOrEqual(w.t, w.most.goroutines-w.start.goroutines, 2*ends+managers*(flushers+idlers+watchers), "goroutines")
	quiet := measureUsage()
	assert.LessOrEqual(w.t, quiet.heap-w.start.heap, own, "bytes when all is quiet")
	assert.LessOrEqual(w.t, quiet.goroutines-w.start.goroutines, ends+managers*(idlers+watchers), "goroutines when all is quiet")
	return max(w.most.heap, quiet.heap) - w.start.heap
}
