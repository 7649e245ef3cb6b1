package conformance_test

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/internal/testnet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// collected runs a test in a bubble, in which the time only passes while all
// wait, with a connection and what leaves through it.
func collected(config *queuednet.Config, test func(t *testing.T, e *end, conn *queuednet.Connection, out testnet.Tap)) func(t *testing.T) {
	return func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			e := newEnd(t, config)
			conn, far := e.pipe()
			test(t, e, conn, testnet.NewTap(far))
		})
	}
}

var collectRows = []row{
	// Panda3D's second client, Buffered_DatagramConnection, is a connection that
	// collects: the same bytes.
	{146, "native_framing", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			e := newEnd(t, nil)
			conn, far := e.pipe()
			out := testnet.NewTap(far)
			conn.SetCollectTCP(true)
			conn.SetCollectTCPInterval(time.Hour)
			e.Send(conn, "first")
			out.Got()
			e.Send(conn, "hey")
			assert.Empty(t, out.Got(), "buffered")
			assert.NoError(t, conn.Flush())
			assert.Equal(t, []string{"\x03\x00hey"}, out.Got())
			testnet.Write(t, far, "\x02\x00ok")
			assert.Equal(t, []string{"ok"}, e.messages(1))
		})
	}},
	{64, "collect_off", collected(nil, func(t *testing.T, e *end, conn *queuednet.Connection, out testnet.Tap) {
		start := time.Now()
		for _, payload := range []string{"a", "", "bc"} {
			e.Send(conn, payload)
			assert.Equal(t, []string{testnet.Framed(2, payload)}, out.Got())
		}
		assert.Zero(t, time.Since(start))
	})},
	{65, "collect_on", collected(nil, func(t *testing.T, e *end, conn *queuednet.Connection, out testnet.Tap) {
		conn.SetCollectTCP(true)
		conn.SetCollectTCPInterval(300 * time.Millisecond)
		e.Send(conn, "1")
		assert.Equal(t, []string{testnet.Framed(2, "1")}, out.Got())
		e.Send(conn, "2")
		assert.Empty(t, out.Got())
		assert.NoError(t, conn.ConsiderFlush())
		assert.Empty(t, out.Got())

		// Panda3D needs a call of consider_flush after the interval. Here what
		// is collected leaves by itself.
		time.Sleep(299 * time.Millisecond)
		assert.NoError(t, conn.ConsiderFlush())
		assert.Empty(t, out.Got())
		time.Sleep(time.Millisecond)
		assert.Equal(t, []string{testnet.Framed(2, "2")}, out.Got())
		assert.NoError(t, conn.ConsiderFlush())
		assert.Empty(t, out.Got())

		// The interval counts from the last flush; after a pause the first one
		// leaves at once again.
		time.Sleep(100 * time.Millisecond)
		e.Send(conn, "3")
		time.Sleep(100 * time.Millisecond)
		e.Send(conn, "4")
		time.Sleep(99 * time.Millisecond)
		assert.Empty(t, out.Got())
		time.Sleep(time.Millisecond)
		assert.Equal(t, []string{testnet.Framed(2, "3", "4")}, out.Got())
		time.Sleep(300 * time.Millisecond)
		e.Send(conn, "5")
		assert.Equal(t, []string{testnet.Framed(2, "5")}, out.Got())

		// A call of ConsiderFlush is enough where the interval has been shortened.
		e.Send(conn, "6")
		time.Sleep(20 * time.Millisecond)
		conn.SetCollectTCPInterval(20 * time.Millisecond)
		assert.Empty(t, out.Got())
		assert.NoError(t, conn.ConsiderFlush())
		assert.Equal(t, []string{testnet.Framed(2, "6")}, out.Got())

		// With collecting off again, the next one takes along what waits.
		conn.SetCollectTCPInterval(time.Hour)
		e.Send(conn, "7")
		conn.SetCollectTCP(false)
		assert.Empty(t, out.Got(), "turning it off flushes nothing")
		e.Send(conn, "8")
		assert.Equal(t, []string{testnet.Framed(2, "7", "8")}, out.Got())
	})},
	{66, "flush", collected(&queuednet.Config{CollectTCP: true, CollectTCPInterval: time.Hour}, func(t *testing.T, e *end, conn *queuednet.Connection, out testnet.Tap) {
		for _, flush := range []func(){
			func() { assert.NoError(t, conn.Flush()) },
			e.Writer.Flush,
		} {
			// With nothing to flush this is a flush all the same: what is sent
			// next does not leave at once.
			assert.NoError(t, conn.Flush())
			e.Send(conn, "\x00")
			e.Send(conn, "\x01")
			assert.Empty(t, out.Got())
			flush()
			assert.Equal(t, []string{"\x01\x00\x00\x01\x00\x01"}, out.Got(), "in one go")
			flush()
			assert.Empty(t, out.Got())
		}
	})},
	{67, "close_with_collected_bytes", func(t *testing.T) {
		config := &queuednet.Config{CollectTCP: true, CollectTCPInterval: time.Hour}
		collected(config, func(t *testing.T, e *end, conn *queuednet.Connection, out testnet.Tap) {
			e.Send(conn, "leaves at once")
			assert.Len(t, out.Got(), 1)
			e.Send(conn, "\x00")
			e.Send(conn, "\x01")
			require.True(t, e.Manager.CloseConnection(conn))
			assert.Equal(t, []string{"\x01\x00\x00\x01\x00\x01"}, out.Got())
			time.Sleep(5 * time.Second) // CloseTimeout: a pipe is not closed by halves
			assert.Equal(t, []string{"EOF"}, out.Got())
		})(t)

		e := newEnd(t, config)
		conn, raw := e.raw()
		e.Send(conn, "leaves at once")
		testnet.Read(t, raw, 16)
		e.Send(conn, "\x00")
		e.Send(conn, "\x01")
		assert.Equal(t, "\x01\x00\x00\x01\x00\x01", e.wire(conn, raw))
	}},
	{68, "flush_on_closed", func(t *testing.T) {
		// Panda3D reports success; a closed connection is an error here.
		e := newEnd(t, nil)
		conn, raw := e.raw()
		require.True(t, e.Manager.CloseConnection(conn))
		_, err := io.ReadAll(raw)
		require.NoError(t, err)
		require.NoError(t, raw.Close())
		e.requireNoReset()
		assert.ErrorIs(t, conn.Flush(), net.ErrClosed)
		assert.ErrorIs(t, conn.ConsiderFlush(), net.ErrClosed)
		e.Writer.Flush()
		e.requireNoReset()

		lost, raw := e.raw()
		require.NoError(t, raw.Close())
		require.Same(t, lost, e.reset())
		e.requireNoReset()
		assert.Equal(t, io.EOF, lost.Flush(), "the reason of the end")
	}},
	{69, "collect_defaults", func(t *testing.T) {
		e := newEnd(t, nil)
		conn, _ := e.raw()
		assert.False(t, conn.CollectTCP())
		assert.Equal(t, 200*time.Millisecond, conn.CollectTCPInterval())

		e = newEnd(t, &queuednet.Config{CollectTCP: true, CollectTCPInterval: time.Second})
		conn, _ = e.raw()
		assert.True(t, conn.CollectTCP())
		assert.Equal(t, time.Second, conn.CollectTCPInterval())
	}},
}
