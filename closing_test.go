package queuednet

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// requireEOF asserts that the next thing to come is the end.
func requireEOF(t *testing.T, far net.Conn) {
	t.Helper()
	_, err := far.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err)
}

func TestCloseTimeout(t *testing.T) {
	const timeout = 3 * time.Second
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
			requireEOF(t, far)
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
			requireEOF(t, far)
		},
		"none": func(t *testing.T) {
			e := newEnd(t, &Config{CloseTimeout: -1})
			conn, far := e.pipe()
			e.send(conn, "lost")
			start := time.Now()
			require.True(t, e.manager.CloseConnection(conn))
			synctest.Wait()
			requireEOF(t, far)
			since(t, start, 0)
		},
		"the default": func(t *testing.T) {
			e := newEnd(t, nil)
			conn, far := e.pipe()
			start := time.Now()
			require.True(t, e.manager.CloseConnection(conn))
			requireEOF(t, far)
			since(t, start, 5*time.Second)
		},
	})
}

func TestCloseWaitsForThePeersEnd(t *testing.T) {
	const timeout = 3 * time.Second
	inBubble(t, map[string]func(t *testing.T){
		"a peer that goes on sending": func(t *testing.T) {
			e := newEnd(t, &Config{CloseTimeout: timeout})
			conn, far := e.pipe()
			start := time.Now()
			require.True(t, e.manager.CloseConnection(conn))
			for time.Since(start) < timeout-time.Second/2 {
				write(t, far, framed(2, "on and on"))
				time.Sleep(time.Second / 2)
			}
			requireEOF(t, far)
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
	})
}

// noDeadlines is a socket that does not keep what AdoptConnection asks for.
type noDeadlines struct{ net.Conn }

func (noDeadlines) SetDeadline(time.Time) error { return nil }

func (noDeadlines) SetReadDeadline(time.Time) error { return nil }

func (noDeadlines) SetWriteDeadline(time.Time) error { return nil }

const managerCloseTimeout = 3 * time.Second

var slowToClose = &Config{CloseTimeout: managerCloseTimeout, WriteTimeout: time.Hour}

func TestManagerCloseIsBounded(t *testing.T) {
	const timeout = managerCloseTimeout
	inBubble(t, map[string]func(t *testing.T){
		"many stuck peers, one timeout": func(t *testing.T) {
			e := newEnd(t, slowToClose)
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
		"closed before": func(t *testing.T) {
			e := newEnd(t, slowToClose)
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
			e := newEnd(t, slowToClose)
			near, far := net.Pipe()
			t.Cleanup(func() { far.Close() })
			conn := e.adopt(noDeadlines{near})
			e.send(conn, "nobody takes it")
			start := time.Now()
			assert.Error(t, e.manager.Close())
			since(t, start, timeout)
		},
	})
}

// It waits for what is undelivered and for peers that stay, and no longer.
func TestManagerCloseWaits(t *testing.T) {
	const timeout = managerCloseTimeout
	inBubble(t, map[string]func(t *testing.T){
		"all delivered, but peers that stay": func(t *testing.T) {
			e := newEnd(t, slowToClose)
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
			e := newEnd(t, slowToClose)
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
			assert.NoError(t, NewQueuedConnectionManager(slowToClose).Close())
			since(t, start, 0)
		},
		"rendezvous": func(t *testing.T) {
			e := newEnd(t, slowToClose)
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
