package conformance_test

import (
	"io"
	"math"
	"strings"
	"testing"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/internal/testnet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sent returns what reaches the peer of a writer with this header size.
func sent(t *testing.T, headerSize int, payloads ...string) string {
	t.Helper()
	e := newEnd(t, nil)
	require.NoError(t, e.Writer.SetTCPHeaderSize(headerSize))
	conn, raw := e.raw()
	for _, payload := range payloads {
		e.Send(conn, payload)
	}
	return e.wire(conn, raw)
}

var framingRows = []row{
	{1, "send_header_2", func(t *testing.T) {
		assert.Equal(t, "\x03\x00abc", sent(t, 2, "abc"))
	}},
	{2, "send_header_4", func(t *testing.T) {
		assert.Equal(t, "\x03\x00\x00\x00abc", sent(t, 4, "abc"))
	}},
	{3, "send_header_0", func(t *testing.T) {
		assert.Equal(t, "abc", sent(t, 0, "abc"))
	}},
	{4, "send_empty", func(t *testing.T) {
		assert.Equal(t, "\x00\x00", sent(t, 2, ""))
		assert.Equal(t, "\x00\x00\x00\x00", sent(t, 4, ""))
		assert.Empty(t, sent(t, 0, ""))
	}},
	{6, "largest_header_2", func(t *testing.T) {
		largest := strings.Repeat("x", 65_535)
		wire := sent(t, 2, largest)
		assert.Len(t, wire, 65_537)
		assert.True(t, wire == "\xff\xff"+largest)
	}},
	{7, "too_long_header_2", func(t *testing.T) {
		e := newEnd(t, nil)
		conn, raw := e.raw()
		var tooLong *queuednet.DatagramTooLongError
		require.ErrorAs(t, e.Writer.Send(queuednet.NewDatagram(make([]byte, 65_536)), conn), &tooLong)
		assert.Equal(t, &queuednet.DatagramTooLongError{Length: 65_536, Max: 65_535}, tooLong)
		assert.NoError(t, conn.Err())
		e.Send(conn, "x")
		assert.Equal(t, "\x01\x00x", e.wire(conn, raw), "the next one, alone")
		require.NoError(t, raw.Close())
		e.requireNoReset()
	}},
	{8, "65536_header_4", func(t *testing.T) {
		payload := strings.Repeat("x", 65_536)
		assert.True(t, sent(t, 4, payload) == "\x00\x00\x01\x00"+payload)
	}},
	{9, "bad_header_size", func(t *testing.T) {
		e := newEnd(t, nil)
		conn, raw := e.raw()
		for _, size := range []int{3, 1, 5, 8, -1, 258, 1<<16 | 2} {
			assert.ErrorIs(t, e.Writer.SetTCPHeaderSize(size), queuednet.ErrHeaderSize)
			assert.ErrorIs(t, e.Reader.SetTCPHeaderSize(size), queuednet.ErrHeaderSize)
			var configErr *queuednet.ConfigError
			_, err := newEnd(t, &queuednet.Config{TCPHeaderSize: size}).Manager.OpenTCPServerRendezvous(0, 0)
			require.ErrorAs(t, err, &configErr)
			assert.Equal(t, &queuednet.ConfigError{Field: "TCPHeaderSize", Value: size}, configErr)
		}
		assert.Equal(t, 2, e.Writer.TCPHeaderSize(), "unchanged")
		assert.Equal(t, 2, e.Reader.TCPHeaderSize(), "unchanged")
		e.Send(conn, "abc")
		assert.Equal(t, "\x03\x00abc", e.wire(conn, raw))
	}},
	{10, "length_excludes_header", func(t *testing.T) {
		e := newEnd(t, nil)
		_, raw := e.raw()
		testnet.Write(t, raw, "\x01\x00x")
		assert.Equal(t, "x", string(e.next().Message()))
		require.NoError(t, raw.Close())
		e.reset()
		assert.Empty(t, e.drain(), "one datagram")
	}},
	{11, "several_in_one_segment", func(t *testing.T) {
		e := newEnd(t, nil)
		_, raw := e.raw()
		testnet.Write(t, raw, "\x03\x00abc"+"\x00\x00"+"\x01\x00x")
		assert.Equal(t, []string{"abc", "", "x"}, e.messages(3))
		require.NoError(t, raw.Close())
		e.reset()
		assert.Empty(t, e.drain())
	}},
	{12, "byte_by_byte", func(t *testing.T) {
		// A pipe makes each write a read of its own.
		e := newEnd(t, nil)
		conn, far := e.pipe()
		for _, b := range []byte("\x05\x00abcde") {
			assert.Empty(t, e.drain())
			testnet.Write(t, far, string(b))
		}
		assert.Equal(t, "abcde", string(e.next().Message()))
		require.NoError(t, far.Close())
		e.reset()
		assert.Empty(t, e.drain(), "one datagram")
		assert.Equal(t, io.EOF, conn.Err())

		// The same for a stream cut anywhere in two.
		for _, headerSize := range []int{2, 4} {
			stream := testnet.Framed(headerSize, "abc", "", "x")
			for cut := range len(stream) + 1 {
				e := newEnd(t, &queuednet.Config{TCPHeaderSize: headerSize})
				_, far := e.pipe()
				testnet.Write(t, far, stream[:cut])
				testnet.Write(t, far, stream[cut:])
				assert.Equal(t, []string{"abc", "", "x"}, e.messages(3), "cut at %d", cut)
			}
		}
	}},
	{13, "zero_length_receive", func(t *testing.T) {
		e := newEnd(t, nil)
		_, raw := e.raw()
		testnet.Write(t, raw, "\x00\x00")
		e.Until("datagram", e.Reader.DataAvailable)
		datagram := queuednet.NetDatagram{Datagram: *queuednet.NewDatagram([]byte("what was there before"))}
		require.True(t, e.Reader.GetData(&datagram))
		assert.Zero(t, datagram.Length())
	}},
	{14, "connection_of_a_datagram", func(t *testing.T) {
		e := newEnd(t, nil)
		a, rawA := e.raw()
		b, rawB := e.raw()
		testnet.Write(t, rawA, testnet.Framed(2, "a"))
		assert.Same(t, a, e.next().Connection())
		testnet.Write(t, rawB, testnet.Framed(2, "b"))
		var from *queuednet.Connection
		e.Until("datagram", func() bool {
			for datagram := range e.Reader.Datagrams() {
				from = datagram.Connection()
			}
			return from != nil
		})
		assert.Same(t, b, from)
	}},
	{15, "address_of_a_datagram", func(t *testing.T) {
		e := newEnd(t, nil)
		_, raw := e.raw()
		testnet.Write(t, raw, testnet.Framed(2, "x"))
		assert.Equal(t, raw.LocalAddr().String(), e.next().Address().String())
	}},
	{16, "length_ffffffff", func(t *testing.T) {
		e := newEnd(t, &queuednet.Config{TCPHeaderSize: 4})
		conn, raw := e.raw()
		before := testnet.HeapAllocated()
		testnet.Write(t, raw, testnet.Framed(4, "good")+"\xff\xff\xff\xff"+testnet.Framed(4, "not to be parsed"))
		assert.Equal(t, "good", string(e.next().Message()))
		assert.Same(t, conn, e.reset())
		var tooLong *queuednet.DatagramTooLongError
		require.ErrorAs(t, conn.Err(), &tooLong)
		assert.Equal(t, &queuednet.DatagramTooLongError{Length: math.MaxUint32, Max: 1 << 20}, tooLong)
		assert.Empty(t, e.drain())
		assert.Less(t, testnet.HeapAllocated()-before, uint64(16<<20), "allocated for a claim")

		// The peer is told: an end or, where it sent more than was read, a reset.
		_, err := raw.Read(make([]byte, 1))
		if err != io.EOF {
			assert.ErrorIs(t, err, testnet.ErrConnectionReset)
		}
		e.requireNoReset()
	}},
}
