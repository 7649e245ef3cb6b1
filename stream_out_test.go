package queuednet

import (
	"io"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const sendLimit = 100_000

// filling returns a datagram that takes size bytes of a queue of sendLimit.
func filling(size int) *Datagram { return NewDatagram(make([]byte, size-4)) }

// sendLimitedEnd returns an end with that limit whose peer takes nothing yet.
func sendLimitedEnd(t *testing.T) (*end, *Connection, net.Conn) {
	e := newEnd(t, &Config{MaxSendQueue: sendLimit, WriteTimeout: -1, TCPHeaderSize: 4})
	conn, far := e.pipe()
	return e, conn, far
}

func TestMaxSendQueue(t *testing.T) {
	const limit = sendLimit
	inBubble(t, map[string]func(t *testing.T){
		"one datagram": func(t *testing.T) {
			e, conn, _ := sendLimitedEnd(t)
			assert.Equal(t, &DatagramTooLongError{Length: limit - 3, Max: limit - 4}, e.writer.Send(filling(limit+1), conn))
			assert.Equal(t, &DatagramTooLongError{Length: limit - 3, Max: limit - 4}, e.writer.Send(filling(limit+1), conn))
			assert.NoError(t, conn.Err(), "refused, no more")
			assert.NoError(t, e.writer.Send(filling(limit), conn))
			assert.NoError(t, conn.Err())
			assert.Equal(t, ErrSendQueueFull, e.writer.Send(filling(4), conn), "not even an empty one")
		},
		"exactly full": func(t *testing.T) {
			e, conn, far := sendLimitedEnd(t)
			for range limit / 100 {
				require.NoError(t, e.writer.Send(filling(100), conn))
			}
			synctest.Wait()
			time.Sleep(time.Hour)
			require.NoError(t, conn.Err())
			read(t, far, limit)
			synctest.Wait() // until the write knows that it is over
			require.NoError(t, e.writer.Send(filling(limit), conn), "there is room again")
		},
		"one byte more": func(t *testing.T) {
			e, conn, _ := sendLimitedEnd(t)
			require.NoError(t, e.writer.Send(filling(100), conn))
			synctest.Wait() // it is being written
			require.NoError(t, e.writer.Send(filling(limit-104), conn))
			require.NoError(t, e.writer.Send(filling(4), conn))
			assert.Equal(t, ErrSendQueueFull, e.writer.Send(filling(4), conn))
			for range 2 {
				assert.Equal(t, ErrSendQueueFull, e.writer.Send(filling(4), conn))
			}
			start := time.Now()
			assert.Same(t, conn, e.reset())
			since(t, start, lookTime)
			assert.Equal(t, ErrSendQueueFull, conn.Err())
		},
	})
}

func TestMaxSendQueueCountsWhatIsUntaken(t *testing.T) {
	const limit = sendLimit
	inBubble(t, map[string]func(t *testing.T){
		"what is taken makes room": func(t *testing.T) {
			e, conn, far := sendLimitedEnd(t)
			require.NoError(t, e.writer.Send(filling(limit), conn))
			for range 4 {
				read(t, far, plainWritePiece)
				synctest.Wait()
				require.NoError(t, e.writer.Send(filling(plainWritePiece), conn))
			}
			assert.Equal(t, ErrSendQueueFull, e.writer.Send(filling(4), conn))
		},
		"broadcast": func(t *testing.T) {
			e, stuck, _ := sendLimitedEnd(t)
			good, far := e.pipe()
			out := newTap(far)
			require.NoError(t, e.writer.Send(filling(limit), stuck))
			err := e.writer.Broadcast(NewDatagram([]byte("news")), slices.Values([]*Connection{stuck, good}))
			assert.ErrorIs(t, err, ErrSendQueueFull)
			assert.Equal(t, []string{framed(4, "news")}, out.Got())
			assert.Same(t, stuck, e.reset())
			assert.NoError(t, good.Err())
		},
		"collected counts": func(t *testing.T) {
			e, conn, far := sendLimitedEnd(t)
			conn.SetCollectTCP(true)
			conn.SetCollectTCPInterval(time.Hour)
			require.NoError(t, conn.Flush())
			require.NoError(t, e.writer.Send(filling(limit), conn))
			synctest.Wait()
			assert.Equal(t, ErrSendQueueFull, e.writer.Send(filling(4), conn))
			_, err := far.Read(make([]byte, 1))
			assert.Equal(t, io.EOF, err, "nothing of it has left")
		},
	})
}
