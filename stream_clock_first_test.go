package queuednet

import (
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const firstDatagramTimeout = 7 * time.Second

func firstDatagramEnd(t *testing.T) (*end, *Connection, net.Conn) {
	e := newEnd(t, &Config{FirstDatagramTimeout: firstDatagramTimeout})
	conn, far := e.pipe()
	return e, conn, far
}

func (e *end) requireNoFirstDatagram(conn *Connection) {
	t := e.t
	t.Helper()
	require.Same(t, conn, e.reset())
	require.Equal(t, ErrFirstDatagram, conn.Err())
	require.ErrorIs(t, conn.Err(), os.ErrDeadlineExceeded)
	require.Equal(t, Refusals{FirstDatagram: 1}, e.manager.Refusals())
}

func TestFirstDatagramTimeout(t *testing.T) {
	const timeout = firstDatagramTimeout
	inBubble(t, map[string]func(t *testing.T){
		"exact": func(t *testing.T) {
			e, conn, _ := firstDatagramEnd(t)
			time.Sleep(timeout + lastMoment)
			e.requireLives(conn)
			e.requireNoFirstDatagram(conn)
		},
		"a byte now and then does not help": func(t *testing.T) {
			e, conn, far := firstDatagramEnd(t)
			start := time.Now()
			go io.Copy(far, &dripping{text: framed(2, strings.Repeat("x", 100)), pause: 300 * time.Millisecond})
			e.requireNoFirstDatagram(conn)
			since(t, start, timeout+lookTime)
			time.Sleep(time.Hour) // the peer notices
		},
		"at the last moment": func(t *testing.T) {
			e, conn, far := firstDatagramEnd(t)
			time.Sleep(timeout - time.Nanosecond)
			write(t, far, framed(2, ""))
			time.Sleep(1000 * time.Hour)
			e.requireLives(conn)
			write(t, far, "\x01") // a later one may take as long as it likes
			time.Sleep(1000 * time.Hour)
			e.requireLives(conn)
		},
		"and the idle timeout": func(t *testing.T) {
			e := newEnd(t, &Config{FirstDatagramTimeout: timeout, IdleTimeout: timeout - 1})
			conn, _ := e.pipe()
			assert.Same(t, conn, e.reset())
			assert.Equal(t, ErrIdle, conn.Err(), "the shorter one")
			e = newEnd(t, &Config{FirstDatagramTimeout: timeout, IdleTimeout: timeout + 1})
			conn, _ = e.pipe()
			e.requireNoFirstDatagram(conn)
		},
	})
}

func TestFirstDatagramTimeoutIsForWhoWasAccepted(t *testing.T) {
	const timeout = firstDatagramTimeout
	inBubble(t, map[string]func(t *testing.T){
		"counts from the reader on": func(t *testing.T) {
			e := newEnd(t, &Config{FirstDatagramTimeout: timeout})
			listener := newPipeListener()
			e.adoptListener(listener)
			far := listener.Dial(t)
			time.Sleep(time.Hour)
			conn := e.accepted()
			time.Sleep(time.Hour)
			e.requireLives(conn)
			require.NoError(t, e.reader.AddConnection(conn))
			write(t, far, "\x01")
			time.Sleep(timeout + lastMoment)
			e.requireLives(conn)
			e.requireNoFirstDatagram(conn)
		},
		"raw mode": func(t *testing.T) {
			e := newEnd(t, &Config{FirstDatagramTimeout: timeout})
			e.reader.SetRawMode(true)
			conn, far := e.pipe()
			write(t, far, "\x01")
			time.Sleep(time.Hour)
			e.requireLives(conn)
		},
	})
	t.Run("not for what the program opens", func(t *testing.T) {
		e := newEnd(t, &Config{FirstDatagramTimeout: time.Nanosecond})
		_, address := e.listen()
		conn := e.connect(address)
		assert.Nil(t, conn.stream.guard)
		accepted := e.accept()
		e.requireNoFirstDatagram(accepted)
	})
}
