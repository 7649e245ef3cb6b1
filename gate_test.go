package queuednet

import (
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/queuednet/queuednet/internal/testmode"
)

// A gate lets one goroutine in at a time, and those that wait for something only while
// there is something.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const putting, taking, each = 4, 3, 300
		g := newGate()
		queued, taken, inside := 0, 0, 0
		hold := func() func() {
			inside++
			assert.Equal(t, 1, inside)
			return func() {
				inside--
				g.unlock(queued > 0)
			}
		}
		var goroutines sync.WaitGroup
		for i := range putting {
			goroutines.Go(func() {
				for j := range each {
					g.lock()
					leave := hold()
					queued++
					leave()
					if (i+j)%7 == 0 {
						time.Sleep(time.Microsecond)
					}
				}
			})
		}
		for range taking {
			goroutines.Go(func() {
				for range putting * each / taking {
					<-g.something
					leave := hold()
					assert.Positive(t, queued)
					queued--
					taken++
					leave()
				}
			})
		}
		goroutines.Wait()
		assert.Equal(t, putting*each, taken)
		assert.Zero(t, queued)
		select {
		case <-g.something:
			t.Error("there is nothing")
		default:
		}
	})
}

// Whoever waits for something is let in when there is, and by nothing else.
func TestGateWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		var waiting sync.WaitGroup
		over := make(chan struct{})
		got := 0
		for range 3 {
			waiting.Go(func() {
				select {
				case <-g.something:
					got++
					g.unlock(true) // for the next one
				case <-over:
				}
			})
		}
		synctest.Wait()
		g.lock()
		synctest.Wait()
		g.unlock(false)
		synctest.Wait()
		require.Zero(t, got)
		g.lock()
		g.unlock(true)
		waiting.Wait()
		require.Equal(t, 3, got)
		g.lock()
		g.unlock(false)
		waiting.Go(func() {
			select {
			case <-g.something:
				t.Error("there is nothing any more")
			case <-over:
			}
		})
		close(over)
		waiting.Wait()
	})
}

// Waits for readers end by what is queued, whether it is queued before, at the same time
// or after, and by the end of the context or the manager; none ends for something that
// was taken before.
func TestReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := ready{gate: newGate()}
		never := make(chan struct{})
		waitFor := func(ctx context.Context, closed chan struct{}) error {
			got, err := r.wait(ctx, closed, nil)
			assert.False(t, got)
			return err
		}
		r.add()
		require.NoError(t, waitFor(t.Context(), never))
		r.remove(1)

		for _, pause := range []time.Duration{0, time.Microsecond} {
			const waiters = 3
			for range 100 {
				var loops sync.WaitGroup
				for range waiters {
					loops.Go(func() { assert.NoError(t, waitFor(t.Context(), never)) })
				}
				time.Sleep(pause)
				r.add()
				loops.Wait()
				r.remove(1)
			}
		}
		// The gate may still say that there is something.
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		require.ErrorIs(t, waitFor(ctx, never), context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(start))
		start = time.Now()
		frame := &frameContext{t.Context(), start.Add(time.Minute)}
		require.ErrorIs(t, waitFor(frame, never), context.DeadlineExceeded)
		require.Equal(t, time.Minute, time.Since(start))
		ctx, cancel = context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, waitFor(&frameContext{ctx, start}, never), context.Canceled, "it was done before")

		closed := make(chan struct{})
		time.AfterFunc(time.Second, func() { close(closed) })
		require.ErrorIs(t, waitFor(t.Context(), closed), net.ErrClosed)
		require.Zero(t, r.waiters.Load())
		require.NotPanics(t, func() { g := r.gate; g.lock(); g.unlock(false) }, "it was given back")
	})
}

// A frameContext is a context whose deadline its loop moves from frame to frame: at the
// deadline it tells nobody.
type frameContext struct {
	context.Context
	deadline time.Time
}

func (c *frameContext) Deadline() (time.Time, bool) { return c.deadline, true }

// Waiting until a deadline allocates nothing.
func TestReadyAllocatesNothing(t *testing.T) {
	if testmode.Race {
		t.Skip("the race detector allocates")
	}
	r := ready{gate: newGate()}
	frame := &frameContext{Context: t.Context()}
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		frame.deadline = time.Now().Add(100 * time.Microsecond)
		_, err := r.wait(frame, nil, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}))
}
