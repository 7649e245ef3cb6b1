package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A game is one run of the demo: what its goroutines share.
type game struct {
	options
	start time.Time
	port  int           // of the server
	leave chan struct{} // closed when it is time for the clients to leave

	isFlooded atomic.Bool  // the flood has begun
	connected atomic.Int64 // this and the rest is for the progress line
	atServer  atomic.Int64 // datagrams taken
	atClients atomic.Int64
}

// role returns what the client of an index does. The last ones are the misfits.
func (g *game) role(i int) role {
	if i -= g.clients - len(g.misfits); i >= 0 {
		return g.misfits[i]
	}
	return plays
}

// play runs the server and the clients until they are done, or until patience is
// at an end: then the report shows what is missing. It fails only where there is
// nothing to report.
func play(ctx context.Context, options options, progress io.Writer) (*report, error) {
	goroutines := runtime.NumGoroutine()
	g := &game{options: options, start: time.Now(), leave: make(chan struct{})}
	s, err := newServer(g)
	if err != nil {
		return nil, err
	}
	clients := newClients(g)

	patient, cancel := context.WithTimeout(ctx, options.duration+options.patience)
	defer cancel()
	running, fail := context.WithCancelCause(patient)
	defer fail(nil)
	var loops sync.WaitGroup
	loop := func(run func(context.Context) error) {
		loops.Go(func() {
			if err := run(running); err != nil {
				fail(err)
			}
		})
	}
	loop(s.run)
	for _, c := range clients {
		loop(c.run)
	}
	stopWatching := g.watch(progress)

	await(running, time.After(options.duration))
	await(running, s.thinnedOut)
	close(g.leave)
	loops.Wait()
	stopWatching()
	switch cause := context.Cause(running); {
	case ctx.Err() != nil:
		return nil, errInterrupted
	case cause != nil && patient.Err() == nil:
		return nil, cause
	}
	return newReport(g, s, clients, goroutinesLeft(goroutines, options.patience)), nil
}

// await waits for a channel, or for the end of it all.
func await[T any](ctx context.Context, channel <-chan T) {
	select {
	case <-channel:
	case <-ctx.Done():
	}
}

const frame = time.Second / 60

// frames yields at every whole frame since start until ctx is done, and with it how
// late the system lets the frame begin. Frames that are missed because one takes
// too long are not made up for.
func frames(ctx context.Context, start time.Time) iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		var due time.Time
		untilNext := func() time.Duration {
			now := time.Now()
			wait := frame - now.Sub(start)%frame
			due = now.Add(wait)
			return wait
		}
		timer := time.NewTimer(untilNext())
		defer timer.Stop()
		for {
			select {
			case <-timer.C:
			case <-ctx.Done():
				return
			}
			if !yield(time.Since(due)) {
				return
			}
			timer.Reset(untilNext())
		}
	}
}

// watch shows what is going on until the function that it returns is called. It
// has a goroutine of its own: a terminal can be slow, and no loop shall wait.
func (g *game) watch(w io.Writer) (stop func()) {
	if w == io.Discard {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var watcher sync.WaitGroup
	watcher.Go(func() {
		ticker := time.NewTicker(time.Second / 10)
		defer ticker.Stop()
		for ctx.Err() == nil {
			fmt.Fprintf(w, "\r%-79s", fmt.Sprintf("%5.1f s: %d connected, datagrams taken: server %s, clients %s",
				time.Since(g.start).Seconds(), g.connected.Load(), grouped(int(g.atServer.Load())), grouped(int(g.atClients.Load()))))
			await(ctx, ticker.C)
		}
		fmt.Fprintf(w, "\r%s\r", strings.Repeat(" ", 79))
	})
	return func() {
		cancel()
		watcher.Wait()
	}
}

// goroutinesLeft returns how many more goroutines there are than there were. The
// last ones may still be on their way out of their functions.
func goroutinesLeft(were int, patience time.Duration) int {
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if left := runtime.NumGoroutine() - were; left <= 0 || time.Now().After(end) {
			return max(left, 0)
		}
	}
}
