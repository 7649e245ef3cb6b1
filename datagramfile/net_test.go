package datagramfile

import (
	"context"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Everything arrives, in order, while both sides are at it.
func TestNetCarriesAll(t *testing.T) {
	const n = 20_000
	near, far := newEnds(t)
	for _, e := range []*end{near, far} {
		require.NoError(t, e.reader.SetTCPHeaderSize(4))
		require.NoError(t, e.writer.SetTCPHeaderSize(4))
	}
	generator := near.generator(t)
	go func() {
		sink := far.sink()
		for i := range n {
			var datagram queuednet.Datagram
			datagram.AddUint32(uint32(i))
			datagram.PadBytes(i % 100)
			assert.NoError(t, sink.PutDatagram(&datagram))
		}
		assert.NoError(t, sink.Flush())
		assert.NoError(t, far.conn.Close())
	}()
	var datagram queuednet.Datagram
	for i := range n {
		require.NoError(t, generator.GetDatagram(&datagram))
		it := datagram.Iterator()
		require.EqualValues(t, i, it.GetUint32())
		require.Equal(t, i%100, it.RemainingSize())
	}
	datagram.Assign([]byte("old"))
	require.Equal(t, io.EOF, generator.GetDatagram(&datagram))
	require.Equal(t, io.EOF, generator.GetDatagram(&datagram), "again")
	require.Equal(t, "old", string(datagram.Message()), "left alone")
	conn, ok := near.manager.GetResetConnection()
	require.True(t, ok, "the program still gets the end")
	require.Same(t, near.conn, conn)
}

// Whatever ends the connection, or the interest in it, ends the wait. What came
// before is not lost.
func TestNetWaitEnds(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(e *end, far net.Conn, cancel context.CancelFunc)
		want error
	}{
		"context":          {func(_ *end, _ net.Conn, cancel context.CancelFunc) { cancel() }, context.Canceled},
		"peer":             {func(_ *end, far net.Conn, _ context.CancelFunc) { far.Close() }, io.EOF},
		"peer, inside one": {func(_ *end, far net.Conn, _ context.CancelFunc) { far.Write([]byte{9}); far.Close() }, io.ErrUnexpectedEOF},
		"Close":            {func(e *end, _ net.Conn, _ context.CancelFunc) { e.conn.Close() }, net.ErrClosed},
		"Close of manager": {func(e *end, _ net.Conn, _ context.CancelFunc) { e.manager.Close() }, net.ErrClosed},
		"RemoveConnection": {func(e *end, _ net.Conn, _ context.CancelFunc) { e.reader.RemoveConnection(e.conn) }, net.ErrClosed},
		"Shutdown":         {func(e *end, _ net.Conn, _ context.CancelFunc) { e.reader.Shutdown() }, net.ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				socket, far := net.Pipe()
				near := newEnd(t, socket)
				ctx, cancel := context.WithCancel(t.Context())
				generator, err := NewDatagramGeneratorNet(ctx, near.reader, near.conn)
				require.NoError(t, err)
				go far.Write([]byte("\x06\x00before\x05\x00after"))

				var datagram queuednet.Datagram
				require.NoError(t, generator.GetDatagram(&datagram))
				require.Equal(t, "before", string(datagram.Message()))
				require.NoError(t, generator.GetDatagram(&datagram))
				result := make(chan error, 1)
				go func() { result <- generator.GetDatagram(&datagram) }()
				time.Sleep(time.Second)
				require.Empty(t, result, "it waits")
				test.end(near, far, cancel)
				time.Sleep(longestWait)
				synctest.Wait()
				require.Len(t, result, 1, "it ends soon")
				require.Equal(t, test.want, <-result)
				require.Equal(t, "after", string(datagram.Message()), "left alone")
				require.Equal(t, test.want, generator.GetDatagram(&datagram), "again")
				cancel()
			})
		})
	}
}

// What is queued elsewhere in the manager, and nobody takes, neither stops a
// generator nor makes it spin.
func TestNetWithOtherQueues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		socket, far := net.Pipe()
		near := newEnd(t, socket)
		generator := near.generator(t)
		other, gone := net.Pipe()
		conn, err := near.manager.AdoptConnection(other)
		require.NoError(t, err)
		reader := queuednet.NewQueuedConnectionReader(near.manager)
		require.NoError(t, reader.AddConnection(conn))
		gone.Close()
		synctest.Wait()
		require.True(t, near.manager.ResetConnectionAvailable())

		start := time.Now()
		time.AfterFunc(time.Second, func() { far.Write([]byte("\x01\x00x")) })
		var datagram queuednet.Datagram
		require.NoError(t, generator.GetDatagram(&datagram), "or else time never passed")
		require.InDelta(t, time.Second, time.Since(start), float64(maxPause))
	})
}

func TestNetRefuses(t *testing.T) {
	near, far := newEnds(t)
	_, err := NewDatagramGeneratorNet(t.Context(), near.reader, nil)
	require.ErrorIs(t, err, queuednet.ErrForeignConnection)
	_, err = NewDatagramGeneratorNet(t.Context(), near.reader, far.conn)
	require.ErrorIs(t, err, queuednet.ErrForeignConnection)
	near.generator(t)
	_, err = NewDatagramGeneratorNet(t.Context(), near.reader, near.conn)
	require.ErrorIs(t, err, queuednet.ErrAlreadyAdded)

	// queued data comes before the error of a context that is done
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	generator, err := NewDatagramGeneratorNet(ctx, far.reader, far.conn)
	require.NoError(t, err)
	put(t, near.sink(), "x")
	require.NoError(t, far.manager.WaitForReaders(t.Context()))
	var datagram queuednet.Datagram
	require.NoError(t, generator.GetDatagram(&datagram))
	require.Equal(t, context.Canceled, generator.GetDatagram(&datagram))

	require.ErrorAs(t, near.sink().PutDatagram(queuednet.NewDatagram(make([]byte, 1<<16))), new(*queuednet.DatagramTooLongError))
	near.manager.Close()
	require.ErrorIs(t, near.sink().PutDatagram(&datagram), net.ErrClosed)
	require.ErrorIs(t, near.sink().Flush(), net.ErrClosed)
}

// A sink may hold a connection's collected datagrams back until Flush.
func TestNetFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		socket, far := net.Pipe()
		near := newEnd(t, socket)
		near.conn.SetCollectTCP(true)
		near.conn.SetCollectTCPInterval(time.Hour)
		sink := near.sink()
		require.NoError(t, sink.Flush())
		require.NoError(t, sink.PutDatagram(queuednet.NewDatagram([]byte("a"))))
		require.NoError(t, sink.PutDatagram(queuednet.NewDatagram([]byte("b"))))
		start := time.Now()
		require.NoError(t, sink.Flush())
		var got [6]byte
		_, err := io.ReadFull(far, got[:])
		require.NoError(t, err)
		require.Equal(t, "\x01\x00a\x01\x00b", string(got[:]))
		require.Zero(t, time.Since(start))
	})
}
