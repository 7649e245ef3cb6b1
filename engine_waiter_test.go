package queuednet

import (
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/queuednet/queuednet/internal/testmode"
)

// A wakingScene is one in which a loop waits for something to happen.
type wakingScene struct {
	engineEnd
	conn   *Connection
	far    *wire
	cancel context.CancelFunc
}

// wakeups are what a loop waits for, and how each is caused and found.
var wakeups = map[string]struct {
	cause func(s *wakingScene)
	err   error
	found func(s *wakingScene) bool
}{
	"data": {
		cause: func(s *wakingScene) { s.far.offer([]byte(framed(2, "x"))) },
		found: func(s *wakingScene) bool { return len(s.messages()) == 1 },
	},
	"an end": {
		cause: func(s *wakingScene) { s.far.reset() },
		found: func(s *wakingScene) bool { return s.manager.ResetConnectionAvailable() },
	},
	"an end by what the program sends": {
		cause: func(s *wakingScene) {
			for s.writer.Send(NewDatagram(make([]byte, 60_000)), s.conn) == nil {
			}
		},
		found: func(s *wakingScene) bool { return s.manager.ResetConnectionAvailable() },
	},
	"a new connection": {
		cause: func(s *wakingScene) {
			near, _ := net.Pipe()
			listener := &oneListener{sockets: make(chan net.Conn, 1), closed: make(chan struct{})}
			listener.sockets <- near
			rendezvous, err := s.manager.AdoptRendezvous(listener)
			require.NoError(s.end.t, err)
			require.NoError(s.end.t, s.listener.AddConnection(rendezvous))
		},
		found: func(s *wakingScene) bool { return s.listener.NewConnectionAvailable() },
	},
	"its context": {cause: func(s *wakingScene) { s.cancel() }, err: context.Canceled},
	"Close":       {cause: func(s *wakingScene) { go s.manager.Close() }, err: net.ErrClosed},
}

// A loop that waits is woken by everything that it waits for, whoever causes it, and
// at once: the bubbles' clock would show any pause.
func TestWaiterIsWoken(t *testing.T) {
	for name, c := range wakeups {
		for _, how := range []struct {
			waiters int
			sweeps  bool // one of them
		}{{1, false}, {2, false}, {1, true}, {2, true}} {
			t.Run(fmt.Sprintf("%s, %+v", name, how), func(t *testing.T) {
				onEngine(t, &Config{CloseTimeout: time.Minute}, func(t *testing.T, e engineEnd) {
					conn, far := e.connected(1000)
					if how.sweeps {
						e.beginSession(far)
					}
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					s := &wakingScene{e, conn, far, cancel}
					var loops sync.WaitGroup
					var start time.Time
					for range how.waiters {
						loops.Go(func() {
							assert.Equal(t, c.err, e.manager.WaitForReaders(ctx))
							assert.Zero(t, time.Since(start))
						})
					}
					e.settle()
					require.Equal(t, how.sweeps, e.manager.engine.Load().inside.Load())
					start = time.Now()
					go c.cause(s)
					loops.Wait()
					if c.found != nil {
						assert.True(t, c.found(s))
					}
				})
			})
		}
	}
}

// beginSession lets a loop wait until it has swept itself.
func (e engineEnd) beginSession(far *wire) {
	e.end.t.Helper()
	engine := e.manager.engine.Load()
	for before := engine.visits.Load(); engine.visits.Load() == before; {
		time.AfterFunc(time.Millisecond, func() { far.offer([]byte(framed(2, "begin"))) })
		require.NoError(e.end.t, e.manager.WaitForReaders(e.end.t.Context()))
		require.Equal(e.end.t, []string{"begin"}, e.messages())
	}
	require.True(e.end.t, engine.session.Load())
}

// A oneListener accepts what it is given.
type oneListener struct {
	sockets chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func (l *oneListener) Accept() (net.Conn, error) {
	select {
	case socket := <-l.sockets:
		return socket, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *oneListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *oneListener) Addr() net.Addr { return udpAddr(3) }

// What other goroutines send while the loop waits goes out.
func TestWaiterDoesNotHoldBackOthers(t *testing.T) {
	onEngine(t, nil, func(t *testing.T, e engineEnd) {
		conn, far := e.connected(1000)
		e.beginSession(far)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var loop sync.WaitGroup
		loop.Go(func() { assert.ErrorIs(t, e.manager.WaitForReaders(ctx), context.Canceled) })
		e.settle()
		start := time.Now()
		go e.send(conn, "hi")
		got := make([]byte, 4)
		_, err := far.Read(got)
		require.NoError(t, err)
		assert.Equal(t, framed(2, "hi"), string(got))
		assert.Zero(t, time.Since(start))
		cancel()
		loop.Wait()
	})
}

// A loop that computes for a second after its wait holds nobody up: what it has sent
// before leaves, and what peers send is taken, within a pause.
func TestWaiterThatComputes(t *testing.T) {
	onEngine(t, nil, func(t *testing.T, e engineEnd) {
		conn, far := e.connected(1000)
		e.beginSession(far)
		far.offer([]byte(framed(2, "wake")))
		require.NoError(t, e.manager.WaitForReaders(t.Context()))
		require.Equal(t, []string{"wake"}, e.messages())
		e.send(conn, "hi")
		start := time.Now()
		var peer sync.WaitGroup
		peer.Go(func() {
			got := make([]byte, 4)
			_, err := far.Read(got)
			assert.NoError(t, err)
			assert.Less(t, time.Since(start), 5*time.Millisecond)
			for range 100 {
				time.Sleep(7 * time.Millisecond)
				far.offer([]byte(framed(2, "x")))
				sent := time.Now()
				for {
					if _, waiting := far.out.has(); waiting == 0 {
						break
					}
					time.Sleep(100 * time.Microsecond)
				}
				assert.Less(t, time.Since(sent), 5*time.Millisecond)
			}
		})
		time.Sleep(time.Second) // it computes
		synctest.Wait()
		assert.Len(t, e.messages(), 100)
		peer.Wait()
	})
}

// A loop that sweeps when the poller fails waits on for what others queue.
func TestWaiterOutlivesThePoller(t *testing.T) {
	onEngine(t, nil, func(t *testing.T, e engineEnd) {
		_, far := e.connected(1000)
		e.beginSession(far)
		var loop sync.WaitGroup
		loop.Go(func() { assert.NoError(t, e.manager.WaitForReaders(t.Context()), "the end of the connection") })
		e.settle()
		e.fakePoller.mu.Lock()
		e.broken = syscall.EBADF
		e.fakePoller.mu.Unlock()
		e.fakePoller.Wake()
		loop.Wait()
		_, ok := e.manager.GetResetConnection()
		require.True(t, ok)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, e.manager.WaitForReaders(ctx), context.DeadlineExceeded)
	})
}

// What a loop that sweeps sends to a few it writes itself, before it waits. Of what it
// sends to many the flushing goroutines are told at once.
func TestWaiterWrites(t *testing.T) {
	onEngine(t, nil, func(t *testing.T, e engineEnd) {
		const many = ownWrites + 1
		var conns []*Connection
		var fars []*wire
		for range many {
			conn, far := e.connected(1000)
			conns, fars = append(conns, conn), append(fars, far)
		}
		arrived := func() (n int) {
			for _, far := range fars {
				if _, waiting := far.in.has(); waiting > 0 {
					n++
				}
			}
			return n
		}
		e.beginSession(fars[0])
		e.send(conns[0], "a")
		e.send(conns[1], "b")
		synctest.Wait()
		require.Zero(t, arrived(), "kept for the loop")
		var loop sync.WaitGroup
		loop.Go(func() { assert.NoError(t, e.manager.WaitForReaders(t.Context())) })
		synctest.Wait()
		require.Equal(t, 2, arrived())
		fars[0].offer([]byte(framed(2, "x")))
		loop.Wait()
		for _, conn := range conns {
			e.send(conn, "c")
		}
		synctest.Wait()
		require.Equal(t, many, arrived())
	})
}

// A loop that sweeps waits until the deadline of its context, whether or not that tells
// of it, and no longer.
func TestWaiterWaitsUntilTheDeadline(t *testing.T) {
	onEngine(t, nil, func(t *testing.T, e engineEnd) {
		_, far := e.connected(1000)
		e.beginSession(far)
		frame := &frameContext{Context: t.Context()}
		for range 100 {
			start := time.Now()
			frame.deadline = start.Add(time.Second / 60)
			require.ErrorIs(t, e.manager.WaitForReaders(frame), context.DeadlineExceeded)
			require.Equal(t, time.Second/60, time.Since(start))
		}
		require.ErrorIs(t, e.manager.WaitForReaders(frame), context.DeadlineExceeded, "it has passed")
		frame.deadline = time.Now().Add(time.Minute)
		time.AfterFunc(time.Second, func() { far.offer([]byte(framed(2, "x"))) })
		require.NoError(t, e.manager.WaitForReaders(frame))
	})
}

// A context that was there for one call wakes nobody when it ends.
func TestWaiterForgetsTheContextOfOneCall(t *testing.T) {
	onEngine(t, nil, func(t *testing.T, e engineEnd) {
		_, far := e.connected(1000)
		e.beginSession(far)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, func() { far.offer([]byte(framed(2, "x"))) })
		require.NoError(t, e.manager.WaitForReaders(ctx))
		require.True(t, e.manager.engine.Load().session.Load(), "it has swept itself")
		isWoken := func() bool {
			e.fakePoller.mu.Lock()
			defer e.fakePoller.mu.Unlock()
			return e.woken
		}
		require.False(t, isWoken())
		cancel()
		synctest.Wait()
		require.False(t, isWoken())
	})
}

// Waiting allocates nothing if the context is the one of the call before, or has the
// Done channel of that, whatever the deadlines.
func TestWaiterAllocatesNothing(t *testing.T) {
	needEngine(t)
	if testmode.Race {
		t.Skip("the race detector allocates")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	frame := &frameContext{Context: ctx}
	for name, next := range map[string]func() context.Context{
		"no deadline": t.Context,
		"a deadline":  func() context.Context { return ctx },
		"a deadline that moves": func() context.Context {
			frame.deadline = time.Now().Add(time.Minute)
			return frame
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnd(t, nil)
			conn, raw := e.raw()
			e.requireExchange(conn, raw)
			echo, got := frames(1, 32), make([]byte, 34)
			go func() {
				for _, err := io.ReadFull(raw, got); err == nil; _, err = io.ReadFull(raw, got) {
					_, _ = raw.Write(got)
				}
			}()
			_, err := raw.Write(echo)
			require.NoError(t, err)
			allocs := testing.AllocsPerRun(1000, func() {
				if e.manager.WaitForReaders(next()) != nil {
					t.Error("no datagram")
				}
				for datagram := range e.reader.Datagrams() {
					if e.writer.Send(&datagram.Datagram, conn) != nil {
						t.Error("not sent")
					}
				}
			})
			assert.Less(t, allocs, 0.5)
		})
	}
}

// 10,000 connections, idle or in any other state, have no goroutines but the flushing
// ones and a few.
func TestEngineGoroutines(t *testing.T) {
	const conns, few = 10_000, 100 // on a busy machine some that are about to end
	e := newEnd(t, &Config{MaxReceiveQueue: 100, MaxSendQueue: 1 << 20, CloseTimeout: time.Minute})
	f := fakeEngine(t, e.manager, nil)
	before := runtime.NumGoroutine()
	all := make([]*Connection, conns)
	fars := make([]*wire, conns)
	for i := range conns {
		near, far := newWire(100, nil)
		all[i], fars[i] = f.connect(e.manager, near), far
		if i%10 != 0 { // else it is in no reader
			require.NoError(t, e.reader.AddConnection(all[i]))
		}
	}
	most := flushers() + few
	require.LessOrEqual(t, runtime.NumGoroutine()-before, most, "idle")
	for i, conn := range all {
		switch i % 7 {
		case 0: // its peer takes nothing
			require.NoError(t, e.writer.Send(NewDatagram(make([]byte, 1000)), conn))
		case 1: // it is half closed
			fars[i].CloseWrite()
		case 2: // held back, as its reader is full
			for range 10 {
				fars[i].offer([]byte(framed(2, "twenty bytes of text")))
			}
		case 3: // a part of a datagram has come
			fars[i].offer([]byte("\xff"))
		case 4: // closed by the program, with something unsent
			require.NoError(t, e.writer.Send(NewDatagram(make([]byte, 1000)), conn))
			e.manager.CloseConnection(conn)
		}
	}
	for settled := false; !settled; time.Sleep(time.Millisecond) {
		require.LessOrEqual(t, runtime.NumGoroutine()-before, most, "in any state")
		settled = all[conns/7*7-7].stream.out.isBlocked() && all[conns/7*7-3].stream.out.isBlocked() && e.manager.ResetConnectionAvailable()
	}
	for _, far := range fars {
		far.Close()
	}
	require.Error(t, e.manager.Close(), "peers that are gone have not taken all")
}
