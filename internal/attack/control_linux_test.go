package attack

import (
	"runtime"
	"slices"
	"time"
)

// A control is a loop without a library: a thread that computes the same in each
// frame. What a frame of it needs beyond the usual is the machine's: the system
// counts the interrupts that a thread suffers as the thread's own time, and most
// of what comes over the loopback interface is done in interrupts.
type control struct {
	stop   chan struct{}
	excess chan time.Duration
}

// controlTime is about as long as a long frame of the server's.
const controlTime = time.Millisecond

func startControl() *control {
	c := &control{stop: make(chan struct{}), excess: make(chan time.Duration)}
	go c.run()
	return c
}

// end returns the most processor time that the machine added to a frame.
func (c *control) end() time.Duration {
	close(c.stop)
	return <-c.excess
}

func (c *control) run() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	amount := 1 << 10
	for compute(amount) < controlTime {
		amount += amount / 4
	}
	ticker := time.NewTicker(frame)
	defer ticker.Stop()
	var times []time.Duration
	for {
		select {
		case <-ticker.C:
			times = append(times, compute(amount))
		case <-c.stop:
			c.excess <- slices.Max(times) - percentile(times, 0.5)
			return
		}
	}
}

var computed int

// compute returns how much processor time it takes to count.
func compute(amount int) time.Duration {
	start := threadTime()
	for i := range amount {
		computed += i
	}
	return threadTime() - start
}
