package simulate_test

import (
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queuednet/queuednet/simulate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStreamDelay(t *testing.T) {
	bubble("without one nothing waits", t, func(t *testing.T) {
		near, far := pipe(t)
		received := logStream(t, simulate.NewNetwork(1).Conn(near))
		write(t, far, "a")
		write(t, far, "b")
		far.Close()
		assert.Equal(t, []string{"0s a", "0s b", "0s EOF"}, received.take())
	})
	bubble("of one length", t, func(t *testing.T) {
		network := simulate.NewNetwork(1)
		network.StartDelay(100*time.Millisecond, 100*time.Millisecond)
		near, far := pipe(t)
		received := logStream(t, network.Conn(near))
		write(t, far, "a")
		time.Sleep(30 * time.Millisecond)
		write(t, far, "b")
		far.Close()
		time.Sleep(time.Second)
		assert.Equal(t, []string{"100ms a", "130ms b", "130ms EOF"}, received.take())
	})
	bubble("what goes out does not wait", t, func(t *testing.T) {
		network := simulate.NewNetwork(1)
		network.StartDelay(time.Hour, time.Hour)
		near, far := pipe(t)
		socket := network.Conn(near)
		received := logStream(t, far)
		write(t, socket, "out")
		socket.Close()
		assert.Equal(t, []string{"0s out", "0s EOF"}, received.take())
	})
}

func TestStreamDelayThatChanges(t *testing.T) {
	bubble("the order is kept", t, func(t *testing.T) {
		network := simulate.NewNetwork(1)
		network.StartDelay(time.Second, time.Second)
		near, far := pipe(t)
		received := logStream(t, network.Conn(near))
		write(t, far, "slow")
		synctest.Wait()
		network.StartDelay(-1, -1) // 0
		write(t, far, "quick")
		time.Sleep(time.Second)
		assert.Equal(t, []string{"1s slow", "1s quick"}, received.take())
	})
	bubble("stopped", t, func(t *testing.T) {
		network := simulate.NewNetwork(1)
		network.StartDelay(time.Hour, 2*time.Hour)
		near, far := pipe(t)
		received := logStream(t, network.Conn(near))
		for _, text := range []string{"a", "b", "c"} {
			write(t, far, text)
		}
		time.Sleep(time.Second)
		assert.Empty(t, received.take())
		network.StopDelay()
		assert.Equal(t, []string{"1s a", "1s b", "1s c"}, received.take(), "all at once")
		write(t, far, "d")
		assert.Equal(t, []string{"1s d"}, received.take())
		network.StopDelay() // again
		network.StartDelay(time.Second, 0)
		write(t, far, "e")
		time.Sleep(time.Second)
		assert.Equal(t, []string{"2s e"}, received.take())
	})
}

func TestStreamSameSeedSameSequence(t *testing.T) {
	run := func(seed uint64) (first, second []string) {
		synctest.Test(t, func(t *testing.T) {
			network := simulate.NewNetwork(seed)
			network.SetLoss(1) // which streams do not have,
			network.SetDuplication(1)
			network.SetReordering(1) // nor these
			network.StartDelay(100*time.Millisecond, 200*time.Millisecond)
			near1, far1 := pipe(t)
			near2, far2 := pipe(t)
			one, two := logStream(t, network.Conn(near1)), logStream(t, network.Conn(near2))
			for _, text := range []string{"a", "b", "c", "d", "e"} {
				write(t, far1, text)
				write(t, far2, text)
				time.Sleep(50 * time.Millisecond)
			}
			time.Sleep(time.Second)
			first, second = one.take(), two.take()
		})
		return first, second
	}
	first, second := run(1)
	again1, again2 := run(1)
	assert.Equal(t, first, again1)
	assert.Equal(t, second, again2)
	assert.NotEqual(t, first, second, "each socket has its own dice")
	other, _ := run(2)
	assert.NotEqual(t, first, other)
	for _, received := range [][]string{first, second, other} {
		require.Len(t, received, 5)
		for i, line := range received {
			at, text, _ := strings.Cut(line, " ")
			assert.Equal(t, string(rune('a'+i)), text)
			wait, err := time.ParseDuration(at)
			require.NoError(t, err)
			sent := time.Duration(i) * 50 * time.Millisecond
			assert.GreaterOrEqual(t, wait-sent, 100*time.Millisecond)
			assert.LessOrEqual(t, wait-sent, 200*time.Millisecond)
		}
	}
}

func TestStreamPiecesAndEnd(t *testing.T) {
	bubble("a small buffer", t, func(t *testing.T) {
		near, far := pipe(t)
		socket := simulate.NewNetwork(1).Conn(near)
		go func() {
			far.Write([]byte("abcde"))
			far.Close()
		}()
		b := make([]byte, 2)
		for _, want := range []string{"ab", "cd", "e"} {
			n, err := socket.Read(b)
			require.NoError(t, err)
			assert.Equal(t, want, string(b[:n]))
		}
		for range 3 {
			n, err := socket.Read(b)
			assert.Zero(t, n)
			assert.Equal(t, io.EOF, err)
		}
	})
	bubble("bounded", t, func(t *testing.T) {
		network := simulate.NewNetwork(1)
		network.StartDelay(time.Hour, time.Hour)
		near, far := pipe(t)
		socket := network.Conn(near)
		written := 0
		go func() {
			for {
				n, err := far.Write(make([]byte, 1000))
				if written += n; err != nil {
					return
				}
			}
		}()
		synctest.Wait()
		assert.LessOrEqual(t, written, 1<<20)
		assert.Greater(t, written, 800_000)
		before := written
		network.StopDelay()
		n, err := io.ReadFull(socket, make([]byte, 500_000))
		require.NoError(t, err)
		assert.Equal(t, 500_000, n)
		synctest.Wait()
		assert.Greater(t, written, before, "it goes on")
		socket.Close()
		synctest.Wait()
	})
}

// slowStream returns a stream whose bytes come after ten seconds.
func slowStream(t *testing.T) (socket, near, far net.Conn) {
	n := simulate.NewNetwork(1)
	n.StartDelay(10*time.Second, 10*time.Second)
	near, far = pipe(t)
	return n.Conn(near), near, far
}

func requireTimeout(t *testing.T, err error) {
	t.Helper()
	assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
	var netErr net.Error
	require.ErrorAs(t, err, &netErr)
	assert.True(t, netErr.Timeout())
}

func TestStreamDeadlines(t *testing.T) {
	b := make([]byte, 10)
	bubble("while nothing is there, and while something waits", t, func(t *testing.T) {
		socket, _, far := slowStream(t)
		for range 2 {
			start := time.Now()
			require.NoError(t, socket.SetReadDeadline(start.Add(3*time.Second)))
			for range 2 { // it stays passed
				_, err := socket.Read(b)
				requireTimeout(t, err)
				assert.Equal(t, 3*time.Second, time.Since(start))
			}
			write(t, far, "x")
		}
		require.NoError(t, socket.SetReadDeadline(time.Time{}))
		n, err := socket.Read(b)
		assert.NoError(t, err)
		assert.Equal(t, "x", string(b[:n]), "nothing was lost")
		assert.NoError(t, socket.SetDeadline(time.Now()))
		_, err = socket.Read(b)
		requireTimeout(t, err)
		_, err = socket.Write(b)
		requireTimeout(t, err)
	})
	bubble("set while a Read waits", t, func(t *testing.T) {
		socket, near, _ := slowStream(t)
		errs := make(chan error)
		const readers = 3
		for range readers {
			go func() {
				_, err := socket.Read(make([]byte, 1))
				errs <- err
			}()
		}
		time.Sleep(time.Second)
		require.NoError(t, socket.SetReadDeadline(time.Now()))
		for range readers {
			requireTimeout(t, <-errs)
		}
		near.Close()
	})
	bubble("left from before", t, func(t *testing.T) {
		near, far := pipe(t)
		near.SetDeadline(time.Now().Add(-time.Second))
		received := logStream(t, simulate.NewNetwork(1).Conn(near))
		write(t, far, "x")
		assert.Equal(t, []string{"0s x"}, received.take())
	})
}

func TestStreamClose(t *testing.T) {
	bubble("a Read that waits", t, func(t *testing.T) {
		network := simulate.NewNetwork(1)
		network.StartDelay(time.Hour, time.Hour)
		near, far := pipe(t)
		socket := network.Conn(near)
		errs := make(chan error)
		for range 2 {
			go func() {
				_, err := socket.Read(make([]byte, 1))
				errs <- err
			}()
		}
		write(t, far, "x")
		synctest.Wait()
		require.NoError(t, socket.Close())
		for range 2 {
			assert.ErrorIs(t, <-errs, net.ErrClosed)
		}
		_, err := socket.Read(make([]byte, 1))
		assert.ErrorIs(t, err, net.ErrClosed)
		assert.ErrorIs(t, socket.SetReadDeadline(time.Time{}), net.ErrClosed)
		assert.ErrorIs(t, socket.SetDeadline(time.Time{}), net.ErrClosed)
		_, err = far.Read(make([]byte, 1))
		assert.Equal(t, io.EOF, err)
		socket.Close()
	})
	bubble("a full line", t, func(t *testing.T) {
		network := simulate.NewNetwork(1)
		network.StartDelay(time.Hour, time.Hour)
		near, far := pipe(t)
		socket := network.Conn(near)
		go far.Write(make([]byte, 2<<20))
		synctest.Wait()
		require.NoError(t, socket.Close()) // its goroutine waits for room, and ends
	})
}

// A halfPipe can end its outgoing side.
type halfPipe struct {
	net.Conn
	ended bool
}

func (h *halfPipe) CloseWrite() error {
	h.ended = true
	return nil
}

func TestStreamPassesOn(t *testing.T) {
	network := simulate.NewNetwork(1)
	assert.Nil(t, network.Conn(nil))
	assert.Nil(t, network.Listener(nil))
	assert.Nil(t, network.PacketConn(nil))

	near, _ := pipe(t)
	half := &halfPipe{Conn: near}
	socket := network.Conn(half)
	assert.NoError(t, socket.(interface{ CloseWrite() error }).CloseWrite())
	assert.True(t, half.ended)
	assert.Same(t, half, socket.(interface{ NetConn() net.Conn }).NetConn())
	assert.Equal(t, near.LocalAddr(), socket.LocalAddr())
	assert.Equal(t, near.RemoteAddr(), socket.RemoteAddr())
	assert.NoError(t, socket.Close())

	near, _ = pipe(t)
	socket = network.Conn(near)
	assert.Error(t, socket.(interface{ CloseWrite() error }).CloseWrite(), "a pipe cannot")
	assert.NoError(t, socket.Close())
}
