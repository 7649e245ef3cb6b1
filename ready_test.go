package queuednet

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
