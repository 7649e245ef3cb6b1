package queuednettest_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/queuednet/queuednet/queuednettest"
)

// A socket is what the library and programs use of a TCP socket.
type socket interface {
	net.Conn
	CloseWrite() error
	SetLinger(seconds int) error
	SetNoDelay(bool) error
	SetKeepAlive(bool) error
}

// alike has what a peer sees in cases that do not depend on time: settle waits
// until what one end did has reached the other.
var alike = map[string]func(t *testing.T, near, far socket, settle func()){
	"bytes arrive, and wait to be read": func(t *testing.T, near, far socket, settle func()) {
		write(t, near, "hello")
		write(t, near, " there")
		settle()
		assert.Equal(t, "hello there", read(t, far, 11))
		assert.NoError(t, near.SetNoDelay(false))
		assert.NoError(t, near.SetKeepAlive(true))
	},
	"a half can be ended": func(t *testing.T, near, far socket, settle func()) {
		write(t, near, "last")
		require.NoError(t, near.CloseWrite())
		require.NoError(t, near.CloseWrite())
		_, err := near.Write([]byte("x"))
		assert.ErrorIs(t, err, syscall.EPIPE)
		_, err = near.Write(nil)
		assert.ErrorIs(t, err, syscall.EPIPE)
		settle()
		assert.Equal(t, "last", readAll(far, nil))
		write(t, far, "answer")
		require.NoError(t, far.Close())
		settle()
		assert.Equal(t, "answer", readAll(near, nil))
	},
	"closing ends both, and what was written is there": func(t *testing.T, near, far socket, settle func()) {
		write(t, near, "last")
		require.NoError(t, near.Close())
		settle()
		assert.Equal(t, "last", readAll(far, nil))
		far.Write([]byte("x")) // TCP learns by this that nobody reads
		settle()
		_, err := far.Write([]byte("x"))
		assert.ErrorIs(t, err, syscall.EPIPE)
		_, err = far.Read(make([]byte, 1))
		assert.ErrorIs(t, err, io.EOF)
	},
	"SetLinger(0) makes closing a reset": func(t *testing.T, near, far socket, settle func()) {
		write(t, near, "last")
		settle()
		require.NoError(t, near.SetLinger(0))
		require.NoError(t, near.Close())
		settle()
		assert.Equal(t, "last", readAll(far, syscall.ECONNRESET))
	},
	"a write after a reset": func(t *testing.T, near, far socket, settle func()) {
		require.NoError(t, near.SetLinger(0))
		require.NoError(t, near.Close())
		settle()
		_, err := far.Write([]byte("x"))
		assert.ErrorIs(t, err, syscall.ECONNRESET)
	},
	"SetLinger can be taken back": func(t *testing.T, near, far socket, settle func()) {
		require.NoError(t, near.SetLinger(0))
		require.NoError(t, near.SetLinger(-1))
		require.NoError(t, near.Close())
		settle()
		assert.Empty(t, readAll(far, nil))
	},
	"closing with something unread is a reset": func(t *testing.T, near, far socket, settle func()) {
		write(t, far, "unread")
		settle()
		write(t, near, "last")
		settle()
		require.NoError(t, near.Close())
		settle()
		assert.Equal(t, "last", readAll(far, syscall.ECONNRESET))
	},
	"an end that was told stays one after a reset": func(t *testing.T, near, far socket, settle func()) {
		require.NoError(t, near.CloseWrite())
		settle()
		assert.Empty(t, readAll(far, nil))
		require.NoError(t, near.SetLinger(0))
		require.NoError(t, near.Close())
		settle()
		assert.Empty(t, readAll(far, nil))
		_, err := far.Write([]byte("x"))
		assert.ErrorIs(t, err, syscall.EPIPE)
	},
	"nothing works once closed": func(t *testing.T, near, far socket, settle func()) {
		require.NoError(t, near.Close())
		_, readErr := near.Read(nil)
		_, writeErr := near.Write(nil)
		for name, err := range map[string]error{
			"Read": readErr, "Write": writeErr, "Close": near.Close(), "CloseWrite": near.CloseWrite(),
			"SetDeadline": near.SetDeadline(time.Time{}), "SetLinger": near.SetLinger(0), "SetNoDelay": near.SetNoDelay(true),
		} {
			assert.ErrorIs(t, err, net.ErrClosed, name)
			var opError *net.OpError
			assert.ErrorAs(t, err, &opError, name)
		}
	},
	"a deadline that has passed, even if something is there": func(t *testing.T, near, far socket, settle func()) {
		write(t, far, "there")
		settle()
		require.NoError(t, near.SetDeadline(time.Unix(1, 0)))
		_, emptyErr := near.Write(nil)
		_, writeErr := near.Write([]byte("x"))
		_, readErr := near.Read(make([]byte, 1))
		for _, err := range []error{emptyErr, writeErr, readErr} {
			assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
			var timeout net.Error
			assert.True(t, errors.As(err, &timeout) && timeout.Timeout())
		}
		_, err := near.Read(nil)
		assert.NoError(t, err)
		require.NoError(t, near.SetDeadline(time.Time{}))
		assert.Equal(t, "there", read(t, near, 5))
		_, err = near.Read(nil)
		assert.NoError(t, err)
		_, err = near.Write(nil)
		assert.NoError(t, err)
	},
	"addresses are those of TCP": func(t *testing.T, near, far socket, settle func()) {
		assert.Equal(t, near.LocalAddr(), far.RemoteAddr())
		assert.Equal(t, near.RemoteAddr(), far.LocalAddr())
		assert.NotEqual(t, near.LocalAddr(), near.RemoteAddr())
		assert.IsType(t, &net.TCPAddr{}, near.LocalAddr())
	},
}

// Whatever a program does that does not depend on time, it sees in memory what
// TCP of this system shows it.
func TestConnectionsAreLikeTCP(t *testing.T) {
	for name, test := range alike {
		t.Run(name+", in memory", func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				near, far := ends(t)
				test(t, near, far, synctest.Wait)
			})
		})
		t.Run(name+", over TCP", func(t *testing.T) {
			if runtime.GOOS != "linux" {
				t.Skip("the errors are those of Linux")
			}
			near, far := tcpEnds(t)
			test(t, near, far, func() { time.Sleep(20 * time.Millisecond) }) // nothing tells when the system has
		})
	}
}

// tcpEnds returns the two ends of a connection of the system.
func tcpEnds(t *testing.T) (near, far socket) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	dialed, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	accepted, err := listener.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { dialed.Close(); accepted.Close() })
	return dialed.(socket), accepted.(socket)
}

// ends returns the two ends of a connection in memory.
func ends(t *testing.T) (near, far socket) {
	listener := queuednettest.NewListener(t, nil)
	dialed, err := listener.Dial(context.Background())
	require.NoError(t, err)
	accepted, err := listener.Accept()
	require.NoError(t, err)
	return dialed.(socket), accepted.(socket)
}

// A direction holds so much that has not been read, and then Write waits: for
// room, its deadline, or an end of the connection.
func TestWriteWaits(t *testing.T) {
	const window = 64 << 10
	for name, test := range map[string]struct {
		release func(near, far socket)
		written int
		err     error
	}{
		"for room":              {func(_, far socket) { far.Read(make([]byte, window)) }, window + 10, nil},
		"for its deadline":      {func(near, _ socket) { near.SetWriteDeadline(time.Now().Add(time.Second)) }, window, os.ErrDeadlineExceeded},
		"until closed":          {func(near, _ socket) { near.Close() }, window, net.ErrClosed},
		"until the end":         {func(near, _ socket) { near.CloseWrite() }, window, syscall.EPIPE},
		"until the peer resets": {func(_, far socket) { far.Close() }, window, syscall.ECONNRESET},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				near, far := ends(t)
				done := make(chan struct{})
				go func() {
					defer close(done)
					n, err := near.Write(make([]byte, window+10))
					assert.Equal(t, test.written, n)
					assert.ErrorIs(t, err, test.err)
				}()
				synctest.Wait()
				select {
				case <-done:
					t.Error("did not wait")
				default:
				}
				test.release(near, far)
				<-done
			})
		})
	}
}

// A Read that waits ends in the same ways.
func TestReadWaits(t *testing.T) {
	for name, test := range map[string]struct {
		release func(near, far socket)
		err     error
	}{
		"for bytes":             {func(_, far socket) { far.Write([]byte("x")) }, nil},
		"for its deadline":      {func(near, _ socket) { near.SetReadDeadline(time.Now().Add(time.Second)) }, os.ErrDeadlineExceeded},
		"until closed":          {func(near, _ socket) { near.Close() }, net.ErrClosed},
		"until the end":         {func(_, far socket) { far.CloseWrite() }, io.EOF},
		"until the peer resets": {func(_, far socket) { far.SetLinger(0); far.Close() }, syscall.ECONNRESET},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				near, far := ends(t)
				done := make(chan error, 1)
				go func() {
					_, err := near.Read(make([]byte, 1))
					done <- err
				}()
				synctest.Wait()
				assert.Empty(t, done, "did not wait")
				test.release(near, far)
				assert.ErrorIs(t, <-done, test.err)
			})
		})
	}
}

// A deadline counts from when it is set last, to the instant.
func TestDeadlineIsSetAnew(t *testing.T) {
	bubble(t, func(t *testing.T) {
		near, _ := ends(t)
		start := time.Now()
		require.NoError(t, near.SetReadDeadline(start.Add(time.Second)))
		time.AfterFunc(500*time.Millisecond, func() { near.SetReadDeadline(start.Add(3 * time.Second)) })
		_, err := near.Read(make([]byte, 1))
		assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
		assert.Equal(t, 3*time.Second, time.Since(start))
	})
}

// Writes from several goroutines do not mix, however long they wait.
func TestWritesDoNotMix(t *testing.T) {
	const writers, size, piece = 4, 200_000, 1000
	near, far := ends(t)
	for i := range writers {
		go near.Write([]byte(strings.Repeat(string(rune('a'+i)), size)))
	}
	changes, last := 0, ""
	for range writers * size / piece {
		got := read(t, far, piece)
		require.Equal(t, strings.Repeat(got[:1], piece), got)
		if got != last {
			changes++
		}
		last = got
	}
	assert.Equal(t, writers, changes)
}

// Several goroutines write, read, and set deadlines at both ends at once: each call
// returns, and what one end has read is what the other has written.
func TestConnectionUnderLoad(t *testing.T) {
	const writers, each = 4, 1_000_000
	near, far := ends(t)
	var got int
	over := make(chan struct{})
	go func() {
		defer close(over)
		for b := make([]byte, 1000); ; {
			n, err := far.Read(b)
			got += n
			if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
				return
			}
		}
	}()
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for left := each; left > 0; {
				n, err := near.Write(make([]byte, min(left, 777)))
				if left -= n; err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 2000 {
		near.SetWriteDeadline(time.Now().Add(time.Microsecond))
		far.SetReadDeadline(time.Now().Add(time.Microsecond))
		near.SetWriteDeadline(time.Time{})
		far.SetReadDeadline(time.Time{})
	}
	all.Wait()
	near.Close()
	<-over
	assert.Equal(t, writers*each, got)
}
