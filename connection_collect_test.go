package queuednet

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const collectInterval = 50 * time.Millisecond

// collectingEnd returns an end that collects for collectInterval, and what its peer gets.
func collectingEnd(t *testing.T) (*end, *Connection, tap) {
	e := newEnd(t, &Config{CollectTCP: true, CollectTCPInterval: collectInterval})
	conn, far := e.pipe()
	return e, conn, newTap(far)
}

func TestCollectedLeavesAfterTheInterval(t *testing.T) {
	const interval = collectInterval
	inBubble(t, map[string]func(t *testing.T){
		"again and again": func(t *testing.T) {
			e, conn, out := collectingEnd(t)
			e.send(conn, "at once")
			assert.Equal(t, []string{framed(2, "at once")}, out.Got())
			for range 3 {
				e.send(conn, "a")
				time.Sleep(interval - time.Nanosecond)
				assert.Empty(t, out.Got())
				e.send(conn, "b")
				assert.Empty(t, out.Got())
				time.Sleep(time.Nanosecond)
				assert.Equal(t, []string{framed(2, "a", "b")}, out.Got(), "in one piece")
			}
			time.Sleep(time.Hour)
			assert.Empty(t, out.Got())
		},
		"each for itself": func(t *testing.T) {
			e, first, out := collectingEnd(t)
			second, far := e.pipe()
			other := newTap(far)
			e.send(first, "1")
			time.Sleep(interval / 2)
			e.send(second, "2")
			assert.Len(t, out.Got(), 1)
			assert.Len(t, other.Got(), 1)
			e.send(first, "first")
			e.send(second, "second")
			time.Sleep(interval / 2)
			assert.Equal(t, []string{framed(2, "first")}, out.Got())
			assert.Empty(t, other.Got())
			time.Sleep(interval / 2)
			assert.Empty(t, out.Got())
			assert.Equal(t, []string{framed(2, "second")}, other.Got())
		},
	})
}

func TestCollectedIntervalCountsFromAFlush(t *testing.T) {
	const interval = collectInterval
	synctest.Test(t, func(t *testing.T) {
		e, conn, out := collectingEnd(t)
		e.send(conn, "1")
		out.Got()
		e.send(conn, "2")
		time.Sleep(interval / 2)
		require.NoError(t, conn.Flush())
		assert.Equal(t, []string{framed(2, "2")}, out.Got())
		e.send(conn, "3")
		time.Sleep(interval - time.Nanosecond)
		assert.Empty(t, out.Got(), "the interval counts from the flush")
		time.Sleep(time.Nanosecond)
		assert.Equal(t, []string{framed(2, "3")}, out.Got())
	})
}

func TestCollectedWithoutAnInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnd(t, &Config{CollectTCP: true, CollectTCPInterval: -1})
		conn, far := e.pipe()
		out := newTap(far)
		for range 3 {
			e.send(conn, "now")
			assert.Equal(t, []string{framed(2, "now")}, out.Got())
		}
	})
}

func TestCollectedIsForgottenAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnd(t, &Config{CollectTCP: true, CollectTCPInterval: time.Hour})
		conn, far := e.pipe()
		require.NoError(t, conn.Flush())
		e.send(conn, "waits")
		require.NoError(t, far.Close())
		assert.Same(t, conn, e.reset())
		synctest.Wait()
		e.manager.collected.mu.Lock()
		assert.Empty(t, e.manager.collected.conns, "forgotten")
		e.manager.collected.mu.Unlock()
		time.Sleep(2 * time.Hour)
		e.requireNoReset(conn)
	})
}
