package queuednet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net"
	"testing"

	"github.com/queuednet/queuednet/internal/deepfuzz"
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

// withoutGuess returns a reason without what it guesses of the peer.
func withoutGuess(err error) error {
	var mismatch *mismatchError
	if errors.As(err, &mismatch) {
		return mismatch.reason
	}
	return err
}

// requireEnd asserts that a stream has ended for this reason.
func requireEnd(t testing.TB, want, got error) {
	want, got = withoutGuess(want), withoutGuess(got)
	tooLong, _ := want.(*DatagramTooLongError)
	gotTooLong, _ := got.(*DatagramTooLongError)
	same := want == got || tooLong != nil && gotTooLong != nil && *tooLong == *gotTooLong
	if !same {
		t.Helper()
		require.Equal(t, want, got)
	}
}

// largePayload is what long datagrams are filled with.
var largePayload = bytes.Repeat([]byte{0, 1, 2, 3, 4, 5, 6}, 200_000/7+1)

// requireBuffer asserts, in a read of a connection, that there is room, and no
// more memory than what has arrived calls for.
func requireBuffer(t testing.TB, c *stream, room []byte) {
	if held, unread := c.in.held(), c.in.unread(); len(room) == 0 || held > max(readBlock, 8*unread) {
		t.Errorf("room for %d, holds %d for %d that have arrived", len(room), held, unread)
	}
}

// A scriptedConn is a socket whose reads return pieces of a stream. Each read
// checks what the connection holds.
type scriptedConn struct {
	net.Conn
	t      testing.TB
	conn   *stream
	stream []byte
	sizes  []byte // of the pieces, by their squares, again and again; 0 is all there is room for
	least  int    // that a piece has: a long stream in single bytes would take long
	reads  int
}

func (s *scriptedConn) Read(b []byte) (int, error) {
	requireBuffer(s.t, s.conn, b)
	if len(s.stream) == 0 {
		return 0, io.EOF
	}
	n := len(s.stream)
	if len(s.sizes) > 0 {
		if size := int(s.sizes[s.reads%len(s.sizes)]); size > 0 {
			n = min(n, max(size*size, s.least))
		}
	}
	s.reads++
	n = copy(b, s.stream[:n])
	s.stream = s.stream[n:]
	return n, nil
}

// idleStream returns a stream whose goroutine has not been started.
func idleStream(m *QueuedConnectionManager, socket net.Conn) (*Connection, *goroutineCarrier) {
	s := &stream{}
	s.Connection = Connection{manager: m, stream: s}
	carrier := newGoroutineCarrier(s, socket)
	s.carrier = carrier
	return &s.Connection, carrier
}

var fuzzFrames = deepfuzz.Target{
	Name:  "FuzzFrames",
	Check: checkFrames,
	Seeds: [][]any{
		{false, uint32(math.MaxUint16), uint32(0), []byte("\x01\x00a\x00\x00\x02\x00bc\x01"), []byte{1}},
		{true, uint32(10), uint32(0), []byte("\x01\x00\x00\x00a\x0b\x00\x00\x00"), []byte{2, 1, 0}},
		{true, uint32(1 << 20), uint32(150_023), []byte("\xff\xff\xff\x7f"), []byte{120, 255, 3}},
		{false, uint32(0), uint32(8), []byte("\x00\x00"), []byte{}},
	},
}

func FuzzFrames(f *testing.F) { fuzzFrames.Fuzz(f) }

// checkFrames puts a stream, in any pieces, through the incoming side of a
// connection, without goroutines, and compares what comes out with the reference.
func checkFrames(t *testing.T, four bool, limit, large uint32, stream, sizes []byte) {
	headerSize := 2
	if four {
		headerSize = 4
	}
	limit = max(limit%(1<<21), 1)
	if large %= 200_000; large%64 == 7 { // a longer datagram than a fuzzer makes
		frame := appendHeader(nil, headerSize, int(large))
		frame = append(frame, largePayload[:large]...)
		stream = append(frame, stream...)
	}
	want, end := reference(stream, headerSize, int64(limit))

	m := NewQueuedConnectionManager(&Config{
		TCPHeaderSize: headerSize, MaxDatagramSize: int(limit), MaxReceiveQueue: math.MaxInt32,
	})
	r := NewQueuedConnectionReader(m)
	socket := &scriptedConn{t: t, stream: stream, sizes: sizes, least: len(stream) / 2000}
	c, carrier := idleStream(m, socket)
	s := c.stream
	socket.conn = s
	deepfuzz.NoError(t, r.AddConnection(c), "adding")
	requireEnd(t, end, carrier.readAll())
	deepfuzz.Equal(t, 0, s.in.held(), "bytes not given back")

	var got int
	take := func(datagram *NetDatagram) {
		deepfuzz.True(t, got < len(want), "no more than was sent")
		deepfuzz.True(t, bytes.Equal(want[got], datagram.Message()), "the next datagram")
		deepfuzz.True(t, c == datagram.Connection(), "its connection")
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
	deepfuzz.Equal(t, len(want), got, "datagrams")
	deepfuzz.Equal(t, 0, queuedBytes(c), "queued bytes")
	deepfuzz.Equal(t, 0, m.ready.count.Load(), "queued batches")
}
