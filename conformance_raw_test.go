package queuednet

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rest takes all that comes over a connection up to its end, which must be
// reported, and returns the payloads as one text.
func (e *end) rest(conn *Connection) string {
	e.t.Helper()
	var text strings.Builder
	e.until("end", func() bool {
		for datagram := range e.reader.Datagrams() {
			assert.Same(e.t, conn, datagram.Connection())
			assert.Equal(e.t, conn.Address(), datagram.Address())
			assert.NotZero(e.t, datagram.Length(), "an empty datagram says nothing here")
			text.Write(datagram.Message())
		}
		lost, ok := e.manager.GetResetConnection()
		if ok {
			assert.Same(e.t, conn, lost)
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
			require.NoError(t, e.writer.SetTCPHeaderSize(size))
			assert.False(t, e.writer.RawMode())
			e.writer.SetRawMode(true)
			assert.True(t, e.writer.RawMode())
			conn, raw := e.raw()
			e.send(conn, "abc")
			e.send(conn, "")
			e.send(conn, "d")
			e.writer.SetRawMode(false)
			e.send(conn, "ef")
			assert.Equal(t, "abcd"+framed(size, "ef"), e.wire(conn, raw), "header size %d", size)
			assert.Equal(t, size, e.writer.TCPHeaderSize())
		}
		// Without a header there is no length that does not fit.
		e := newEnd(t, nil)
		e.writer.SetRawMode(true)
		conn, raw := e.raw()
		e.send(conn, pattern(1_000_000))
		assert.True(t, pattern(1_000_000) == read(t, raw, 1_000_000))
	}},
	{17, "reader_header_size_0", func(t *testing.T) {
		e := newEnd(t, nil)
		for _, size := range []int{0, 1, 3, -1, 8} {
			assert.ErrorIs(t, e.reader.SetTCPHeaderSize(size), ErrHeaderSize, "%d", size)
			assert.Equal(t, 2, e.reader.TCPHeaderSize())
		}
		conn, raw := e.raw()
		write(t, raw, framed(2, "a", ""))
		require.NoError(t, raw.Close())
		assert.Equal(t, []string{"a", ""}, e.messages(2))
		assert.Same(t, conn, e.reset())
		assert.Empty(t, e.drain())
	}},
	{18, "reader_raw_tcp", func(t *testing.T) {
		for _, size := range []int{1, 4000, 65_535, 65_536, 3_000_000} {
			e := newEnd(t, nil)
			assert.False(t, e.reader.RawMode())
			e.reader.SetRawMode(true)
			assert.True(t, e.reader.RawMode())
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
			write(t, far, framed(2, "ab"))
			synctest.Wait()
			write(t, far, "\x05")
			synctest.Wait()
			e.reader.SetRawMode(true)
			write(t, far, "\x00")
			synctest.Wait()
			assert.Equal(t, []string{"ab", "\x05\x00"}, e.drain(), "also what was not yet a datagram")
			write(t, far, "x")
			write(t, far, "yz")
			synctest.Wait()
			assert.Equal(t, "xyz", strings.Join(e.drain(), ""))
			assert.Zero(t, e.reader.CurrentQueueSize())
			e.reader.SetRawMode(false)
			write(t, far, framed(2, "framed again"))
			synctest.Wait()
			assert.Equal(t, []string{"framed again"}, e.drain())
		})
	}},
	{104, "udp_raw_mode", func(t *testing.T) {
		e := newEnd(t, nil)
		e.writer.SetRawMode(true)
		e.reader.SetRawMode(true)
		conn := e.udp("127.0.0.1:0")
		raw := rawUDP(t, "127.0.0.1:0")
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
