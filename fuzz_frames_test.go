package queuednet

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// reference cuts a whole stream into payloads in the plainest way, and says how
// it ends.
func reference(stream []byte, headerSize int, limit int64) (payloads [][]byte, end error) {
	for len(stream) > 0 {
		if len(stream) < headerSize {
			return payloads, io.ErrUnexpectedEOF
		}
		header := make([]byte, 8)
		copy(header, stream[:headerSize])
		n := int64(binary.LittleEndian.Uint64(header))
		if n > limit {
			return payloads, &DatagramTooLongError{Length: n, Max: limit}
		}
		stream = stream[headerSize:]
		if int64(len(stream)) < n {
			return payloads, io.ErrUnexpectedEOF
		}
		payloads = append(payloads, stream[:n])
		stream = stream[n:]
	}
	return payloads, io.EOF
}

// A scriptedConn is a socket whose reads return pieces of a stream. Each read
// checks what the connection holds.
type scriptedConn struct {
	net.Conn
	t      testing.TB
	conn   *Connection
	stream []byte
	sizes  []byte // of the pieces, by their squares, again and again; 0 is all there is room for
	reads  int
}

func (s *scriptedConn) Read(b []byte) (int, error) {
	if held, unread := s.conn.in.held(), s.conn.in.unread(); len(b) == 0 || held > max(readBlock, 8*unread) {
		require.Fail(s.t, "bad buffer", "room for %d, holds %d for %d that have arrived", len(b), held, unread)
	}
	if len(s.stream) == 0 {
		return 0, io.EOF
	}
	n := len(s.stream)
	if len(s.sizes) > 0 {
		if size := int(s.sizes[s.reads%len(s.sizes)]); size > 0 {
			n = min(n, size*size)
		}
	}
	s.reads++
	n = copy(b, s.stream[:n])
	s.stream = s.stream[n:]
	return n, nil
}

// FuzzFrames puts a stream, in any pieces, through the incoming side of a
// connection, without goroutines, and compares what comes out with the reference.
func FuzzFrames(f *testing.F) {
	f.Add(false, uint32(math.MaxUint16), uint32(0), []byte("\x01\x00a\x00\x00\x02\x00bc\x01"), []byte{1})
	f.Add(true, uint32(10), uint32(0), []byte("\x01\x00\x00\x00a\x0b\x00\x00\x00"), []byte{2, 1, 0})
	f.Add(true, uint32(1<<20), uint32(150_007), []byte("\xff\xff\xff\x7f"), []byte{120, 255, 3})
	f.Add(false, uint32(0), uint32(70_007), []byte("\x00\x00"), []byte{})
	f.Fuzz(func(t *testing.T, four bool, limit, large uint32, stream, sizes []byte) {
		headerSize := 2
		if four {
			headerSize = 4
		}
		limit = max(limit%(1<<21), 1)
		if large %= 200_000; large%8 == 7 { // a longer datagram than a fuzzer makes
			frame := appendHeader(nil, headerSize, int(large))
			frame = append(frame, bytes.Repeat([]byte{0, 1, 2, 3, 4, 5, 6}, int(large)/7)...)
			stream = append(frame, stream...)
		}
		want, end := reference(stream, headerSize, int64(limit))

		m := NewQueuedConnectionManager(&Config{
			TCPHeaderSize: headerSize, MaxDatagramSize: int(limit), MaxReceiveQueue: math.MaxInt32,
		})
		r := NewQueuedConnectionReader(m)
		socket := &scriptedConn{t: t, stream: stream, sizes: sizes}
		c := &Connection{manager: m, stream: socket, socket: socket}
		socket.conn = c
		c.initSides()
		require.NoError(t, r.AddConnection(c))
		require.Equal(t, end, c.receive())
		require.Zero(t, c.in.held(), "given back")

		var got int
		take := func(datagram *NetDatagram) {
			require.Less(t, got, len(want), "one more than was sent: %q", datagram.Message())
			require.True(t, bytes.Equal(want[got], datagram.Message()), "datagram %d is another one", got)
			require.Same(t, c, datagram.Connection())
			got++
		}
		for datagram := range r.Datagrams() { // the first by one form of drain
			take(datagram)
			if got > len(want)/2 {
				break
			}
		}
		var datagram NetDatagram
		for r.DataAvailable() {
			if r.GetData(&datagram) {
				take(&datagram)
			}
		}
		require.Equal(t, len(want), got)
		require.Zero(t, queuedBytes(c))
		require.Zero(t, m.available.Load())
	})
}
