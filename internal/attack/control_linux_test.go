package attack

import (
	"runtime"
	"slices"
	"time"
)

// A control is a loop without a library: a thread that computes the same in each
// frame. What a frame of it needs beyond the usual is the machine's: the system
// counts the interrupts that a thread suffers as the thread's own time, and most
// of what comes over the loopback interface is done in interrupts; and of the
// time that a virtual machine does not get it tells no thread.
type control struct {
	stop  chan struct{}
	meter chan *meter
}

// controlTime is about as long as a long frame of the server's.
const controlTime = time.Millisecond

func startControl() *control {
	c := &control{stop: make(chan struct{}), meter: make(chan *meter)}
	go c.run()
	return c
}

// end returns what the machine added to frames: the most processor time to one,
// and the time with waiting to one in a hundred.
func (c *control) end() (longest, common time.Duration) {
	close(c.stop)
	m := <-c.meter
	return slices.Max(m.usage) - percentile(m.usage, 0.5), percentile(m.busies, 0.99) - percentile(m.busies, 0.5)
}

func (c *control) run() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	amount := 1 << 10
	for {
		start := threadTime()
		compute(amount)
		if threadTime()-start > controlTime {
			break
		}
		amount += amount / 4
	}
	m := newMeter()
	defer m.close()
	ticker := time.NewTicker(frame)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			m.begin()
			compute(amount)
			m.end()
		case <-c.stop:
			c.meter <- m
			return
		}
	}
}

var computed int

func compute(amount int) {
	for i := range amount {
		computed += i
	}
}
