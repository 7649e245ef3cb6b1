package simulate

import (
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"time"
)

const (
	// maxHeld bounds what one socket has read ahead, in bytes.
	maxHeld = 1 << 20

	// itemCost is what anything that waits counts beside its bytes.
	itemCost = 128

	// readSize is how much of a stream is read at once, and the longest packet.
	readSize = 64 << 10
)

// A line is what has arrived at a socket and waits to be taken. One goroutine,
// the pump, puts into it; any number take.
type line struct {
	network *Network
	dice    *rand.Rand // of the pump alone

	changed   chan struct{} // a token: look again, something has come or the deadline has changed
	room      chan struct{} // a token: something has been taken
	closed    chan struct{}
	closeOnce sync.Once

	mu       sync.Mutex
	waiting  []item // in order of arrival: only the first one's time counts
	ready    []item // have overtaken those
	held     int    // cost of both
	deadline time.Time
}

// An item is some bytes of a stream, a packet, or an error of the socket's.
type item struct {
	data     []byte
	from, to net.Addr // of a packet; to is nil if nobody knows
	err      error
	at       time.Time // when it may be taken
	released <-chan struct{}
}

func (i *item) cost() int { return len(i.data) + itemCost }

// put adds an item with its fate. It waits while the line is full, and reports
// false once it is closed.
func (l *line) put(i item, f fate) bool {
	now := time.Now()
	i.released = f.released
	for n := range f.copies {
		i.at = now.Add(f.waits[n])
		for !l.tryPut(i, f.overtake && n == 0) {
			select {
			case <-l.room:
			case <-l.closed:
				return false
			}
		}
	}
	select {
	case <-l.closed:
		return false
	default:
		return true
	}
}

func (l *line) tryPut(i item, overtake bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held > 0 && l.held+i.cost() > maxHeld {
		return false
	}
	l.held += i.cost()
	if overtake {
		l.ready = append(l.ready, i)
	} else {
		l.waiting = append(l.waiting, i)
	}
	signal(l.changed)
	return true
}

// take waits for an item whose time has come and lets use have it; use reports
// whether it is done with it. It fails with net.ErrClosed, and at the deadline
// with os.ErrDeadlineExceeded.
func (l *line) take(use func(*item) (done bool)) error {
	for {
		wait, released, err := l.tryTake(use)
		if err != nil || wait == 0 {
			return err
		}
		var (
			timer *time.Timer
			over  <-chan time.Time
		)
		if wait < forever {
			timer = time.NewTimer(wait)
			over = timer.C
		}
		select {
		case <-over:
		case <-released:
		case <-l.changed:
		case <-l.closed:
		}
		if timer != nil {
			timer.Stop()
		}
	}
}

// forever is how long there is nothing to wait for but a change.
const forever = time.Duration(1<<63 - 1)

// tryTake takes if it can; otherwise it returns how long it would have to wait.
func (l *line) tryTake(use func(*item) bool) (wait time.Duration, released <-chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	switch {
	case isClosed(l.closed):
		return 0, nil, net.ErrClosed
	case !l.deadline.IsZero() && !now.Before(l.deadline):
		signal(l.changed) // for another one that waits
		return 0, nil, os.ErrDeadlineExceeded
	}
	if len(l.ready) > 0 {
		l.use(&l.ready, use)
		return 0, nil, nil
	}
	wait = forever
	if len(l.waiting) > 0 {
		first := &l.waiting[0]
		wait, released = first.at.Sub(now), first.released
		if wait <= 0 || isClosed(released) {
			l.use(&l.waiting, use)
			return 0, nil, nil
		}
	}
	if !l.deadline.IsZero() {
		wait = min(wait, l.deadline.Sub(now))
	}
	return wait, released, nil
}

// use lets use have the first item of a queue, and takes it off if it is done.
func (l *line) use(queue *[]item, use func(*item) bool) {
	first := &(*queue)[0]
	before := first.cost()
	if use(first) {
		l.held -= before
		*first = item{}
		*queue = (*queue)[1:]
	} else {
		l.held -= before - first.cost()
	}
	signal(l.room)
	signal(l.changed) // for another one that waits
}

func (l *line) setDeadline(t time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if isClosed(l.closed) {
		return net.ErrClosed
	}
	l.deadline = t
	signal(l.changed)
	return nil
}

// close ends whoever waits, and drops what does.
func (l *line) close() {
	l.closeOnce.Do(func() { close(l.closed) })
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting, l.ready, l.held = nil, nil, 0
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
