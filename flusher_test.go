package queuednet

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// A countingCarrier counts what the flushing goroutines call.
type countingCarrier struct {
	carrier
	flushes atomic.Int32
	inside  atomic.Int32
	t       *testing.T
}

func (c *countingCarrier) flush() {
	assert.Equal(c.t, int32(1), c.inside.Add(1), "flushed by two at the same time")
	time.Sleep(time.Microsecond)
	c.inside.Add(-1)
	c.flushes.Add(1)
}

// flushing runs a test in a bubble with a flusher and so many streams.
func flushing(t *testing.T, streams int, test func(f *flusher, all []*stream)) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlusher()
		f.log = &sendLog{flusher: f}
		var goroutines sync.WaitGroup
		for range flushers() {
			goroutines.Go(f.run)
		}
		all := make([]*stream, streams)
		for i := range all {
			all[i] = &stream{carrier: &countingCarrier{t: t}}
		}
		test(f, all)
		close(f.stop)
		goroutines.Wait()
	})
}

func flushesOf(s *stream) int { return int(s.carrier.(*countingCarrier).flushes.Load()) }

// Whatever is queued, in chains of any length by several goroutines, is flushed once.
func TestFlusherTakesEachOnce(t *testing.T) {
	const queuing, rounds = 8, 10
	flushing(t, queuing*100, func(f *flusher, all []*stream) {
		for round := 1; round <= rounds; round++ {
			var goroutines sync.WaitGroup
			for i := range queuing {
				random := rand.New(rand.NewPCG(uint64(round), uint64(i)))
				own := all[i*100 : (i+1)*100]
				goroutines.Go(func() {
					for len(own) > 0 {
						var dirty chain
						for range min(1+random.IntN(40), len(own)) {
							dirty.add(own[0])
							own = own[1:]
						}
						f.queue(dirty)
						if random.IntN(3) == 0 {
							time.Sleep(time.Microsecond)
						}
					}
				})
			}
			goroutines.Wait()
			synctest.Wait()
			time.Sleep(time.Second)
			for _, s := range all {
				if !assert.Equal(t, round, flushesOf(s)) {
					return
				}
			}
		}
	})
}

// A broadcast is shared by all flushing goroutines.
func TestFlusherShares(t *testing.T) {
	const streams = 64
	flushing(t, streams, func(f *flusher, all []*stream) {
		var dirty chain
		for _, s := range all {
			dirty.add(s)
		}
		start := time.Now()
		f.queue(dirty)
		for range streams {
			synctest.Wait()
			if flushesOf(all[0])+flushesOf(all[streams-1]) == 2 {
				break
			}
			time.Sleep(time.Microsecond)
		}
		took, alone := time.Since(start), streams*time.Microsecond
		assert.Less(t, took, alone*3/4)
	})
}

// An empty chain wakes nobody.
func TestFlusherEmptyChain(t *testing.T) {
	f := newFlusher()
	f.queue(chain{})
	assert.Empty(t, f.wake)
}
