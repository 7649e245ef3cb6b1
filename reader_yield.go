package queuednet

import (
	"runtime"
	"sync/atomic"
	"time"
)

// With one processor (GOMAXPROCS=1) a loop that polls and never sleeps leaves no time
// for the goroutines that read and write, except when the runtime interrupts it, every
// 10 ms. A reader recognizes such a loop by its polls, and lets the others run.

// If yieldPolls polls within yieldWithin find nothing, the loop does not sleep. A loop
// that polls once a frame is not held up.
const (
	yieldPolls  = 64
	yieldWithin = 10 * time.Millisecond
)

// yielder counts the polls that find nothing.
type yielder struct {
	alone bool // there is one processor
	polls atomic.Uint32
	last  atomic.Int64 // when polls was a multiple of yieldPolls, since manager.began
}

// idle is called for each call of Datagrams or GetData that finds nothing, with
// nothing locked. DataAvailable stays short enough to be inlined.
func (y *yielder) idle(m *QueuedConnectionManager) {
	if !y.alone || y.polls.Add(1)%yieldPolls != 0 {
		return
	}
	now := m.elapsed()
	if last := time.Duration(y.last.Swap(int64(now))); now-last < yieldWithin {
		runtime.Gosched()
	}
}
