package queuednet

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCut(t *testing.T) {
	tooLong := func(length, limit int64) error { return &DatagramTooLongError{Length: length, Max: limit} }
	for _, test := range []struct {
		b          string
		headerSize int
		limit      int
		run        int
		err        error
	}{
		{"", 2, 9, 0, nil},
		{"\x01", 2, 9, 0, nil},
		{"\x01\x00", 2, 9, 0, nil},
		{"\x00\x00", 2, 9, 2, nil},
		{"\x01\x00a", 2, 9, 3, nil},
		{"\x01\x00a\x01", 2, 9, 3, nil},
		{"\x01\x00a\x01\x00", 2, 9, 3, nil},
		{"\x01\x00a\x00\x00", 2, 9, 5, nil},
		{"\x01\x00a\x00\x00\x02\x00b", 2, 9, 5, nil},
		{"\x01\x00a\x00\x00\x02\x00bc", 2, 9, 9, nil},
		{"\x09\x00123456789", 2, 9, 11, nil},
		{"\x0a\x00", 2, 9, 0, tooLong(10, 9)},
		{"\x0a\x001234567890", 2, 9, 0, tooLong(10, 9)},
		{"\x01\x00a\x0a\x00", 2, 9, 3, tooLong(10, 9)},
		{"\x01\x00a\x0a", 2, 9, 3, nil},
		{"\x01\x00", 2, 0, 0, tooLong(1, 0)},
		{"\x00\x00\x00\x00", 2, 0, 4, nil},
		{"\xff\xff", 2, math.MaxUint16, 0, nil},
		{"\x00\x01", 2, 255, 0, tooLong(256, 255)}, // little-endian

		{"\x00\x00\x00", 4, 9, 0, nil},
		{"\x00\x00\x00\x00", 4, 9, 4, nil},
		{"\x01\x00\x00\x00", 4, 9, 0, nil},
		{"\x01\x00\x00\x00a\x00\x00\x00\x00\x00", 4, 9, 9, nil},
		{"\x0a\x00\x00\x00", 4, 9, 0, tooLong(10, 9)},
		{"\x00\x00\x01\x00", 4, 65_535, 0, tooLong(65_536, 65_535)},
		{"\x00\x00\x01\x00", 4, 65_536, 0, nil},
		{"\xff\xff\xff\x7f", 4, math.MaxInt32, 0, nil},
		{"\x00\x00\x00\x80", 4, math.MaxInt32, 0, tooLong(1<<31, math.MaxInt32)},
		{"\x00\x00\x00\x00\xff\xff\xff\xff", 4, math.MaxInt32, 4, tooLong(math.MaxUint32, math.MaxInt32)},
	} {
		run, err := (&block{b: []byte(test.b)}).cut(0, test.headerSize, int64(test.limit))
		assert.Equal(t, test.run, run, "%q", test.b)
		assert.Equal(t, test.err, err, "%q", test.b)
	}
}

// A stream for cutting has datagrams of all kinds of lengths. Each prefix of it
// ends with some of them whole, and perhaps a part of the next.
type cutStream struct {
	bytes    string
	payloads []string
	ends     []int // of the datagrams in bytes
}

func newStream(headerSize int, payloads ...string) (s cutStream) {
	s.payloads = payloads
	for _, payload := range payloads {
		s.bytes += framed(headerSize, payload)
		s.ends = append(s.ends, len(s.bytes))
	}
	return s
}

// prefix returns what the first n bytes are to a reader, and how they end.
func (s cutStream) prefix(n int) (whole []string, end error) {
	at := 0
	for i := 0; i < len(s.ends) && s.ends[i] <= n; i++ {
		whole, at = s.payloads[:i+1], s.ends[i]
	}
	if at < n {
		return whole, io.ErrUnexpectedEOF
	}
	return whole, io.EOF
}

var cutPayloads = []string{"abc", "", "0123456789", "\x00\x00", strings.Repeat("x", 70), "", "z"}

func eachHeaderSize(t *testing.T, test func(t *testing.T, headerSize int)) {
	for _, headerSize := range []int{2, 4} {
		t.Run(fmt.Sprint("header size ", headerSize), func(t *testing.T) { test(t, headerSize) })
	}
}

// requireStream takes what comes over a connection until it ends.
func (e *end) requireStream(conn *Connection, whole []string, end error, what ...any) {
	e.t.Helper()
	var got []string
	e.until("end", func() bool {
		got = append(got, e.drain()...)
		return e.manager.ResetConnectionAvailable()
	})
	require.Equal(e.t, len(whole), len(got), what...)
	for i := range whole {
		require.True(e.t, whole[i] == got[i], what...)
	}
	require.Same(e.t, conn, e.reset())
	require.Equal(e.t, end, conn.Err(), what...)
}

func TestStreamEndsAtEachByte(t *testing.T) {
	eachHeaderSize(t, func(t *testing.T, headerSize int) {
		s := newStream(headerSize, cutPayloads...)
		config := &Config{TCPHeaderSize: headerSize, CloseTimeout: -1}
		t.Run("pipe", func(t *testing.T) {
			for n := range len(s.bytes) + 1 {
				synctest.Test(t, func(t *testing.T) {
					e := newEnd(t, config)
					conn, far := e.pipe()
					write(t, far, s.bytes[:n])
					require.NoError(t, far.Close())
					whole, end := s.prefix(n)
					e.requireStream(conn, whole, end, n)
				})
			}
		})
		t.Run("TCP", func(t *testing.T) {
			e := newEnd(t, config)
			_, address := e.listen()
			for n := range len(s.bytes) + 1 {
				raw := dialRaw(t, address)
				conn := e.accept()
				write(t, raw, s.bytes[:n])
				require.NoError(t, raw.Close())
				whole, end := s.prefix(n)
				e.requireStream(conn, whole, end, n)
			}
		})
		// Runs that are handed over in their own block, and datagrams longer than one.
		t.Run("large", func(t *testing.T) {
			s := newStream(headerSize, "a", strings.Repeat("x", readBlock/handOverDivisor), strings.Repeat("y", 60_000), "", strings.Repeat("z", 20_000))
			e := newEnd(t, config)
			_, address := e.listen()
			for _, end := range append([]int{0, readBlock, 2 * readBlock}, s.ends...) {
				for n := max(end-headerSize-1, 0); n <= min(end+headerSize+1, len(s.bytes)); n++ {
					raw := dialRaw(t, address)
					conn := e.accept()
					write(t, raw, s.bytes[:n])
					require.NoError(t, raw.Close())
					whole, reason := s.prefix(n)
					e.requireStream(conn, whole, reason, n)
				}
			}
		})
	})
}

// Pieces have nothing to do with datagrams: in two at each place, and in many of
// each size.
func TestStreamInPieces(t *testing.T) {
	eachHeaderSize(t, func(t *testing.T, headerSize int) {
		s := newStream(headerSize, cutPayloads...)
		config := &Config{TCPHeaderSize: headerSize, CloseTimeout: -1}
		t.Run("pipe", func(t *testing.T) {
			for n := 1; n < len(s.bytes); n++ {
				synctest.Test(t, func(t *testing.T) {
					e := newEnd(t, config)
					conn, far := e.pipe()
					write(t, far, s.bytes[:n])
					synctest.Wait()
					whole, _ := s.prefix(n)
					require.Equal(t, whole, e.drain(), "before the cut at %d", n)
					for rest := s.bytes[n:]; len(rest) > 0; rest = rest[min(n, len(rest)):] {
						write(t, far, rest[:min(n, len(rest))])
					}
					require.NoError(t, far.Close())
					e.requireStream(conn, s.payloads[len(whole):], io.EOF, n)
				})
			}
		})
		t.Run("TCP", func(t *testing.T) {
			e := newEnd(t, config)
			conn, raw := e.raw()
			for n := 1; n < len(s.bytes); n++ {
				write(t, raw, s.bytes[:n])
				whole, _ := s.prefix(n)
				if len(whole) > 0 {
					require.Equal(t, whole, e.messages(len(whole)))
				}
				write(t, raw, s.bytes[n:])
				require.Equal(t, s.payloads[len(whole):], e.messages(len(s.payloads)-len(whole)), "cut at %d", n)
			}
			require.NoError(t, raw.Close())
			e.requireStream(conn, nil, io.EOF)
		})
	})
}

func TestOneMillionBytes(t *testing.T) {
	payload := strings.Repeat("0123456789", 100_000)
	e := newEnd(t, &Config{TCPHeaderSize: 4})
	for name, connect := range map[string]func() (*Connection, io.WriteCloser){
		"TCP":  func() (*Connection, io.WriteCloser) { return e.raw() },
		"pipe": func() (*Connection, io.WriteCloser) { return e.pipe() },
	} {
		t.Run(name, func(t *testing.T) {
			conn, far := connect()
			go func() {
				_, err := io.WriteString(far, framed(4, "before", payload, "behind")+"\x01")
				far.Close()
				if err != nil {
					t.Error(err)
				}
			}()
			e.requireStream(conn, []string{"before", payload, "behind"}, io.ErrUnexpectedEOF)
		})
	}
	t.Run("limit", func(t *testing.T) {
		for length, ok := range map[int]bool{1 << 20: true, 1<<20 + 1: false} {
			conn, raw := e.raw()
			written := make(chan error, 1)
			go func() {
				_, err := io.WriteString(raw, framed(4, strings.Repeat("x", length)))
				raw.Close()
				written <- err
			}()
			if ok {
				e.requireStream(conn, []string{strings.Repeat("x", length)}, io.EOF)
				require.NoError(t, <-written)
				continue
			}
			require.Same(t, conn, e.reset())
			var tooLong *DatagramTooLongError
			require.True(t, errors.As(conn.Err(), &tooLong))
			require.Equal(t, int64(length), tooLong.Length)
			<-written
		}
	})
}
