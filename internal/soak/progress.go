package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"runtime/debug"
	"time"
)

// figures are what must come back to where it began.
type figures struct {
	heap        int64 // bytes in use after a collection
	resident    int64 // bytes, -1 where the system does not tell
	goroutines  int
	descriptors int // -1 where the system does not tell
}

func measure() figures {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return figures{heap: int64(m.HeapAlloc), resident: resident(), goroutines: runtime.NumGoroutine(), descriptors: descriptors()}
}

func (f figures) String() string {
	return fmt.Sprintf("heap %s, resident %s, %d goroutines, %d descriptors", mebibytes(f.heap), mebibytes(f.resident), f.goroutines, f.descriptors)
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

const (
	heapSlack     = 2 << 20
	residentSlack = 64 << 20
)

// returned fails unless everything is back at its start. What ended last may
// take a moment to be gone.
func returned(start figures, out io.Writer) error {
	var now figures
	var err error
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		runtime.GC() // pools keep what they have for one collection more
		debug.FreeOSMemory()
		now = measure()
		err = nil
		if now.goroutines > start.goroutines {
			err = errors.Join(err, fmt.Errorf("%d goroutines are left", now.goroutines-start.goroutines))
		}
		if now.descriptors > start.descriptors {
			err = errors.Join(err, fmt.Errorf("%d descriptors are left", now.descriptors-start.descriptors))
		}
		if now.heap > start.heap+heapSlack {
			err = errors.Join(err, fmt.Errorf("%s of heap are left", mebibytes(now.heap-start.heap)))
		}
		if now.resident > start.resident+residentSlack {
			err = errors.Join(err, fmt.Errorf("%s of resident memory are left", mebibytes(now.resident-start.resident)))
		}
		if err == nil || time.Now().After(end) {
			break
		}
	}
	fmt.Fprintf(out, "with everything closed: %v\n", now)
	return err
}

// progress prints a line from time to time, and remembers the memory.
type progress struct {
	w        *world
	out      io.Writer
	start    time.Time
	cpu      time.Duration
	memories []figures
}

func newProgress(w *world, out io.Writer) *progress {
	return &progress{w: w, out: out, start: time.Now(), cpu: processorTime()}
}

// line prints how it goes.
func (p *progress) line(name string) {
	now := measure()
	if name == "" {
		p.memories = append(p.memories, now)
		name = time.Since(p.start).Round(time.Second).String()
	}
	l := p.w.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	cpu := 100 * float64(processorTime()-p.cpu) / float64(time.Since(p.start))
	fmt.Fprintf(p.out, "%s: %d lives, %d over, %d and %d datagrams to the server and to clients in those; %v; %.0f %% of a processor; ends: %s\n",
		name, len(l.open), l.settled(), l.toServer.received(), l.toClient.received(), now, cpu, counts(l.ends))
}

func (f flow) all() int { return f.datagrams + f.shared }

// settled is how many lives are over. l.mu is held.
func (l *ledger) settled() (n int) {
	for _, count := range l.roles {
		n += count
	}
	return n
}

// report prints the sums.
func (p *progress) report() {
	l := p.w.ledger
	fmt.Fprintf(p.out, "lives: %s\n", counts(l.roles))
	p.sums("to the server", l.toServer)
	p.sums("to the clients", l.toClient)
	fmt.Fprintf(p.out, "UDP to the server: %v\nUDP to the clients: %v\n", p.w.losses[0], p.w.losses[1])
	fmt.Fprintf(p.out, "server: %+v\n", p.w.server.figures)
}

func (p *progress) sums(direction string, s sums) {
	fmt.Fprintf(p.out, "%s: sent %v, received %v\n", direction, s.whole.sent, s.whole.received)
	fmt.Fprintf(p.out, "%s, in lives that were cut off: sent %v, received %v\n", direction, s.cut.sent, s.cut.received)
}

func (f flow) String() string {
	return fmt.Sprintf("%d datagrams and %d broadcasts, %d bytes", f.datagrams, f.shared, f.bytes)
}

// steady fails if memory has grown all the time: the most in the last third of
// the run must not be far above the most in the first, which begins when all are
// there.
func (p *progress) steady() error {
	if len(p.memories) < 10 {
		return nil
	}
	third := len(p.memories) / 3
	first, last := highest(p.memories[1:third+1]), highest(p.memories[len(p.memories)-third:])
	fmt.Fprintf(p.out, "the most in the first and in the last third: heap %s and %s, resident %s and %s, %d and %d goroutines, %d and %d descriptors\n",
		mebibytes(first.heap), mebibytes(last.heap), mebibytes(first.resident), mebibytes(last.resident),
		first.goroutines, last.goroutines, first.descriptors, last.descriptors)
	if last.heap > first.heap*3/2+heapSlack || last.resident > first.resident*3/2+residentSlack {
		return errors.New("memory grows")
	}
	return nil
}

func highest(all []figures) (most figures) {
	for _, f := range all {
		most.heap = max(most.heap, f.heap)
		most.resident = max(most.resident, f.resident)
		most.goroutines = max(most.goroutines, f.goroutines)
		most.descriptors = max(most.descriptors, f.descriptors)
	}
	return most
}

func portOf(address net.Addr) int {
	if udp, ok := address.(*net.UDPAddr); ok {
		return udp.Port
	}
	return 0
}
