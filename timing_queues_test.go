package queuednet

import (
	"context"
	"net"
	"strconv"
	"sync/atomic"
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

func TestWaitForReadersWakesFor(t *testing.T) {
	for name, event := range map[string]struct {
		prepare func(e *end) func() // returns what makes it happen
		after   time.Duration
		want    error
	}{
		"data": {func(e *end) func() {
			_, far := e.pipe()
			return func() { write(e.t, far, framed(2, "data")) }
		}, 0, nil},
		"a new connection": {func(e *end) func() {
			listener := newPipeListener()
			e.adoptListener(listener)
			return func() { listener.Dial(e.t) }
		}, 0, nil},
		"an end": {func(e *end) func() {
			_, far := e.pipe()
			return func() { far.Close() }
		}, 0, nil},
		"close": {func(e *end) func() {
			e.pipe()
			return func() { go e.manager.Close() }
		}, 0, net.ErrClosed},
		"a write timeout": {func(e *end) func() {
			conn, _ := e.pipe()
			return func() { e.send(conn, "nobody takes it") }
		}, 30*time.Second + lookTime, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEnd(t, nil)
				requireWaitersWoken(t, e, event.prepare(e), event.after, event.want)
			})
		})
	}
}

// requireWaitersWoken asserts that two loops wait until something happens, and what
// they are told then.
func requireWaitersWoken(t *testing.T, e *end, happen func(), after time.Duration, want error) {
	t.Helper()
	start := time.Now()
	woken := make(chan error, 2)
	for range cap(woken) {
		go func() { woken <- e.manager.WaitForReaders(context.Background()) }()
	}
	time.Sleep(time.Hour)
	require.Empty(t, woken, "for nothing")
	happen()
	for range cap(woken) {
		require.Equal(t, want, <-woken)
	}
	since(t, start, time.Hour+after)
}

func TestWaitForReadersWithAContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnd(t, nil)
		e.pipe()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		start := time.Now()
		assert.Equal(t, context.Canceled, e.manager.WaitForReaders(ctx))
		since(t, start, time.Minute)
		ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		assert.Equal(t, context.DeadlineExceeded, e.manager.WaitForReaders(ctx))
		since(t, start, 2*time.Minute)
	})
}

func TestWaitForReadersIsForWhatADrainHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnd(t, nil)
		_, far := e.pipe()
		write(t, far, framed(2, "a", "b"))
		synctest.Wait()
		for range e.reader.Datagrams() {
			break
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		start := time.Now()
		assert.NoError(t, e.manager.WaitForReaders(ctx))
		since(t, start, 0)
		assert.Equal(t, []string{"b"}, e.drain())
		assert.Equal(t, context.DeadlineExceeded, e.manager.WaitForReaders(ctx))
	})
}

// An endlessListener always has somebody who wants in.
type endlessListener struct {
	*pipeListener
	accepted atomic.Int32
}

func (l *endlessListener) Accept() (net.Conn, error) {
	select {
	case <-l.Closed():
		return nil, net.ErrClosed
	default:
	}
	l.accepted.Add(1)
	near, far := net.Pipe()
	far.Close()
	return near, nil
}

func TestBacklogBound(t *testing.T) {
	for _, backlog := range []int{1, 3, defaultBacklog} {
		t.Run(strconv.Itoa(backlog), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEnd(t, nil)
				listener := &endlessListener{pipeListener: newPipeListener()}
				var rendezvous *Connection
				var err error
				if backlog == defaultBacklog {
					rendezvous, err = e.manager.AdoptRendezvous(listener)
				} else {
					rendezvous, err = e.manager.adoptRendezvous(listener, backlog)
				}
				require.NoError(t, err)
				synctest.Wait()
				assert.Zero(t, listener.accepted.Load(), "no listener has it yet")
				require.NoError(t, e.listener.AddConnection(rendezvous))
				for taken := range 4 {
					time.Sleep(time.Hour)
					synctest.Wait()
					assert.Equal(t, backlog+taken, int(listener.accepted.Load()))
					_, ok := e.listener.GetNewConnection()
					assert.True(t, ok)
					e.listener.NewConnectionAvailable() // the end of a drain, perhaps
				}

				// A drain takes what was there when it began, although more come.
				synctest.Wait()
				n := 0
				for range e.listener.NewConnections() {
					n++
					synctest.Wait()
				}
				assert.Equal(t, backlog, n)

				// In no listener, none more than is queued already.
				synctest.Wait()
				require.True(t, e.listener.RemoveConnection(rendezvous))
				before := listener.accepted.Load()
				for range e.listener.NewConnections() {
				}
				synctest.Wait()
				assert.LessOrEqual(t, listener.accepted.Load(), before+1)
				assert.False(t, e.listener.NewConnectionAvailable())
				require.True(t, e.manager.CloseConnection(rendezvous))
			})
		})
	}
}
