//go:build !js

package websocket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/internal/testmode"
	"github.com/stretchr/testify/require"
)

// rawClient returns a WebSocket of the library below, and the server's end.
func rawClient(t *testing.T, options *ServerOptions) (*websocket.Conn, net.Conn) {
	t.Helper()
	s, err := NewServer(options)
	require.NoError(t, err)
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	ws, _, err := websocket.Dial(t.Context(), h.URL, &websocket.DialOptions{Subprotocols: []string{Datagrams}})
	require.NoError(t, err)
	t.Cleanup(func() { ws.CloseNow() })
	far, err := s.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { far.(*conn).transport.reset(); far.Close() })
	return ws, far
}

// A read deadline ends a Read, also in the middle of a message, and nothing is
// lost by it.
func TestReadDeadline(t *testing.T) {
	ws, far := rawClient(t, nil)
	b := make([]byte, 64<<10)
	timesOut := func() {
		require.NoError(t, far.SetReadDeadline(time.Now().Add(10*time.Millisecond)))
		n, err := far.Read(b)
		require.Zero(t, n)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		n, err = far.Read(b)
		require.Zero(t, n)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	}
	timesOut()
	w, err := ws.Writer(t.Context(), websocket.MessageBinary)
	require.NoError(t, err)
	for range 3 {
		_, err = w.Write(bytes.Repeat([]byte("x"), 10_000))
		require.NoError(t, err)
		timesOut()
	}
	require.NoError(t, w.Close())
	require.NoError(t, far.SetReadDeadline(time.Time{}))
	_, err = io.ReadFull(far, b[:2+30_000])
	require.NoError(t, err)
	require.Equal(t, []byte{30_000 & 0xff, 30_000 >> 8, 'x'}, b[:3])

	// One that is set while a Read waits counts as well.
	go func() {
		time.Sleep(10 * time.Millisecond)
		far.SetReadDeadline(time.Now())
	}()
	_, err = far.Read(b)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

// A write deadline that has passed before the Write does no harm; one that
// passes in a Write ends it in time.
func TestWriteDeadline(t *testing.T) {
	near, far := pair(t, nil, nil)
	require.NoError(t, far.SetWriteDeadline(time.Now().Add(-time.Second)))
	n, err := far.Write([]byte{1, 0, 'a'})
	require.Zero(t, n)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NoError(t, far.SetWriteDeadline(time.Time{}))
	_, err = far.Write([]byte{1, 0, 'b'})
	require.NoError(t, err)
	b := make([]byte, 100)
	n, err = io.ReadFull(near, b[:3])
	require.NoError(t, err)
	require.Equal(t, []byte{1, 0, 'b'}, b[:n])

	// near takes nothing more than its inbox and the system hold.
	frame := append([]byte{0xe8, 0x03}, make([]byte, 1000)...)
	require.NoError(t, far.SetWriteDeadline(time.Now().Add(300*time.Millisecond)))
	for err == nil {
		_, err = far.Write(bytes.Repeat(frame, 16))
	}
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

// What each reason of an end tells the peer, and what the peer makes of it.
func TestReasons(t *testing.T) {
	for _, test := range []struct {
		reason error
		code   int // 0: io.EOF
		text   string
	}{
		{nil, 0, ""},
		{net.ErrClosed, 0, ""},
		{io.EOF, 0, ""},
		{queuednet.ErrManagerClosed, 1001, "server closed"}, // a client's is 1000
		{fmt.Errorf("%w: %w", queuednet.ErrGivenUp, net.ErrClosed), 1011, "what was sent has been given up"},
		{fmt.Errorf("%w: %w", queuednet.ErrGivenUp, queuednet.ErrWriteTimeout), 1011, "the peer takes nothing"},
		{queuednet.ErrIdle, 1008, "nothing has come"},
		{queuednet.ErrFirstDatagram, 1008, "no first datagram"},
		{queuednet.ErrFlooding, 1008, "the peer sends too much"},
		{&queuednet.DatagramTooLongError{Length: 101, Max: 100}, 1009, "datagram longer than 100 bytes"},
		{ErrText, 1003, "the peer sent a text message, not a binary one"},
		{queuednet.ErrSendQueueFull, 1011, "send queue full"},
		{queuednet.ErrWriteTimeout, 1011, "the peer takes nothing"},
		{errors.New("dial tcp 10.0.0.7: a secret"), 1011, ""},
	} {
		for _, side := range []string{"client", "server"} {
			near, far := pair(t, nil, nil)
			if side == "server" {
				near, far = far, near
			}
			_, err := near.Write([]byte{1, 0, 'x'})
			require.NoError(t, err)
			closed := make(chan error)
			go func() { closed <- near.(*conn).CloseWithReason(test.reason) }()
			b := make([]byte, 3)
			_, err = io.ReadFull(far, b)
			require.NoError(t, err, "what was written last arrives")
			_, err = far.Read(b)
			if test.code == 0 || test.code == 1001 && side == "client" {
				require.Equal(t, io.EOF, err, test.reason)
			} else {
				requireStatus(t, err, test.code, test.text)
			}
			require.NoError(t, <-closed)
			_, err = near.Read(b)
			require.ErrorIs(t, err, net.ErrClosed)
			_, err = near.Write(b)
			require.ErrorIs(t, err, net.ErrClosed)
			require.ErrorIs(t, near.Close(), net.ErrClosed)
			_, err = far.Write([]byte{0, 0})
			require.Error(t, err)
		}
	}
}

// A connection that ends without a close message ends with status 1006, and
// never looks like a good end.
func TestAbnormalEnd(t *testing.T) {
	for _, reset := range []bool{false, true} {
		near, far := pair(t, nil, nil)
		if reset {
			near.(*conn).transport.reset()
		} else {
			near.(*conn).transport.Conn.Close()
		}
		_, err := far.Read(make([]byte, 10))
		requireStatus(t, err, 1006, "")
		if !reset {
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		}
		require.NotErrorIs(t, err, net.ErrClosed)
		_, err = far.Write([]byte{0, 0})
		for err == nil {
			_, err = far.Write([]byte{0, 0})
		}
	}
}

// A peer that breaks off has status 1006 also if a write is the first to notice; and what
// it said before is the reason.
func TestAbnormalEndOfWrite(t *testing.T) {
	write := func(far net.Conn) (err error) {
		for err == nil {
			_, err = far.Write([]byte{0, 0})
		}
		return err
	}
	near, far := pair(t, nil, nil)
	near.(*conn).transport.reset()
	err := write(far)
	requireStatus(t, err, 1006, "")
	require.NotContains(t, err.Error(), "failed to write")
	require.Equal(t, err, write(far))

	if runtime.GOOS != "linux" {
		return // where a reset also drops what has arrived before it
	}
	near, far = pair(t, nil, nil)
	_, err = near.(*conn).transport.Write([]byte("\x88\x85\x00\x00\x00\x00\x0f\xa0bye")) // masked with zeros
	require.NoError(t, err)
	near.(*conn).transport.reset()
	requireStatus(t, write(far), 4000, "bye")
}

// A write whose deadline has passed ends writing, and what the peer sends is still read.
func TestWriteDeadlineLeavesReading(t *testing.T) {
	near, far := pair(t, nil, nil)
	frame := append([]byte{0xe8, 0x03}, make([]byte, 1000)...)
	require.NoError(t, far.SetWriteDeadline(time.Now().Add(100*time.Millisecond)))
	var err error
	for err == nil { // near takes nothing
		_, err = far.Write(bytes.Repeat(frame, 16))
	}
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	_, again := far.Write(frame)
	require.ErrorIs(t, again, os.ErrDeadlineExceeded)

	_, err = near.Write(frame)
	require.NoError(t, err)
	got := make([]byte, len(frame))
	_, err = io.ReadFull(far, got)
	require.NoError(t, err)
	require.Equal(t, frame, got)
}

// What is there is read even if the deadline has passed.
func TestReadAfterDeadline(t *testing.T) {
	near, far := pair(t, nil, nil)
	for range 100 {
		_, err := near.Write([]byte("\x01\x00a\x01\x00b"))
		require.NoError(t, err)
		require.NoError(t, far.SetReadDeadline(time.Time{}))
		got := make([]byte, 6)
		_, err = io.ReadFull(far, got[:3])
		require.NoError(t, err)
		require.NoError(t, far.SetReadDeadline(time.Unix(1, 0)))
		_, err = io.ReadFull(far, got[3:])
		require.NoError(t, err)
		require.Equal(t, "\x01\x00a\x01\x00b", string(got))
	}
	_, err := far.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

// What a peer says in closing is the reason of the end, for Write as well.
func TestPeersStatus(t *testing.T) {
	for _, test := range []struct {
		code   websocket.StatusCode
		reason string
		eof    bool
	}{
		{websocket.StatusNormalClosure, "bye", true},
		{websocket.StatusNoStatusRcvd, "", true},
		{websocket.StatusGoingAway, "", false},
		{4321, "grüße", false},
	} {
		ws, far := rawClient(t, nil)
		go ws.Close(test.code, test.reason)
		_, err := far.Read(make([]byte, 10))
		if test.eof {
			require.Equal(t, io.EOF, err)
		} else {
			requireStatus(t, err, int(test.code), test.reason)
		}
		_, again := far.Write([]byte{0, 0})
		require.Equal(t, err, again)
	}
}

// A message that is too long, and a text message, end the connection, with a
// status that says so.
func TestBadMessages(t *testing.T) {
	for _, test := range []struct {
		kind   websocket.MessageType
		length int
		status websocket.StatusCode
	}{
		{websocket.MessageBinary, 1001, websocket.StatusMessageTooBig},
		{websocket.MessageBinary, 1 << 20, websocket.StatusMessageTooBig},
		{websocket.MessageText, 3, websocket.StatusUnsupportedData},
	} {
		ws, far := rawClient(t, &ServerOptions{Config: &queuednet.Config{MaxDatagramSize: 1000}})
		require.NoError(t, ws.Write(t.Context(), websocket.MessageBinary, make([]byte, 1000)))
		written := make(chan error)
		go func() { written <- ws.Write(context.Background(), test.kind, make([]byte, test.length)) }()
		_, err := io.ReadFull(far, make([]byte, 1002))
		require.NoError(t, err)
		_, err = far.Read(make([]byte, 10))
		var tooLong *queuednet.DatagramTooLongError
		if test.kind == websocket.MessageText {
			require.ErrorIs(t, err, ErrText)
		} else {
			require.ErrorAs(t, err, &tooLong)
			require.EqualValues(t, 1000, tooLong.Max)
		}
		go far.(*conn).CloseWithReason(err)
		_, _, err = ws.Read(t.Context())
		require.Equal(t, test.status, websocket.CloseStatus(err), err)
		<-written
	}
}

// A peer that takes nothing does not keep anybody from closing, and sees a reset.
func TestCloseStuck(t *testing.T) {
	near, far := pair(t, nil, nil)
	frame := append([]byte{0xe8, 0x03}, make([]byte, 1000)...)
	writing := make(chan error)
	var written atomic.Int64
	go func() {
		var err error
		for ; err == nil; written.Add(1) {
			_, err = far.Write(bytes.Repeat(frame, 16))
		}
		writing <- err
	}()
	// far is stuck once the time of a write has passed many times over.
	for before := int64(0); before == 0 || before != written.Load(); time.Sleep(time.Second) {
		before = written.Load()
	}
	began := time.Now()
	far.(*conn).CloseWithReason(queuednet.ErrSendQueueFull)
	require.Less(t, time.Since(began), patience)
	require.Error(t, <-writing)
	var err error
	for err == nil {
		_, err = near.Read(make([]byte, 64<<10))
	}
	requireStatus(t, err, 1006, "")
}

// A peer that has died is noticed, however slow the program is; one that lives is
// kept, also if the program takes nothing.
func TestPing(t *testing.T) {
	ws, far := rawClient(t, &ServerOptions{PingInterval: 50 * time.Millisecond})
	_, err := far.Read(make([]byte, 1)) // nobody reads ws, which does not answer
	require.Equal(t, queuednet.ErrNoAnswer, err)
	_, _, err = ws.Read(t.Context())
	require.Error(t, err)

	// It has two intervals for an answer, which a busy machine does not take.
	const interval = time.Second
	near, far := pair(t, &ServerOptions{PingInterval: interval}, &DialOptions{PingInterval: -1})
	ended := make(chan error, 1)
	go func() { _, err := near.Read(make([]byte, 1)); ended <- err }()
	go func() { _, err := far.Read(make([]byte, 1)); ended <- err }()
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(4 * interval):
	}
}

// No goroutine of a connection outlives it.
func TestGoroutinesEnd(t *testing.T) {
	near, far := pair(t, &ServerOptions{PingInterval: time.Millisecond}, &DialOptions{PingInterval: time.Millisecond})
	go far.Read(make([]byte, 10))
	go near.Read(make([]byte, 10))
	time.Sleep(5 * time.Millisecond)
	near.Close() // which may fail: a peer that is late by so little has been taken for dead
	far.Close()
	var stacks string
	require.Eventually(t, func() bool {
		b := make([]byte, 1<<20)
		stacks = string(b[:runtime.Stack(b, true)])
		return !strings.Contains(stacks, "(*conn)") && !strings.Contains(stacks, "(*pinger)")
	}, patience, time.Millisecond, stacks)
}

// Sending and receiving allocate nothing for each datagram.
func TestAllocations(t *testing.T) {
	if testmode.Race {
		t.Skip("the race detector allocates")
	}
	near, far := pair(t, nil, nil)
	frames := bytes.Repeat(append([]byte{100, 0}, make([]byte, 100)...), 10)
	b := make([]byte, len(frames))
	allocations := testing.AllocsPerRun(200, func() {
		far.Write(frames)
		io.ReadFull(near, b)
		near.Write(frames)
		io.ReadFull(far, b)
	})
	require.Less(t, allocations, 1.0)
}
