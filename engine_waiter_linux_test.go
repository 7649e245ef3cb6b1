package queuednet

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// waitingLoops lets a loop sweep, which the end's engine has seen before, and so many
// others wait beside it. What it returns waits until all have returned.
func waitingLoops(e *end, ctx context.Context, others int) (loops *sync.WaitGroup, errs chan error) {
	e.t.Helper()
	errs = make(chan error, 1+others)
	loops = new(sync.WaitGroup)
	for range 1 + others {
		loops.Go(func() { errs <- e.manager.WaitForReaders(ctx) })
	}
	engine := e.manager.engine.Load()
	eventually(e.t, "a loop that sweeps", func() bool {
		if !engine.inside.Load() {
			engine.poller.Wake() // its own goroutine may have taken over, and lets a loop in when it wakes
		}
		return engine.inside.Load() && e.manager.ready.waiters.Load() == int32(others)
	})
	return loops, errs
}

// sweepingEnd returns an end whose loop has swept itself, with a connection.
func sweepingEnd(t *testing.T) (e *end, conn *Connection, raw *net.TCPConn) {
	e = newEnd(t, nil)
	conn, raw = e.raw()
	engine := e.manager.engine.Load()
	eventually(t, "a loop that sweeps", func() bool {
		write(t, raw, framed(2, "begin"))
		e.messages(1)
		return engine.visits.Load() > 0
	})
	return e, conn, raw
}

// Over real sockets too everything that loops wait for wakes all of them.
func TestWaitersOverSockets(t *testing.T) {
	needEngine(t)
	causes := map[string]struct {
		cause func(e *end, conn *Connection, raw *net.TCPConn, cancel func())
		err   error
	}{
		"data":             {func(e *end, _ *Connection, raw *net.TCPConn, _ func()) { write(e.t, raw, framed(2, "x")) }, nil},
		"an end":           {func(_ *end, _ *Connection, raw *net.TCPConn, _ func()) { raw.Close() }, nil},
		"an abort":         {func(_ *end, conn *Connection, _ *net.TCPConn, _ func()) { conn.Abort() }, context.Canceled},
		"its context":      {func(_ *end, _ *Connection, _ *net.TCPConn, cancel func()) { cancel() }, context.Canceled},
		"Close":            {func(e *end, _ *Connection, _ *net.TCPConn, _ func()) { go e.manager.Close() }, net.ErrClosed},
		"a new connection": {func(e *end, _ *Connection, _ *net.TCPConn, _ func()) { _, address := e.listen(); dialRaw(e.t, address) }, nil},
	}
	for name, c := range causes {
		for others := range 2 {
			t.Run(fmt.Sprint(name, ", others: ", others), func(t *testing.T) {
				e, conn, raw := sweepingEnd(t)
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				loops, errs := waitingLoops(e, ctx, others)
				c.cause(e, conn, raw, cancel)
				if name == "an abort" { // is not reported: the loops go on
					eventually(t, "a reset", func() bool { _, err := raw.Read(make([]byte, 1)); return err != nil })
					require.Empty(t, errs)
					cancel()
				}
				loops.Wait()
				for range 1 + others {
					assert.Equal(t, c.err, <-errs)
				}
			})
		}
	}
}

// What another goroutine sends while a loop sweeps goes out.
func TestWaiterDoesNotHoldBackOthersOverSockets(t *testing.T) {
	needEngine(t)
	e, conn, raw := sweepingEnd(t)
	ctx, cancel := context.WithCancel(t.Context())
	loops, _ := waitingLoops(e, ctx, 0)
	for range 100 {
		e.send(conn, "hi")
		require.Equal(t, framed(2, "hi"), read(t, raw, 4))
	}
	require.True(t, e.manager.engine.Load().inside.Load(), "it has waited on")
	cancel()
	loops.Wait()
}

// A loop that computes after a wait holds up neither what it has sent nor what comes.
func TestWaiterThatComputesOverSockets(t *testing.T) {
	needEngine(t)
	e, conn, raw := sweepingEnd(t)
	for range 10 {
		write(t, raw, framed(2, "wake"))
		require.Equal(t, []string{"wake"}, e.messages(1))
		e.send(conn, "hi") // and does not wait again
		require.Equal(t, framed(2, "hi"), read(t, raw, 4))
		write(t, raw, framed(2, "x"))
		eventually(t, "what comes meanwhile", func() bool { return queuedBytes(conn) > 0 })
		require.Equal(t, []string{"x"}, e.messages(1))
	}
}
