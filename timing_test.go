package queuednet

import (
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inBubble runs tests in bubbles of synctest: the time passes only when all
// wait, and exactly.
func inBubble(t *testing.T, tests map[string]func(t *testing.T)) {
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
	}
}

// since asserts how much time has passed.
func since(t *testing.T, start time.Time, want time.Duration, what ...any) {
	t.Helper()
	require.Equal(t, want, time.Since(start), what...)
}

func TestWriteTimeout(t *testing.T) {
	const timeout = 7 * time.Second
	inBubble(t, map[string]func(t *testing.T){
		"exact": func(t *testing.T) {
			e := newEnd(t, &Config{WriteTimeout: timeout})
			conn, _ := e.pipe()
			time.Sleep(time.Hour) // idle is not a reason
			require.NoError(t, conn.Err())
			start := time.Now()
			e.send(conn, "nobody takes it")
			time.Sleep(timeout - time.Nanosecond)
			synctest.Wait()
			require.NoError(t, conn.Err())
			assert.Same(t, conn, e.reset())
			since(t, start, timeout+lookTime)
			assert.ErrorIs(t, conn.Err(), ErrWriteTimeout)
			assert.ErrorIs(t, conn.Err(), os.ErrDeadlineExceeded)
			assert.Equal(t, conn.Err(), e.writer.Send(NewDatagram(nil), conn))
		},
		"the default": func(t *testing.T) {
			e := newEnd(t, nil)
			conn, _ := e.pipe()
			start := time.Now()
			e.send(conn, "nobody takes it")
			time.Sleep(20 * time.Second)
			assert.Same(t, conn, e.reset())
			since(t, start, 30*time.Second+lookTime)
		},
		"reset by progress": func(t *testing.T) {
			e := newEnd(t, &Config{WriteTimeout: timeout, TCPHeaderSize: 4})
			conn, far := e.pipe()
			e.send(conn, strings.Repeat("x", 10*plainWritePiece-4))
			for range 9 {
				time.Sleep(timeout - time.Nanosecond)
				read(t, far, plainWritePiece)
				require.NoError(t, conn.Err())
			}
			start := time.Now()
			assert.Same(t, conn, e.reset())
			since(t, start, timeout+lookTime, "after the last progress")
			assert.ErrorIs(t, conn.Err(), ErrWriteTimeout)
		},
		"all taken at the last moment": func(t *testing.T) {
			e := newEnd(t, &Config{WriteTimeout: timeout})
			conn, far := e.pipe()
			for range 3 {
				e.send(conn, "late")
				time.Sleep(timeout - time.Nanosecond)
				assert.Equal(t, framed(2, "late"), read(t, far, 6))
				time.Sleep(time.Hour)
				require.NoError(t, conn.Err())
			}
		},
		"what arrived is delivered": func(t *testing.T) {
			e := newEnd(t, &Config{WriteTimeout: timeout})
			conn, far := e.pipe()
			e.send(conn, "nobody takes it")
			time.Sleep(timeout - time.Nanosecond)
			write(t, far, framed(2, "I talk, I do not listen"))
			time.Sleep(time.Hour)
			assert.False(t, e.manager.ResetConnectionAvailable())
			assert.Equal(t, []string{"I talk, I do not listen"}, e.drain())
			assert.Same(t, conn, e.reset())
			assert.ErrorIs(t, conn.Err(), ErrWriteTimeout)
		},
		"none": func(t *testing.T) {
			e := newEnd(t, &Config{WriteTimeout: -1})
			conn, far := e.pipe()
			e.send(conn, "taken some day")
			time.Sleep(1000 * time.Hour)
			require.NoError(t, conn.Err())
			assert.Equal(t, framed(2, "taken some day"), read(t, far, 16))
		},
		"only that connection": func(t *testing.T) {
			e := newEnd(t, &Config{WriteTimeout: timeout})
			stuck, _ := e.pipe()
			good, far := e.pipe()
			out := newTap(far)
			e.send(stuck, "nobody takes it")
			for i := range 20 {
				time.Sleep(timeout / 10)
				start := time.Now()
				e.send(good, fmt.Sprint(i))
				assert.Equal(t, []string{framed(2, fmt.Sprint(i))}, out.Got())
				since(t, start, 0)
			}
			assert.Same(t, stuck, e.reset())
			assert.NoError(t, good.Err())
		},
	})
}

func TestMaxSendQueue(t *testing.T) {
	const limit = 100_000
	full := func(size int) *Datagram { return NewDatagram(make([]byte, size-4)) }
	setup := func(t *testing.T) (*end, *Connection, net.Conn) {
		e := newEnd(t, &Config{MaxSendQueue: limit, WriteTimeout: -1, TCPHeaderSize: 4})
		conn, far := e.pipe()
		return e, conn, far
	}
	inBubble(t, map[string]func(t *testing.T){
		"one datagram": func(t *testing.T) {
			e, conn, _ := setup(t)
			assert.Equal(t, &DatagramTooLongError{Length: limit - 3, Max: limit - 4}, e.writer.Send(full(limit+1), conn))
			assert.Equal(t, &DatagramTooLongError{Length: limit - 3, Max: limit - 4}, e.writer.Send(full(limit+1), conn))
			assert.NoError(t, conn.Err(), "refused, no more")
			assert.NoError(t, e.writer.Send(full(limit), conn))
			assert.NoError(t, conn.Err())
			assert.Equal(t, ErrSendQueueFull, e.writer.Send(full(4), conn), "not even an empty one")
		},
		"exactly full": func(t *testing.T) {
			e, conn, far := setup(t)
			for range limit / 100 {
				require.NoError(t, e.writer.Send(full(100), conn))
			}
			synctest.Wait()
			time.Sleep(time.Hour)
			require.NoError(t, conn.Err())
			read(t, far, limit)
			synctest.Wait() // until the write knows that it is over
			require.NoError(t, e.writer.Send(full(limit), conn), "there is room again")
		},
		"one byte more": func(t *testing.T) {
			e, conn, _ := setup(t)
			require.NoError(t, e.writer.Send(full(100), conn))
			synctest.Wait() // it is being written
			require.NoError(t, e.writer.Send(full(limit-104), conn))
			require.NoError(t, e.writer.Send(full(4), conn))
			assert.Equal(t, ErrSendQueueFull, e.writer.Send(full(4), conn))
			for range 2 {
				assert.Equal(t, ErrSendQueueFull, e.writer.Send(full(4), conn))
			}
			start := time.Now()
			assert.Same(t, conn, e.reset())
			since(t, start, lookTime)
			assert.Equal(t, ErrSendQueueFull, conn.Err())
		},
		"what is taken makes room": func(t *testing.T) {
			e, conn, far := setup(t)
			require.NoError(t, e.writer.Send(full(limit), conn))
			for range 4 {
				read(t, far, plainWritePiece)
				synctest.Wait()
				require.NoError(t, e.writer.Send(full(plainWritePiece), conn))
			}
			assert.Equal(t, ErrSendQueueFull, e.writer.Send(full(4), conn))
		},
		"broadcast": func(t *testing.T) {
			e, stuck, _ := setup(t)
			good, far := e.pipe()
			out := newTap(far)
			require.NoError(t, e.writer.Send(full(limit), stuck))
			err := e.writer.Broadcast(NewDatagram([]byte("news")), slices.Values([]*Connection{stuck, good}))
			assert.ErrorIs(t, err, ErrSendQueueFull)
			assert.Equal(t, []string{framed(4, "news")}, out.Got())
			assert.Same(t, stuck, e.reset())
			assert.NoError(t, good.Err())
		},
		"collected counts": func(t *testing.T) {
			e, conn, far := setup(t)
			conn.SetCollectTCP(true)
			conn.SetCollectTCPInterval(time.Hour)
			require.NoError(t, conn.Flush())
			require.NoError(t, e.writer.Send(full(limit), conn))
			synctest.Wait()
			assert.Equal(t, ErrSendQueueFull, e.writer.Send(full(4), conn))
			_, err := far.Read(make([]byte, 1))
			assert.Equal(t, io.EOF, err, "nothing of it has left")
		},
	})
}

func TestCloseTimeout(t *testing.T) {
	const timeout = 3 * time.Second
	eof := func(t *testing.T, far net.Conn) {
		t.Helper()
		_, err := far.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err)
	}
	inBubble(t, map[string]func(t *testing.T){
		"a peer that takes nothing": func(t *testing.T) {
			e := newEnd(t, &Config{CloseTimeout: timeout, WriteTimeout: time.Hour})
			conn, far := e.pipe()
			e.send(conn, "nobody takes it")
			start := time.Now()
			require.True(t, e.manager.CloseConnection(conn))
			since(t, start, 0)
			time.Sleep(timeout)
			synctest.Wait()
			eof(t, far)
			since(t, start, timeout)
			e.requireNoReset(conn)
		},
		"a peer that takes it late": func(t *testing.T) {
			e := newEnd(t, &Config{CloseTimeout: timeout})
			conn, far := e.pipe()
			e.send(conn, "last")
			require.True(t, e.manager.CloseConnection(conn))
			time.Sleep(timeout - time.Nanosecond)
			assert.Equal(t, framed(2, "last"), read(t, far, 6))
			eof(t, far)
		},
		"a peer that goes on sending": func(t *testing.T) {
			e := newEnd(t, &Config{CloseTimeout: timeout})
			conn, far := e.pipe()
			start := time.Now()
			require.True(t, e.manager.CloseConnection(conn))
			for time.Since(start) < timeout-time.Second/2 {
				write(t, far, framed(2, "on and on"))
				time.Sleep(time.Second / 2)
			}
			eof(t, far)
			since(t, start, timeout)
			assert.Empty(t, e.drain())
		},
		"a peer that ends": func(t *testing.T) {
			e := newEnd(t, &Config{CloseTimeout: timeout})
			conn, far := e.pipe()
			start := time.Now()
			require.True(t, e.manager.CloseConnection(conn))
			require.NoError(t, far.Close())
			synctest.Wait()
			since(t, start, 0)
			e.requireNoReset(conn)
			since(t, start, 0, "done already")
		},
		"none": func(t *testing.T) {
			e := newEnd(t, &Config{CloseTimeout: -1})
			conn, far := e.pipe()
			e.send(conn, "lost")
			start := time.Now()
			require.True(t, e.manager.CloseConnection(conn))
			synctest.Wait()
			eof(t, far)
			since(t, start, 0)
		},
		"the default": func(t *testing.T) {
			e := newEnd(t, nil)
			conn, far := e.pipe()
			start := time.Now()
			require.True(t, e.manager.CloseConnection(conn))
			eof(t, far)
			since(t, start, 5*time.Second)
		},
	})
}

// noDeadlines is a socket that does not keep what AdoptConnection asks for.
type noDeadlines struct{ net.Conn }

func (noDeadlines) SetDeadline(time.Time) error      { return nil }
func (noDeadlines) SetReadDeadline(time.Time) error  { return nil }
func (noDeadlines) SetWriteDeadline(time.Time) error { return nil }

func TestManagerCloseIsBounded(t *testing.T) {
	const timeout = 3 * time.Second
	config := &Config{CloseTimeout: timeout, WriteTimeout: time.Hour}
	inBubble(t, map[string]func(t *testing.T){
		"many stuck peers, one timeout": func(t *testing.T) {
			e := newEnd(t, config)
			for range 20 {
				conn, _ := e.pipe()
				e.send(conn, "nobody takes it")
			}
			start := time.Now()
			err := e.manager.Close()
			since(t, start, timeout)
			assert.ErrorContains(t, err, "20 connections")
			assert.Equal(t, err, e.manager.Close(), "the same again")
			since(t, start, timeout)
		},
		"all delivered, but peers that stay": func(t *testing.T) {
			e := newEnd(t, config)
			conn, far := e.pipe()
			e.send(conn, "last")
			start := time.Now()
			closed := make(chan error, 3)
			for range cap(closed) {
				go func() { closed <- e.manager.Close() }()
			}
			assert.Equal(t, framed(2, "last"), read(t, far, 6))
			synctest.Wait()
			assert.Empty(t, closed)
			for range cap(closed) {
				assert.NoError(t, <-closed)
			}
			since(t, start, timeout)
		},
		"peers that go": func(t *testing.T) {
			e := newEnd(t, config)
			_, far := e.pipe()
			_, other := e.pipe()
			time.AfterFunc(time.Second, func() { far.Close() })
			time.AfterFunc(2*time.Second, func() { other.Close() })
			start := time.Now()
			assert.NoError(t, e.manager.Close())
			since(t, start, 2*time.Second)
		},
		"nothing open": func(t *testing.T) {
			start := time.Now()
			assert.NoError(t, NewQueuedConnectionManager(config).Close())
			since(t, start, 0)
		},
		"closed before": func(t *testing.T) {
			e := newEnd(t, config)
			conn, _ := e.pipe()
			e.send(conn, "nobody takes it")
			require.True(t, e.manager.CloseConnection(conn))
			start := time.Now()
			time.Sleep(time.Second)
			assert.ErrorContains(t, e.manager.Close(), "1 connection")
			since(t, start, timeout)
		},
		"nothing is waited for": func(t *testing.T) {
			e := newEnd(t, &Config{CloseTimeout: -1})
			conn, _ := e.pipe()
			idle, _ := e.pipe()
			e.send(conn, "lost")
			start := time.Now()
			assert.Error(t, e.manager.Close())
			since(t, start, 0)
			assert.Equal(t, net.ErrClosed, conn.Err())
			assert.Equal(t, net.ErrClosed, idle.Err())
		},
		"a socket whose deadlines do nothing": func(t *testing.T) {
			e := newEnd(t, config)
			near, far := net.Pipe()
			t.Cleanup(func() { far.Close() })
			conn := e.adopt(noDeadlines{near})
			e.send(conn, "nobody takes it")
			start := time.Now()
			assert.Error(t, e.manager.Close())
			since(t, start, timeout)
		},
		"rendezvous": func(t *testing.T) {
			e := newEnd(t, config)
			listener := newPipeListener()
			e.adoptListener(listener)
			far := listener.Dial(t)
			e.until("connection", e.listener.NewConnectionAvailable)
			start := time.Now()
			assert.NoError(t, e.manager.Close())
			since(t, start, timeout, "for the one that nobody took")
			_, err := far.Read(make([]byte, 1))
			assert.Equal(t, io.EOF, err)
		},
	})
}
