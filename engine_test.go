package queuednet

import (
	"io"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/queuednet/queuednet/internal/testmode"
)

// needEngine skips a test of the engine over real sockets where goroutines carry
// everything.
func needEngine(t *testing.T) {
	t.Helper()
	if testmode.Goroutines || runtime.GOOS != "linux" {
		t.Skip("goroutines carry every stream")
	}
}

// An engineEnd is an end whose engine runs over a fake poller that tells everything
// at once and whole.
type engineEnd struct {
	*end
	*fakePoller
}

// onEngine runs a test in a bubble.
func onEngine(t *testing.T, config *Config, test func(t *testing.T, e engineEnd)) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnd(t, config)
		test(t, engineEnd{e, fakeEngine(t, e.manager, nil)})
	})
}

// connected makes a connection that the reader has, over a wire that holds so many
// bytes, and waits until the engine has looked at it.
func (e engineEnd) connected(size int) (*Connection, *wire) {
	e.end.t.Helper()
	near, far := newWire(size, nil)
	conn := e.fakePoller.connect(e.manager, near)
	require.NoError(e.end.t, e.reader.AddConnection(conn))
	e.settle()
	return conn, far
}

// settle waits until the engine waits for events, after its pause.
func (e engineEnd) settle() {
	time.Sleep(2 * sweepPause)
	synctest.Wait()
}

// messages returns the datagrams that have arrived.
func (e engineEnd) messages() (messages []string) {
	for datagram := range e.reader.Datagrams() {
		messages = append(messages, string(datagram.Message()))
	}
	return messages
}

func (e engineEnd) readsOf(conn *Connection) int {
	e.fakePoller.mu.Lock()
	defer e.fakePoller.mu.Unlock()
	return e.sockets[conn.stream.link.fd].reads
}

// An event that was under way for a socket that is gone does not reach the one that
// has its slot now.
func TestEngineStaleEvent(t *testing.T) {
	onEngine(t, nil, func(t *testing.T, e engineEnd) {
		first, _ := e.connected(100)
		slot := first.stream.link.key
		first.Abort()
		e.settle()
		second, _ := e.connected(100)
		require.Equal(t, slot.Slot, second.stream.link.key.Slot, "the slot is used again")
		before := e.readsOf(second)
		e.fakePoller.mu.Lock()
		e.gone = append(e.gone, slot)
		e.fakePoller.mu.Unlock()
		signal(e.changed)
		e.settle()
		assert.Empty(t, e.gone, "it was told")
		assert.Equal(t, before, e.readsOf(second))
	})
}

// The last bytes and the end of a stream that one event tells are both read: no
// other event will come.
func TestEngineReadsOnAfterTheEnd(t *testing.T) {
	onEngine(t, nil, func(t *testing.T, e engineEnd) {
		conn, far := e.connected(100)
		far.out.mu.Lock()
		far.out.buf, far.out.shut = []byte(framed(2, "last")), true
		far.out.notify(far.out.written)
		far.out.mu.Unlock()
		e.settle()
		assert.Equal(t, []string{"last"}, e.messages())
		ended, ok := e.manager.GetResetConnection()
		require.True(t, ok)
		assert.Same(t, conn, ended)
		assert.Equal(t, io.EOF, conn.Err())
	})
}

// A system tells of a reset once. If it tells a write that is under way, the read that
// finds the end meanwhile does not take that for a good one.
func TestEngineResetIsToldToAWrite(t *testing.T) {
	onEngine(t, nil, func(t *testing.T, e engineEnd) {
		conn, far := e.connected(100)
		told := make(chan struct{})
		e.onRead = func(int, []byte) { <-told }
		e.onReset = func() {
			close(told)
			for conn.Err() == nil && e.asked.Load() < 3 { // until the engine has met the end, and again
				runtime.Gosched()
			}
		}
		far.reset()
		e.send(conn, "lost")
		e.settle()
		ended, ok := e.manager.GetResetConnection()
		require.True(t, ok)
		assert.Same(t, conn, ended)
		assert.ErrorIs(t, conn.Err(), syscall.ECONNRESET)
	})
}

// More than a read takes is read on without another event.
func TestEngineReadsOnAfterAFullRead(t *testing.T) {
	onEngine(t, &Config{MaxReceiveQueue: 8 << 20}, func(t *testing.T, e engineEnd) {
		_, far := e.connected(1 << 20)
		const datagrams = 20
		frame := framed(2, string(make([]byte, 50_000)))
		var all []byte
		for range datagrams {
			all = append(all, frame...)
		}
		require.Equal(t, len(all), far.offer(all))
		e.settle()
		assert.Len(t, e.messages(), datagrams)
	})
}

// A stream whose reader was full is read on when that has room.
func TestEngineReadsOnWhenThereIsRoom(t *testing.T) {
	onEngine(t, &Config{MaxReceiveQueue: 1}, func(t *testing.T, e engineEnd) {
		_, far := e.connected(1000)
		var want []string
		for _, text := range []string{"a", "b", "c", "d"} {
			far.offer([]byte(framed(2, text)))
			want = append(want, text)
			e.settle()
		}
		var got []string
		for range want {
			got = append(got, e.messages()...)
			e.settle()
		}
		assert.Equal(t, want, got)
	})
}

// The engine asks for room exactly as long as a peer takes nothing.
func TestEngineWaitsForRoom(t *testing.T) {
	onEngine(t, nil, func(t *testing.T, e engineEnd) {
		conn, far := e.connected(100)
		require.False(t, e.awaitsRoom(conn))
		text := string(make([]byte, 150))
		e.send(conn, text)
		e.settle()
		require.True(t, e.awaitsRoom(conn), "the system takes 100 bytes")
		got := make([]byte, 152)
		_, err := io.ReadFull(far, got[:100])
		require.NoError(t, err)
		e.settle()
		require.False(t, e.awaitsRoom(conn), "all is written")
		_, err = io.ReadFull(far, got[100:])
		require.NoError(t, err)
		assert.Equal(t, framed(2, text), string(got))
	})
}

// Where the poller does not wait any more, and no socket can be copied either, each
// connection ends with that reason. What has come is delivered before.
func TestEngineFails(t *testing.T) {
	onEngine(t, &Config{MaxReceiveQueue: 1}, func(t *testing.T, e engineEnd) {
		idle, idleFar := e.connected(100)
		stuck, _ := e.connected(100)
		e.send(stuck, string(make([]byte, 200)))
		half, halfFar := e.connected(100)
		e.send(half, string(make([]byte, 200)))
		halfFar.CloseWrite()
		e.settle()
		ended, _ := e.manager.GetResetConnection()
		require.Same(t, half, ended)
		full, fullFar := e.connected(100)
		fullFar.offer([]byte(framed(2, "a") + framed(2, "b")))
		e.settle()

		e.fakePoller.mu.Lock()
		e.broken = syscall.EBADF
		e.fakePoller.mu.Unlock()
		idleFar.offer([]byte(framed(2, "hi")))
		e.settle()
		var got []string
		for range 3 {
			got = append(got, e.messages()...)
			e.settle()
		}
		assert.ElementsMatch(t, []string{"hi", "a", "b"}, got)
		for _, conn := range []*Connection{idle, stuck, full} {
			assert.ErrorIs(t, conn.Err(), syscall.EBADF)
			assert.ErrorIs(t, e.writer.Send(NewDatagram(nil), conn), syscall.EBADF)
		}
		assert.ElementsMatch(t, []*Connection{idle, stuck, full}, slices.Collect(e.manager.ResetConnections()))
		synctest.Wait()
		assert.Empty(t, e.manager.connections, "all are closed")
		assert.True(t, e.manager.noEngine)
	})
}

// What was sent before a close goes out although the peer takes its time, and the
// socket is closed after that.
func TestEngineClosesWhenAllIsWritten(t *testing.T) {
	onEngine(t, nil, func(t *testing.T, e engineEnd) {
		conn, far := e.connected(100)
		text := string(make([]byte, 1000))
		e.send(conn, text)
		e.settle()
		far.CloseWrite()
		e.settle()
		require.Empty(t, e.messages())
		require.True(t, e.manager.ResetConnectionAvailable(), "the incoming side is over")
		time.Sleep(time.Second)
		got, err := io.ReadAll(far)
		require.NoError(t, err)
		assert.Equal(t, framed(2, text), string(got))
	})
}

// While a loop waits the engine does not pause: what comes is told the moment it
// comes. While none does, it pauses after each sweep.
func TestEngineDoesNotPauseForAWaiter(t *testing.T) {
	onEngine(t, nil, func(t *testing.T, e engineEnd) {
		_, far := e.connected(1000)
		before := e.pauses.Load()
		for range 20 {
			time.AfterFunc(time.Millisecond/2, func() { far.offer([]byte(framed(2, "x"))) })
			start := time.Now()
			require.NoError(t, e.manager.WaitForReaders(t.Context()))
			assert.Equal(t, time.Millisecond/2, time.Since(start))
			assert.Equal(t, []string{"x"}, e.messages())
		}
		assert.LessOrEqual(t, e.pauses.Load()-before, int64(20), "at most one between two waits")
		e.settle() // until the loop is not expected any more
		before = e.pauses.Load()
		far.offer([]byte(framed(2, "x")))
		synctest.Wait()
		far.offer([]byte(framed(2, "y")))
		synctest.Wait()
		assert.Equal(t, []string{"x"}, e.messages(), "the second comes in a pause")
		assert.Equal(t, before+1, e.pauses.Load())
		e.settle()
		assert.Equal(t, []string{"y"}, e.messages())
	})
}
