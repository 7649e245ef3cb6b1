package queuednet

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A hostile peer over a pipe, with a program that behaves like any other.
type hostile struct {
	t      *testing.T
	e      *end
	conn   *Connection
	far    net.Conn
	chunks chan []byte // to be written by the peer
	got    [][]byte
	added  bool
	closed bool // by the program
	bound  int64
}

const (
	hostileSendQueue    = 40_000
	hostileWriteTimeout = time.Minute
)

// FuzzConnection feeds a connection with anything, in any pieces, while the
// program drains, sends, moves and closes it: it never panics, delivers what the
// reference finds, ends with a reason that fits, within its bounds, and no
// goroutine stays. All of it is in a bubble, which fails if one does.
func FuzzConnection(f *testing.F) {
	f.Add(false, uint16(100), uint16(50), []byte("\x01\x00a\x00\x00\x02\x00bc\x01"), []byte("\x01\x02\x03\x04\x05\x06"))
	f.Add(true, uint16(10), uint16(1), []byte("\x01\x00\x00\x00a\x0b\x00\x00\x00bcdefghijkl"), []byte("\x10\x03\x20\x03"))
	f.Add(true, uint16(1000), uint16(9), bytes.Repeat([]byte("\x02\x00\x00\x00hi"), 40), []byte("\xf0\x05\x13\x06\x33\x07\x97\x09"))
	f.Add(false, uint16(9), uint16(9), []byte("\x03\x00abc"), []byte("\x00\x17\x09\x19\x29\x0a"))
	f.Fuzz(func(t *testing.T, four bool, limit, queue uint16, stream, script []byte) {
		if len(stream) > 1<<16 || len(script) > 200 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			headerSize := 2
			if four {
				headerSize = 4
			}
			config := &Config{
				TCPHeaderSize: headerSize, MaxDatagramSize: max(int(limit), 1), MaxReceiveQueue: max(int(queue), 1),
				MaxSendQueue: hostileSendQueue, WriteTimeout: hostileWriteTimeout,
			}
			h := &hostile{t: t, e: newEnd(t, config), added: true}
			h.bound = max(int64(config.MaxReceiveQueue), readBlock, 2*int64(len(stream)))
			h.conn, h.far = h.e.pipe()
			h.chunks = make(chan []byte, len(script)+1)
			go h.write()
			rest := stream
			for _, b := range script {
				h.step(b, &rest)
				synctest.Wait()
				h.requireBounds()
			}
			h.chunks <- rest
			close(h.chunks)
			h.finish()
			want, end := reference(stream, headerSize, int64(config.MaxDatagramSize))
			h.requireResult(want, end)
		})
	})
}

// write is the peer, which writes and goes.
func (h *hostile) write() {
	defer h.far.Close()
	for chunk := range h.chunks {
		if _, err := h.far.Write(chunk); err != nil {
			return
		}
	}
}

// step does what a byte of the script says.
func (h *hostile) step(b byte, rest *[]byte) {
	amount := int(b / 12)
	switch b % 12 {
	case 0, 1, 2:
		n := min(amount*amount, len(*rest))
		h.chunks <- (*rest)[:n]
		*rest = (*rest)[n:]
	case 3:
		h.drain()
	case 4:
		var datagram NetDatagram
		over := h.e.manager.ResetConnectionAvailable()
		if h.e.reader.GetData(&datagram) {
			require.False(h.t, over, "its end came before")
			h.take(&datagram)
		}
	case 5:
		require.Equal(h.t, h.added && h.e.reader.IsConnectionOk(h.conn), h.e.reader.RemoveConnection(h.conn))
		h.added = false
	case 6:
		if err := h.e.reader.AddConnection(h.conn); err != nil && err != ErrAlreadyAdded {
			require.Equal(h.t, h.conn.Err(), err)
		}
		h.added = true
	case 7:
		if err := h.e.writer.Send(NewDatagram(make([]byte, amount*amount*10)), h.conn); err != nil {
			require.Error(h.t, h.conn.Err())
		}
	case 8: // the peer takes something
		h.far.SetReadDeadline(time.Now().Add(time.Millisecond))
		h.far.Read(make([]byte, amount*amount*10))
	case 9:
		time.Sleep(time.Duration(amount) * time.Second)
	case 10:
		h.conn.SetCollectTCP(amount%2 == 0)
		h.conn.Flush()
	case 11:
		if amount == 0 {
			h.closed = h.e.manager.CloseConnection(h.conn) || h.closed
		}
	}
}

func (h *hostile) drain() {
	for datagram := range h.e.reader.Datagrams() {
		require.False(h.t, h.e.manager.ResetConnectionAvailable(), "its end came before")
		h.take(datagram)
	}
}

func (h *hostile) take(datagram *NetDatagram) {
	require.Same(h.t, h.conn, datagram.Connection())
	h.got = append(h.got, bytes.Clone(datagram.Message()))
}

// requireBounds asserts that the connection holds no more than it may. All
// goroutines wait.
func (h *hostile) requireBounds() {
	in, out := &h.conn.in, &h.conn.out
	require.LessOrEqual(h.t, queuedBytes(h.conn), h.bound)
	require.LessOrEqual(h.t, in.held(), max(readBlock, 8*in.unread()))
	require.LessOrEqual(h.t, out.queued(), hostileSendQueue)
}

// finish lets the connection come to its end.
func (h *hostile) finish() {
	if !h.added {
		h.e.reader.AddConnection(h.conn)
	}
	for range 1 << 17 {
		synctest.Wait()
		h.drain()
		synctest.Wait()
		if h.closed || h.e.manager.ResetConnectionAvailable() {
			break
		}
	}
	h.drain()
}

// requireResult compares what was delivered with what should have been.
func (h *hostile) requireResult(want [][]byte, end error) {
	ended, reported := h.e.manager.GetResetConnection()
	require.Equal(h.t, !h.closed, reported)
	reason := h.conn.Err()
	if reported {
		require.Same(h.t, h.conn, ended)
		h.e.manager.ResetConnectionAvailable() // the end of a drain
		_, again := h.e.manager.GetResetConnection()
		require.False(h.t, again, "reported twice")
	}
	require.LessOrEqual(h.t, len(h.got), len(want))
	for i, payload := range h.got {
		require.True(h.t, bytes.Equal(want[i], payload), "datagram %d is another one", i)
	}
	switch {
	case errors.Is(reason, ErrSendQueueFull), errors.Is(reason, ErrWriteTimeout), errors.Is(reason, io.ErrClosedPipe):
		// The outgoing side has failed before.
	case errors.Is(reason, net.ErrClosed):
		require.True(h.t, h.closed)
	default:
		require.Equal(h.t, end, reason)
		require.Equal(h.t, len(want), len(h.got), "with this reason all of it")
	}
	h.far.Close()
	h.e.manager.Close()
	require.False(h.t, h.e.manager.ResetConnectionAvailable())
	h.e.manager.mu.Lock()
	defer h.e.manager.mu.Unlock()
	require.Empty(h.t, h.e.manager.connections)
}
