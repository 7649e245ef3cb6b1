package queuednet

import (
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// requireHeap asserts that the first stream is the next, and that each knows its place.
func requireHeap(t *testing.T, c *clocks) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, s := range c.heap {
		require.Equal(t, i, s.clock.index)
		if i > 0 {
			require.LessOrEqual(t, c.heap[(i-1)/2].clock.at, s.clock.at, "the heap's order at %d", i)
		}
	}
}

// The heap against a map: streams are armed, armed earlier and later, stopped, and
// come out in the order of their times.
func TestClocksHeap(t *testing.T) {
	random := rand.New(rand.NewPCG(rand.Uint64(), 0))
	m := NewQueuedConnectionManager(nil)
	defer m.Close()
	c := &m.clocks
	const streams, far = 50, time.Hour
	all := make([]*stream, streams)
	for i := range all {
		all[i] = m.makeStream(endpoints{}, nil, false)
	}
	want := make(map[*stream]time.Duration)
	for range 10_000 {
		s := all[random.IntN(streams)]
		switch at := far + time.Duration(random.IntN(1000)); random.IntN(4) {
		case 0, 1:
			s.arm(at)
			want[s] = earlier(want[s], at)
		case 2:
			s.clock.stop(s)
			delete(want, s)
		case 3:
			got := c.pop(at)
			if got == nil {
				for _, other := range want {
					require.Greater(t, other, at)
				}
				break
			}
			for _, other := range want {
				require.LessOrEqual(t, want[got], other)
			}
			require.LessOrEqual(t, want[got], at)
			delete(want, got)
		}
		require.Len(t, c.heap, len(want))
		for s, at := range want {
			require.Equal(t, at, s.clock.at)
		}
		requireHeap(t, c)
	}
}

// Each stream is called when its time has come, not when another's has, and again
// where that was too early: what has come meanwhile moves no clock.
func TestClocksCallEachInTime(t *testing.T) {
	onEngine(t, &Config{IdleTimeout: time.Hour}, func(t *testing.T, e engineEnd) {
		ends := make(map[*Connection]time.Duration)
		start := time.Now()
		for range 4 {
			conn, far := e.connected(100)
			ends[conn] = time.Since(start) + time.Hour
			time.Sleep(10 * time.Minute)
			if len(ends)%2 == 0 {
				far.offer([]byte(framed(2, "x")))
				ends[conn] = time.Since(start) + time.Hour
			}
		}
		for range ends {
			var conn *Connection
			for conn == nil {
				require.NoError(t, e.manager.WaitForReaders(t.Context()))
				e.messages()
				conn, _ = e.manager.GetResetConnection()
			}
			require.Equal(t, ErrIdle, conn.Err())
			assert.InDelta(t, ends[conn], time.Since(start), float64(time.Second))
		}
	})
}

// A limit at the end of time never passes, and one before it does.
func TestClocksAtTheEndOfTime(t *testing.T) {
	config := &Config{IdleTimeout: math.MaxInt64, WriteTimeout: time.Minute}
	onEngine(t, config, func(t *testing.T, e engineEnd) {
		idle, _ := e.connected(100)
		stuck, _ := e.connected(100)
		time.Sleep(1000 * time.Hour)
		e.send(stuck, string(make([]byte, 200)))
		require.NoError(t, e.manager.WaitForReaders(t.Context()))
		ended, ok := e.manager.GetResetConnection()
		require.True(t, ok)
		assert.Same(t, stuck, ended)
		assert.Equal(t, ErrWriteTimeout, stuck.Err())
		assert.NoError(t, idle.Err())
		requireHeap(t, &e.manager.clocks)
	})
}

// A manager that closes waits for a call under way, and there is none after that.
func TestClocksClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewQueuedConnectionManager(nil)
		s := m.makeStream(endpoints{}, nil, false)
		s.arm(time.Second)
		require.NoError(t, m.Close())
		s.arm(time.Millisecond)
		time.Sleep(time.Hour)
		assert.Len(t, m.clocks.heap, 1, "it was not called, and not armed again")
	})
}
