package conformance_test

import (
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/internal/testnet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// truncated returns a connection whose peer has gone in the middle of a third datagram.
func truncated(t *testing.T) (*end, *queuednet.Connection) {
	t.Helper()
	e := newEnd(t, nil)
	conn, raw := e.raw()
	testnet.Write(t, raw, testnet.Framed(2, "one", "two")+"\x05\x00thr")
	require.NoError(t, raw.Close())
	return e, conn
}

var connectionRows = []row{
	{19, "stalled_half_header", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			e := newEnd(t, nil)
			stalled, farStalled := e.pipe()
			_, far := e.pipe()
			testnet.Write(t, farStalled, "\x03") // returns when it has been read
			start := time.Now()
			testnet.Write(t, far, testnet.Framed(2, "whole"))
			assert.Equal(t, "whole", string(e.next().Message()))
			assert.Less(t, time.Since(start), 50*time.Millisecond)

			time.Sleep(time.Hour)
			assert.Empty(t, e.drain())
			assert.NoError(t, stalled.Err())
			testnet.Write(t, farStalled, "\x00abc")
			assert.Equal(t, "abc", string(e.next().Message()))
		})

		e := newEnd(t, nil)
		_, stalled := e.raw()
		_, raw := e.raw()
		testnet.Write(t, stalled, "\x03")
		testnet.RequireWithin(t, 50*time.Millisecond, func() {
			testnet.Write(t, raw, testnet.Framed(2, "whole"))
			require.Equal(t, "whole", string(e.next().Message()))
		})
	}},
	{20, "truncated_tail", func(t *testing.T) {
		e, conn := truncated(t)
		got := 0
		e.Until("reset", func() bool {
			got += len(e.drain())
			ended, ok := e.Manager.GetResetConnection()
			return ok && assert.Same(t, conn, ended)
		})
		assert.Equal(t, 2, got)
		assert.Empty(t, e.drain(), "the truncated one")
		assert.Equal(t, io.ErrUnexpectedEOF, conn.Err())
		e.requireNoReset()
	}},
	{21, "order_before_close", func(t *testing.T) {
		e, conn := truncated(t)
		assert.Equal(t, []string{"one", "two"}, e.messages(2))
		assert.Same(t, conn, e.reset())
	}},
	{22, "reset_identity", func(t *testing.T) {
		e, conn := truncated(t)
		other, _ := e.raw()
		assert.Equal(t, []string{"one", "two"}, e.messages(2))
		e.Until("reset", e.Manager.ResetConnectionAvailable)
		assert.Same(t, conn, e.reset())
		e.requireNoReset()
		assert.NoError(t, other.Err())
	}},
	{23, "reset_not_polled", func(t *testing.T) {
		// As in Panda3D, the end of an accepted connection that is in no reader
		// goes unnoticed, and so is not reported before a reader has it.
		synctest.Test(t, func(t *testing.T) {
			e := newEnd(t, nil)
			listener := testnet.NewPipeListener()
			rendezvous, err := e.Manager.AdoptRendezvous(listener)
			require.NoError(t, err)
			require.NoError(t, e.Listener.AddConnection(rendezvous))
			far := listener.Dial(t)
			conn := e.Accept()
			require.NoError(t, far.Close())
			time.Sleep(time.Hour)
			assert.False(t, e.Manager.ResetConnectionAvailable())
			assert.NoError(t, conn.Err())

			require.NoError(t, e.Reader.AddConnection(conn))
			assert.Same(t, conn, e.reset())
			assert.Equal(t, io.EOF, conn.Err())
		})
	}},
	{24, "data_survives_reset", func(t *testing.T) {
		// A reset is never pending before the data is taken: the end is there,
		// and is reported after the last datagram, or here never, because the
		// program closes the connection.
		e := newEnd(t, nil)
		conn, raw := e.raw()
		testnet.Write(t, raw, testnet.Framed(2, "one", "two"))
		require.NoError(t, raw.Close())
		testnet.Eventually(t, "end", func() bool { return conn.Err() == io.EOF })
		assert.False(t, e.Manager.ResetConnectionAvailable())
		assert.True(t, e.Manager.CloseConnection(conn))
		assert.False(t, e.Reader.IsConnectionOk(conn))
		assert.Equal(t, []string{"one", "two"}, e.messages(2))
		e.requireNoReset()
	}},
	{25, "is_connection_ok_after_loss", func(t *testing.T) {
		e := newEnd(t, nil)
		conn, raw := e.raw()
		assert.True(t, e.Reader.IsConnectionOk(conn))
		require.NoError(t, raw.Close())
		e.reset()
		assert.False(t, e.Reader.IsConnectionOk(conn))

		conn, _ = e.raw()
		require.True(t, e.Manager.CloseConnection(conn))
		assert.False(t, e.Reader.IsConnectionOk(conn))
	}},
	{26, "close_after_reset", func(t *testing.T) {
		e := newEnd(t, nil)
		conn, raw := e.raw()
		require.NoError(t, raw.Close())
		e.reset()
		for range 3 {
			assert.False(t, e.Manager.CloseConnection(conn))
			assert.Equal(t, net.ErrClosed, conn.Close())
		}
		assert.Equal(t, io.EOF, conn.Err(), "unchanged")
		e.requireNoReset()
	}},
	{27, "close_twice", func(t *testing.T) {
		e := newEnd(t, nil)
		conn, _ := e.raw()
		assert.True(t, e.Manager.CloseConnection(conn))
		assert.False(t, e.Manager.CloseConnection(conn))
		assert.Equal(t, net.ErrClosed, conn.Err())
	}},
	{28, "close_nil_or_foreign", func(t *testing.T) {
		e, other := newEnd(t, nil), newEnd(t, nil)
		conn, raw := other.raw()
		assert.False(t, e.Manager.CloseConnection(nil))
		assert.False(t, e.Manager.CloseConnection(conn))
		testnet.Write(t, raw, testnet.Framed(2, "still open"))
		assert.Equal(t, "still open", string(other.next().Message()))
		assert.NoError(t, conn.Err())
	}},
	{29, "local_close", func(t *testing.T) {
		e := newEnd(t, nil)
		conn, raw := e.raw()
		assert.Empty(t, e.wire(conn, raw), "nothing but the end")
		require.NoError(t, raw.Close())
		e.requireNoReset()
	}},
	{30, "send_after_local_close", func(t *testing.T) {
		e := newEnd(t, nil)
		conn, raw := e.raw()
		require.True(t, e.Manager.CloseConnection(conn))
		for range 2 {
			assert.ErrorIs(t, e.Writer.Send(queuednet.NewDatagram([]byte("x")), conn), net.ErrClosed)
		}
		b, err := io.ReadAll(raw)
		assert.NoError(t, err)
		assert.Empty(t, b)
		require.NoError(t, raw.Close())
		e.requireNoReset()
		assert.ErrorIs(t, e.Writer.Send(queuednet.NewDatagram([]byte("x")), conn), net.ErrClosed)
		e.requireNoReset()
	}},
	{31, "peer_reset_then_send", func(t *testing.T) {
		e := newEnd(t, nil)
		conn, raw := e.raw()
		testnet.BreakOff(t, raw)
		assert.Same(t, conn, e.reset())
		assert.ErrorIs(t, conn.Err(), testnet.ErrConnectionReset)
		for range 2 {
			assert.Equal(t, conn.Err(), e.Writer.Send(queuednet.NewDatagram([]byte("x")), conn))
			e.requireNoReset()
		}

		// From the moment that the end is reported. Few attempts meet the moment.
		for range 5_000 {
			conn, far := e.pipe()
			require.NoError(t, far.Close())
			for ended := false; !ended; runtime.Gosched() {
				_, ended = e.Manager.GetResetConnection()
			}
			require.Equal(t, io.EOF, e.Writer.Send(queuednet.NewDatagram([]byte("x")), conn))
		}

		// In no reader, only a failing send finds it dead.
		_, address := e.listen()
		raw = testnet.DialRaw(t, address)
		conn = e.Accept()
		testnet.BreakOff(t, raw)
		var err error
		testnet.Eventually(t, "failing send", func() bool {
			err = e.Writer.Send(queuednet.NewDatagram([]byte("x")), conn)
			return err != nil
		})
		assert.Same(t, conn, e.reset())
		assert.Equal(t, conn.Err(), err)
		for range 2 {
			assert.Equal(t, err, e.Writer.Send(queuednet.NewDatagram([]byte("x")), conn))
			e.requireNoReset()
		}
	}},
	{32, "peer_gone_unread_then_send", func(t *testing.T) {
		// With its queue full the reader does not notice the end: a send does.
		e := newEnd(t, &queuednet.Config{MaxReceiveQueue: 1})
		conn, raw := e.raw()
		testnet.Write(t, raw, testnet.Framed(2, "one"))
		testnet.Eventually(t, "datagram in the queue", func() bool { return queuedBytes(conn) > 0 })
		testnet.Write(t, raw, testnet.Framed(2, "two"))
		require.NoError(t, raw.Close())
		require.NoError(t, e.Writer.Send(queuednet.NewDatagram([]byte("x")), conn), "the first")
		var err error
		testnet.Eventually(t, "failing send", func() bool {
			err = e.Writer.Send(queuednet.NewDatagram([]byte("x")), conn)
			return err != nil
		})
		assert.False(t, e.Manager.ResetConnectionAvailable(), "before the datagrams")
		assert.Equal(t, []string{"one", "two"}, e.messages(2))
		assert.Same(t, conn, e.reset())
		assert.Equal(t, conn.Err(), e.Writer.Send(queuednet.NewDatagram([]byte("x")), conn))
		e.requireNoReset()
	}},
	{33, "close_with_unread_input", func(t *testing.T) {
		// Panda3D's peer gets ECONNRESET, which may destroy what was sent to it.
		// Here the input is drained and the peer reads the last message, then
		// the end: the last message before a close arrives.
		e := newEnd(t, &queuednet.Config{CloseTimeout: testnet.Patience})
		_, address := e.listen()
		raw := testnet.DialRaw(t, address)
		conn := e.Accept()
		testnet.Write(t, raw, testnet.Framed(2, "unread"))
		written := make(chan error)
		go func() {
			_, err := io.WriteString(raw, strings.Repeat("more than a block holds", 1<<15))
			written <- err
		}()
		e.Send(conn, "last")
		require.True(t, e.Manager.CloseConnection(conn))
		require.NoError(t, <-written)
		b, err := io.ReadAll(raw)
		assert.NoError(t, err)
		assert.Equal(t, testnet.Framed(2, "last"), string(b))
		require.NoError(t, raw.Close())
		e.requireNoReset()
	}},
	{34, "peer_half_close", func(t *testing.T) {
		e := newEnd(t, nil)
		conn, raw := e.raw()
		require.NoError(t, raw.CloseWrite())
		assert.Same(t, conn, e.reset())
		assert.Equal(t, io.EOF, conn.Err())
		assert.Equal(t, io.EOF, e.Writer.Send(queuednet.NewDatagram([]byte("x")), conn))
		b, err := io.ReadAll(raw)
		assert.NoError(t, err)
		assert.Empty(t, b, "closed")
		e.requireNoReset()
	}},
	{35, "add_twice", func(t *testing.T) {
		e := newEnd(t, nil)
		_, address := e.listen()
		raw := testnet.DialRaw(t, address)
		conn := e.Accept()
		assert.NoError(t, e.Reader.AddConnection(conn))
		assert.ErrorIs(t, e.Reader.AddConnection(conn), queuednet.ErrAlreadyAdded)
		assert.ErrorIs(t, queuednet.NewQueuedConnectionReader(e.Manager).AddConnection(conn), queuednet.ErrAlreadyAdded)
		testnet.Write(t, raw, testnet.Framed(2, "once"))
		assert.Equal(t, "once", string(e.next().Message()))
		require.NoError(t, raw.Close())
		e.reset()
		assert.Empty(t, e.drain())
	}},
	{36, "remove_twice", func(t *testing.T) {
		e := newEnd(t, nil)
		conn, raw := e.raw()
		assert.True(t, e.Reader.RemoveConnection(conn))
		assert.False(t, e.Reader.RemoveConnection(conn))
		assert.False(t, e.Reader.IsConnectionOk(conn))
		e.Send(conn, "out")
		assert.Equal(t, testnet.Framed(2, "out"), testnet.Read(t, raw, 5), "still open")
		testnet.Write(t, raw, testnet.Framed(2, "in"))
		require.NoError(t, e.Reader.AddConnection(conn))
		assert.Equal(t, "in", string(e.next().Message()))
	}},
	{37, "late_datagram_after_remove", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			e := newEnd(t, nil)
			conn, far := e.pipe()
			testnet.Write(t, far, testnet.Framed(2, "before"))
			synctest.Wait()
			require.True(t, e.Reader.RemoveConnection(conn))
			testnet.Write(t, far, testnet.Framed(2, "after"))
			synctest.Wait()
			assert.Equal(t, []string{"before"}, e.drain())
			assert.False(t, e.Reader.DataAvailable())
			require.NoError(t, e.Reader.AddConnection(conn))
			assert.Equal(t, "after", string(e.next().Message()))
		})
		t.Run("under_load", func(t *testing.T) {
			const count = 50_000
			e := newEnd(t, nil)
			conn, raw := e.raw()
			go func() {
				var numbers []byte
				for i := range uint32(count) {
					numbers = append(numbers, testnet.Framed(2, string(binary.BigEndian.AppendUint32(nil, i)))...)
				}
				raw.Write(numbers)
			}()
			other := queuednet.NewQueuedConnectionReader(e.Manager)
			next := uint32(0)
			for next < count {
				e.Until("datagram", func() bool { return e.Reader.DataAvailable() })
				require.True(t, e.Reader.RemoveConnection(conn))
				// What is queued by now, and no more, is in this reader: the
				// other one goes on where it ends.
				require.NoError(t, other.AddConnection(conn))
				for datagram := range e.Reader.Datagrams() {
					require.Equal(t, next, binary.BigEndian.Uint32(datagram.Message()))
					next++
				}
				require.False(t, e.Reader.DataAvailable())
				e.Reader, other = other, e.Reader
			}
		})
	}},
	{38, "add_closed", func(t *testing.T) {
		e := newEnd(t, nil)
		_, address := e.listen()
		testnet.DialRaw(t, address)
		conn := e.Accept()
		require.True(t, e.Manager.CloseConnection(conn))
		assert.ErrorIs(t, e.Reader.AddConnection(conn), net.ErrClosed)
		assert.False(t, e.Reader.IsConnectionOk(conn))

		lost, raw := e.raw()
		require.NoError(t, raw.Close())
		e.reset()
		assert.Equal(t, io.EOF, e.Reader.AddConnection(lost), "the reason of the end")
		assert.False(t, e.Reader.DataAvailable())
		assert.Empty(t, e.drain())
		e.requireNoReset()
	}},
	{39, "close_between_readiness_and_service", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			// What was queued before the close stays readable (row 24). The
			// second datagram of b has arrived, but waits for room in the queue.
			e := newEnd(t, &queuednet.Config{MaxReceiveQueue: 1})
			_, farA := e.pipe()
			b, farB := e.pipe()
			testnet.Write(t, farA, testnet.Framed(2, "a"))
			synctest.Wait()
			testnet.Write(t, farB, testnet.Framed(2, "b1"))
			synctest.Wait()
			testnet.Write(t, farB, testnet.Framed(2, "b2"))
			synctest.Wait()
			assert.Equal(t, "a", string(e.next().Message()))
			require.True(t, e.Manager.CloseConnection(b))
			assert.Equal(t, []string{"b1"}, e.drain())
			synctest.Wait()
			assert.Empty(t, e.drain())
			time.Sleep(time.Hour)
			assert.Empty(t, e.drain())
			e.requireNoReset()
		})
	}},
}
