package queuednet

import (
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// requireLives asserts that nothing has ended conn, now that all is quiet.
func (e *end) requireLives(conn *Connection) {
	e.t.Helper()
	synctest.Wait()
	require.NoError(e.t, conn.Err())
	require.Equal(e.t, Refusals{}, e.manager.Refusals())
}

// The time of a limit on an adopted connection includes a last look at it.
const lastMoment = lookTime - time.Nanosecond

// holdUp keeps the clocks of a manager from running for some time, as they do while
// the process is stopped.
func holdUp(m *QueuedConnectionManager, d time.Duration) {
	synctest.Wait()
	m.clocks.timer.Stop()
	time.Sleep(d)
	m.clocks.timer.Reset(0)
	synctest.Wait()
}

const idleTimeout = 7 * time.Second

// idleEnd returns an end with idleTimeout and a connection of it.
func idleEnd(t *testing.T) (*end, *Connection, net.Conn) {
	e := newEnd(t, &Config{IdleTimeout: idleTimeout, CloseTimeout: 3 * idleTimeout, MaxReceiveQueue: 12})
	conn, far := e.pipe()
	return e, conn, far
}

// requireIdle asserts that conn ends after idleTimeout from now, and not before.
func (e *end) requireIdle(conn *Connection) {
	e.t.Helper()
	time.Sleep(idleTimeout + lastMoment)
	e.requireLives(conn)
	require.Same(e.t, conn, e.reset())
	require.Equal(e.t, ErrIdle, conn.Err())
	require.ErrorIs(e.t, conn.Err(), os.ErrDeadlineExceeded)
	require.Equal(e.t, Refusals{Idle: 1}, e.manager.Refusals())
}

// What counts is when the last byte came.
func TestIdleTimeout(t *testing.T) {
	const timeout = idleTimeout
	inBubble(t, map[string]func(t *testing.T){
		"exact": func(t *testing.T) {
			e, conn, far := idleEnd(t)
			e.requireIdle(conn)
			assert.Equal(t, ErrIdle, e.writer.Send(NewDatagram(nil), conn))
			_, err := far.Read(make([]byte, 1))
			assert.Equal(t, io.EOF, err)
		},
		"any byte counts": func(t *testing.T) {
			e, conn, far := idleEnd(t)
			for _, b := range framed(2, "slow") {
				time.Sleep(timeout - time.Nanosecond)
				write(t, far, string(b))
				e.requireLives(conn)
			}
			assert.Equal(t, []string{"slow"}, e.drain())
			write(t, far, "\x01")
			e.requireIdle(conn)
		},
		"sending does not count": func(t *testing.T) {
			e, conn, far := idleEnd(t)
			newTap(far)
			time.Sleep(timeout / 2)
			e.send(conn, "you?")
			time.Sleep(timeout / 2)
			assert.Same(t, conn, e.reset())
			assert.Equal(t, ErrIdle, conn.Err())
		},
		"bytes at the last moment":                       func(t *testing.T) { testLastMoment(t, 0) },
		"the same, and the look for them comes too late": func(t *testing.T) { testLastMoment(t, 2*lookTime) },
	})
}

// testLastMoment has bytes come just before the deadline, and the look for them held up.
func testLastMoment(t *testing.T, heldUp time.Duration) {
	e := newEnd(t, &Config{IdleTimeout: idleTimeout})
	near, far := net.Pipe()
	defer far.Close()
	conn, err := e.manager.AdoptConnection(&lateConn{Conn: near, deadline: make(chan time.Time, 10), heldUp: heldUp})
	require.NoError(t, err)
	require.NoError(t, e.reader.AddConnection(conn))
	go write(t, far, framed(2, "waited long"))
	time.Sleep(idleTimeout + heldUp)
	e.requireLives(conn)
	assert.Equal(t, "waited long", string(e.next().Message()))
	e.requireIdle(conn)
}

func TestNoIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, config := range []*Config{nil, {IdleTimeout: -1, FirstDatagramTimeout: -1}} {
			e := newEnd(t, config)
			conn, far := e.pipe()
			assert.Nil(t, conn.stream.guard, "costs nothing")
			time.Sleep(1000 * time.Hour)
			e.requireLives(conn)
			write(t, far, framed(2, "still here"))
			assert.Equal(t, "still here", string(e.next().Message()))
		}
	})
}

// What has come is delivered before the end, and a program that is slow to take it does
// not make its peer idle.
func TestIdleTimeoutDelivers(t *testing.T) {
	const timeout = idleTimeout
	inBubble(t, map[string]func(t *testing.T){
		"what has come is delivered": func(t *testing.T) {
			e, conn, far := idleEnd(t)
			write(t, far, framed(2, "last"))
			time.Sleep(time.Hour)
			assert.False(t, e.manager.ResetConnectionAvailable())
			assert.Equal(t, []string{"last"}, e.drain())
			assert.Same(t, conn, e.reset())
			assert.Equal(t, ErrIdle, conn.Err())
		},
		"the program is slow": func(t *testing.T) {
			e, conn, far := idleEnd(t)
			go func() {
				for _, payload := range []string{"0123456789", "0123456789", "end"} {
					write(t, far, framed(2, payload))
				}
			}()
			time.Sleep(time.Hour)
			e.requireLives(conn)
			assert.Equal(t, []string{"0123456789"}, e.drain())
			time.Sleep(time.Hour)
			e.requireLives(conn)
			assert.Equal(t, []string{"0123456789"}, e.drain())
			time.Sleep(time.Hour - timeout)
			assert.Equal(t, []string{"end"}, e.drain())
			require.Same(t, conn, e.reset())
			require.Equal(t, ErrIdle, conn.Err(), "all is delivered, and it is idle")
		},
		"a taken queue is a new beginning": func(t *testing.T) {
			e, conn, far := idleEnd(t)
			write(t, far, framed(2, "0123456789"))
			go write(t, far, framed(2, "end"))
			time.Sleep(time.Hour)
			assert.Equal(t, []string{"0123456789"}, e.drain())
			synctest.Wait()
			assert.Equal(t, []string{"end"}, e.drain())
			e.requireIdle(conn)
		},
	})
}

// Nobody reads from a connection that is in no reader, so that it is not idle.
func TestIdleTimeoutOutsideReaders(t *testing.T) {
	const timeout = idleTimeout
	inBubble(t, map[string]func(t *testing.T){
		"in no reader": func(t *testing.T) {
			e, conn, _ := idleEnd(t)
			synctest.Wait() // its goroutine waits for the peer, and goes on to
			require.True(t, e.reader.RemoveConnection(conn))
			time.Sleep(1000 * timeout)
			e.requireLives(conn)
			require.NoError(t, e.reader.AddConnection(conn))
			e.requireIdle(conn)
		},
		"not yet in a reader": func(t *testing.T) {
			e := newEnd(t, &Config{IdleTimeout: timeout})
			near, far := net.Pipe()
			defer far.Close()
			conn := e.adopt(near)
			require.True(t, e.reader.RemoveConnection(conn))
			time.Sleep(time.Hour)
			e.requireLives(conn)
			require.NoError(t, e.reader.AddConnection(conn))
			time.Sleep(timeout - time.Second)
			e.requireLives(conn)
			assert.Same(t, conn, e.reset())
		},
	})
}

// A process that is held up holds its peers up too.
func TestIdleTimeoutOfAProcessThatIsHeldUp(t *testing.T) {
	const timeout = idleTimeout
	inBubble(t, map[string]func(t *testing.T){
		"and its peer goes on": func(t *testing.T) {
			e, conn, far := idleEnd(t)
			holdUp(e.manager, timeout*3/2)
			time.Sleep(lookAgain - time.Nanosecond) // the peer was held up too
			e.requireLives(conn)
			write(t, far, framed(2, "on"))
			assert.Equal(t, []string{"on"}, e.drain())
			e.requireIdle(conn)
		},
		"and then it is idle": func(t *testing.T) {
			e, conn, _ := idleEnd(t)
			holdUp(e.manager, timeout*3/2)
			time.Sleep(lookAgain + lastMoment)
			e.requireLives(conn)
			require.Same(t, conn, e.reset())
			require.Equal(t, ErrIdle, conn.Err())
		},
	})
}

func TestIdleTimeoutIsNotTheReason(t *testing.T) {
	const timeout = idleTimeout
	inBubble(t, map[string]func(t *testing.T){
		"closing takes its own time": func(t *testing.T) {
			e, conn, far := idleEnd(t)
			time.Sleep(timeout - time.Second)
			start := time.Now()
			require.True(t, e.manager.CloseConnection(conn))
			_, err := far.Read(make([]byte, 1))
			assert.Equal(t, io.EOF, err)
			since(t, start, 3*timeout)
			e.requireNoReset(conn)
			assert.Zero(t, e.manager.Refusals())
		},
		"a failed write has its own reason": func(t *testing.T) {
			e := newEnd(t, &Config{IdleTimeout: timeout, WriteTimeout: timeout - time.Second})
			conn, _ := e.pipe()
			e.send(conn, "nobody takes it")
			assert.Same(t, conn, e.reset())
			assert.Equal(t, ErrWriteTimeout, conn.Err())
			assert.Zero(t, e.manager.Refusals())
		},
	})
}

// A lateConn tells the passing of its first deadline before it tells the bytes
// that had come by then, as a process does that was stopped meanwhile.
type lateConn struct {
	net.Conn
	deadline chan time.Time
	heldUp   time.Duration // the second Read, before it begins
	told     bool
}

func (c *lateConn) SetReadDeadline(t time.Time) error {
	select {
	case c.deadline <- t:
	default:
	}
	return c.Conn.SetReadDeadline(t)
}

func (c *lateConn) Read(b []byte) (int, error) {
	if !c.told {
		c.told = true
		for deadline := range c.deadline {
			if !deadline.IsZero() { // adopting clears one that the program left
				time.Sleep(time.Until(deadline))
				return 0, os.ErrDeadlineExceeded
			}
		}
	}
	time.Sleep(c.heldUp)
	c.heldUp = 0
	return c.Conn.Read(b)
}

// dripping is a text that comes a byte at a time.
type dripping struct {
	text  string
	pause time.Duration
}

func (d *dripping) Read(b []byte) (int, error) {
	if d.text == "" {
		return 0, io.EOF
	}
	time.Sleep(d.pause)
	n := copy(b[:1], d.text)
	d.text = d.text[n:]
	return n, nil
}

// On a socket of the system the deadline is not moved with each read.
func TestIdleTimeoutOfASocket(t *testing.T) {
	const timeout = 300 * time.Millisecond
	e := newEnd(t, &Config{IdleTimeout: timeout})
	conn, raw := e.raw()
	start := time.Now()
	last := start
	for time.Since(start) < 2*timeout {
		write(t, raw, framed(2, "here"))
		last = time.Now()
		assert.Equal(t, "here", string(e.next().Message()))
		if conn.Err() != nil {
			require.Greater(t, time.Since(last), timeout, "the machine was slow")
			t.Skip("the machine is too slow for this test")
		}
		time.Sleep(timeout / 20)
	}
	assert.Same(t, conn, e.reset())
	assert.Equal(t, ErrIdle, conn.Err())
	assert.GreaterOrEqual(t, time.Since(last), timeout)
	assert.Equal(t, Refusals{Idle: 1}, e.manager.Refusals())
	_, err := raw.Read(make([]byte, 1))
	assert.Equal(t, io.EOF, err)
}
