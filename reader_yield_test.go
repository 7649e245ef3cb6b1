package queuednet

import (
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
)

// emptyPolls are the ways to find nothing.
var emptyPolls = map[string]func(*QueuedConnectionReader){
	"GetData": func(r *QueuedConnectionReader) { r.GetData(new(NetDatagram)) },
	"Datagrams": func(r *QueuedConnectionReader) {
		for range r.Datagrams() {
		}
	},
}

// yields returns how often another goroutine ran while a reader was polled, if
// there are so many processors.
func yields(t *testing.T, processors int, polls func(e *end)) int64 {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
	e := newEnd(t, nil)
	var other atomic.Int64
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			default:
				other.Add(1)
				runtime.Gosched()
			}
		}
	}()
	for other.Load() == 0 {
		runtime.Gosched()
	}
	before := other.Load()
	polls(e)
	n := other.Load() - before
	close(done)
	<-ended
	return n
}

// With one processor a loop that never sleeps lets the goroutines that read and
// write run.
func TestBusyLoopYields(t *testing.T) {
	const rounds = 200
	for name, poll := range emptyPolls {
		t.Run(name, func(t *testing.T) {
			n := yields(t, 1, func(e *end) {
				for range rounds * yieldPolls {
					poll(e.reader)
				}
			})
			assert.GreaterOrEqual(t, n, int64(rounds/2), "but for those in which this process had no time")
		})
	}
}

// A loop that polls once a frame gives nothing away.
func TestFrameLoopDoesNotYield(t *testing.T) {
	n := yields(t, 1, func(e *end) {
		for range 20 * yieldPolls {
			e.reader.GetData(new(NetDatagram))
			last := &e.reader.yielder.last
			last.Store(last.Load() - int64(yieldWithin)) // a frame has passed
		}
	})
	assert.Less(t, n, int64(10), "but for what the runtime takes")
}

// Where other processors are, nothing is counted.
func TestPollCountsNothing(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	e := newEnd(t, nil)
	for range yieldPolls {
		e.reader.GetData(new(NetDatagram))
	}
	assert.Zero(t, e.reader.yielder.polls.Load())
	assert.NotPanics(t, func() {
		reader := NewQueuedConnectionReader(nil)
		for range 2 * yieldPolls {
			reader.GetData(new(NetDatagram))
		}
	})
}
