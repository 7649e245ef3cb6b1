package queuednet

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
	})
}

// Whatever is taken is progress, and only a connection without any ends.
func TestWriteTimeoutCountsFromTheLastProgress(t *testing.T) {
	const timeout = 7 * time.Second
	inBubble(t, map[string]func(t *testing.T){
		"some": func(t *testing.T) {
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
