package conformance_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/internal/testnet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rest takes all that comes over a connection up to its end, which must be
// reported, and returns the payloads as one text.
func (e *end) rest(conn *queuednet.Connection) string {
	e.T.Helper()
	var text strings.Builder
	e.Until("end", func() bool {
		for datagram := range e.Reader.Datagrams() {
			assert.Same(e.T, conn, datagram.Connection())
			assert.Equal(e.T, conn.Address(), datagram.Address())
			assert.NotZero(e.T, datagram.Length(), "an empty datagram says nothing here")
			text.Write(datagram.Message())
		}
		lost, ok := e.Manager.GetResetConnection()
		if ok {
			assert.Same(e.T, conn, lost)
		}
		return ok
	})
	return text.String()
}

// pattern is text that shows where a piece is missing or in another place.
func pattern(size int) string {
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		fmt.Fprint(&b, i, " ")
	}
	return b.String()[:size]
}

var rawRows = []row{
	{5, "writer_raw_mode", func(t *testing.T) {
		for _, size := range []int{0, 2, 4} {
			e := newEnd(t, nil)
			require.NoError(t, e.Writer.SetTCPHeaderSize(size))
			assert.False(t, e.Writer.RawMode())
			e.Writer.SetRawMode(true)
			assert.True(t, e.Writer.RawMode())
			conn, raw := e.raw()
			e.Send(conn, "abc")
			e.Send(conn, "")
			e.Send(conn, "d")
			e.Writer.SetRawMode(false)
			e.Send(conn, "ef")
			assert.Equal(t, "abcd"+testnet.Framed(size, "ef"), e.wire(conn, raw), "header size %d", size)
			assert.Equal(t, size, e.Writer.TCPHeaderSize())
		}
		// Without a header there is no length that does not fit.
		e := newEnd(t, nil)
		e.Writer.SetRawMode(true)
		conn, raw := e.raw()
		e.Send(conn, pattern(1_000_000))
		assert.True(t, pattern(1_000_000) == testnet.Read(t, raw, 1_000_000))
	}},
	{17, "reader_header_size_0", func(t *testing.T) {
		e := newEnd(t, nil)
		for _, size := range []int{0, 1, 3, -1, 8} {
			assert.ErrorIs(t, e.Reader.SetTCPHeaderSize(size), queuednet.ErrHeaderSize, "%d", size)
			assert.Equal(t, 2, e.Reader.TCPHeaderSize())
		}
		conn, raw := e.raw()
		testnet.Write(t, raw, testnet.Framed(2, "a", ""))
		require.NoError(t, raw.Close())
		assert.Equal(t, []string{"a", ""}, e.messages(2))
		assert.Same(t, conn, e.reset())
		assert.Empty(t, e.drain())
	}},
	{18, "reader_raw_tcp", func(t *testing.T) {
		for _, size := range []int{1, 4000, 65_535, 65_536, 3_000_000} {
			e := newEnd(t, nil)
			assert.False(t, e.Reader.RawMode())
			e.Reader.SetRawMode(true)
			assert.True(t, e.Reader.RawMode())
			conn, raw := e.raw()
			text := pattern(size)
			go func() {
				io.WriteString(raw, text)
				raw.Close()
			}()
			assert.True(t, text == e.rest(conn), "%d bytes", size)
			assert.Equal(t, io.EOF, conn.Err())
		}

		// What is read in one piece is one datagram, not held back for more.
		synctest.Test(t, func(t *testing.T) {
			e := newEnd(t, nil)
			_, far := e.pipe()
			testnet.Write(t, far, testnet.Framed(2, "ab"))
			synctest.Wait()
			testnet.Write(t, far, "\x05")
			synctest.Wait()
			e.Reader.SetRawMode(true)
			testnet.Write(t, far, "\x00")
			synctest.Wait()
			assert.Equal(t, []string{"ab", "\x05\x00"}, e.drain(), "also what was not yet a datagram")
			testnet.Write(t, far, "x")
			testnet.Write(t, far, "yz")
			synctest.Wait()
			assert.Equal(t, "xyz", strings.Join(e.drain(), ""))
			assert.Zero(t, e.Reader.CurrentQueueSize())
			e.Reader.SetRawMode(false)
			testnet.Write(t, far, testnet.Framed(2, "framed again"))
			synctest.Wait()
			assert.Equal(t, []string{"framed again"}, e.drain())
		})
	}},
	{104, "udp_raw_mode", func(t *testing.T) {
		e := newEnd(t, nil)
		e.Writer.SetRawMode(true)
		e.Reader.SetRawMode(true)
		conn := e.udp("127.0.0.1:0")
		raw := testnet.RawUDP(t, "127.0.0.1:0")
		for _, payload := range []string{"abc", "\x07\x00\x01\x02\x03", pattern(2000), "x"} {
			e.sendTo(conn, netAddressOf(raw.LocalAddr()), payload)
			packet, _ := rawPacket(t, raw)
			assert.Equal(t, payload, packet)
			sendPacket(t, raw, conn.LocalAddress(), payload)
			datagram := e.next()
			assert.Equal(t, payload, string(datagram.Message()), "one packet, one datagram, not cut")
			assert.Equal(t, raw.LocalAddr().String(), datagram.Address().String())
		}
		assert.Zero(t, conn.UDPDrops())
	}},
}
