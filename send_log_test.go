package queuednet

import (
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// logScene is a manager whose flushing goroutines have not been started, so that
// what is sent stays in the log until a test distributes it.
type logScene struct {
	manager *QueuedConnectionManager
	writer  *ConnectionWriter
	conns   []*Connection
}

func newLogScene(config *Config, receivers int) *logScene {
	m := NewQueuedConnectionManager(config)
	scene := &logScene{manager: m, writer: NewConnectionWriter(m)}
	for range receivers {
		s := new(stream)
		s.Connection = Connection{manager: m, stream: s}
		s.out.noteRoom(s)
		scene.conns = append(scene.conns, &s.Connection)
	}
	return scene
}

func (s *logScene) broadcast(length int, first byte) error {
	return s.writer.Broadcast(beginning(length, first), slices.Values(s.conns))
}

// written takes out what is pending for a receiver and returns the first byte of
// each datagram.
func (s *logScene) written(receiver int) (firsts []byte) {
	s.manager.flusher.inbox.Store(nil)
	out := &s.conns[receiver].stream.out
	for b, _, _ := out.take(s.conns[receiver].stream); b != nil; b, _, _ = out.take(s.conns[receiver].stream) {
		for frames := b.b; len(frames) > 0; {
			first, _ := firstFrames(frames, 2, 1)
			firsts = append(firsts, first[2])
			frames = frames[len(first):]
		}
		out.wrote(s.conns[receiver].stream, len(b.b))
		b.free()
	}
	return firsts
}

func beginning(length int, first byte) *Datagram {
	payload := make([]byte, length)
	payload[0] = first
	return NewDatagram(payload)
}

func TestSendLogKeepsOrder(t *testing.T) {
	scene := newLogScene(nil, 2)
	require.NoError(t, scene.broadcast(10, 1))
	require.NoError(t, scene.writer.Send(beginning(10, 2), scene.conns[0]))
	require.NoError(t, scene.broadcast(10, 3))
	assert.False(t, scene.manager.log.isEmpty())
	assert.Empty(t, scene.written(0), "distributed by the loop")
	require.NoError(t, scene.writer.Send(beginning(maxLogFrame, 4), scene.conns[0])) // directly
	assert.True(t, scene.manager.log.isEmpty())
	require.NoError(t, scene.broadcast(10, 5))
	require.NoError(t, scene.broadcast(maxLogFrame, 6)) // directly
	require.NoError(t, scene.writer.Send(beginning(10, 7), scene.conns[0]))
	scene.manager.log.distribute()
	assert.Equal(t, []byte{1, 2, 3, 4, 5, 6, 7}, scene.written(0))
	assert.Equal(t, []byte{1, 3, 5, 6}, scene.written(1))
}

func TestSendLogIsBounded(t *testing.T) {
	scene := newLogScene(nil, 100)
	log := &scene.manager.log
	settled := 0
	for range 1000 {
		require.NoError(t, scene.broadcast(1000, 1))
		require.LessOrEqual(t, log.size.Load(), int64(maxLogSize))
		if log.isEmpty() {
			settled++
		}
	}
	assert.Greater(t, settled, 10)
}

// What was sent before a connection leaves the log is sent; what is sent after
// that is sent directly, for good.
func TestSendLogIsLeft(t *testing.T) {
	scene := newLogScene(nil, 2)
	require.NoError(t, scene.broadcast(10, 1))
	s := scene.conns[0].stream
	s.leaveLog()
	assert.False(t, s.viaLog.Load())
	assert.Equal(t, []byte{1}, scene.written(0))
	assert.False(t, s.viaLog.Load(), "came back with the room")
	require.NoError(t, scene.broadcast(10, 2))
	assert.Equal(t, []byte{2}, scene.written(0))
}

// A connection may end after who sends has looked whether it may use the log:
// the error is that of the call.
func TestSendLogIsRefused(t *testing.T) {
	scene := newLogScene(nil, 3)
	conn := scene.conns[1]
	for _, end := range []func(){
		func() { conn.stream.leaveLog() },
		func() { conn.stream.out.replaceReason(net.ErrClosed) },
	} {
		end()
		e := newLogEntry(newFrame(2, []byte{7}), 2)
		e.receivers = append(e.receivers, scene.conns...)
		refused := scene.manager.log.send(e)
		if conn.stream.out.reason() == nil {
			assert.Empty(t, refused, "left, but did not refuse it")
		} else {
			assert.Equal(t, []*Connection{conn}, refused)
		}
		e.free()
	}
	assert.Equal(t, []byte{7, 7}, scene.written(0))
	assert.Equal(t, []byte{7}, scene.written(1))

	require.NoError(t, scene.writer.Send(beginning(10, 1), scene.conns[0]))
	require.NoError(t, scene.broadcastTo(0))
	assert.Equal(t, net.ErrClosed, scene.writer.Send(beginning(10, 2), conn))
	err := scene.broadcast(10, 3)
	assert.ErrorIs(t, err, net.ErrClosed)
	scene.manager.log.distribute()
	assert.Equal(t, []byte{1, 9, 3}, scene.written(0))
	assert.Equal(t, []byte{7, 7, 3}, scene.written(2))
}

func (s *logScene) broadcastTo(receiver int) error {
	return s.writer.Broadcast(beginning(10, 9), slices.Values(s.conns[receiver:receiver+1]))
}

// A full send queue is an error of the very call, and its bound is exact.
func TestSendLogFillsQueues(t *testing.T) {
	const limit = 300 << 10
	scene := newLogScene(&Config{MaxSendQueue: limit}, 1)
	scene.conns[0].stream.carrier = deaf{}
	sent := 0
	var err error
	for ; err == nil; sent++ {
		require.Less(t, sent, 1000)
		err = scene.broadcast(1022, 1)
	}
	assert.ErrorIs(t, err, ErrSendQueueFull)
	assert.Equal(t, limit/1024+1, sent)
}

// deaf is a carrier that does nothing.
type deaf struct{}

func (deaf) look()             {}
func (deaf) interrupt()        {}
func (deaf) flush()            {}
func (deaf) interruptWrite()   {}
func (deaf) hangUp()           {}
func (deaf) breakOff()         {}
func (deaf) isForeign() bool   { return false }
func (deaf) system() any       { return nil }
func (deaf) netConn() net.Conn { return nil }

// What a sequence has named before it panics is sent.
func TestSendLogAfterPanic(t *testing.T) {
	scene := newLogScene(nil, 2)
	assert.Panics(t, func() {
		_ = scene.writer.Broadcast(beginning(10, 1), func(yield func(*Connection) bool) {
			yield(scene.conns[0])
			panic("sequence")
		})
	})
	scene.manager.log.distribute()
	assert.Equal(t, []byte{1}, scene.written(0))
	assert.Empty(t, scene.written(1))
}

// A sequence may send, and so may others meanwhile.
func TestSendLogFromSequence(t *testing.T) {
	scene := newLogScene(nil, 1)
	require.NoError(t, scene.writer.Broadcast(beginning(10, 2), func(yield func(*Connection) bool) {
		require.NoError(t, scene.broadcast(10, 1))
		yield(scene.conns[0])
	}))
	scene.manager.log.distribute()
	assert.Equal(t, []byte{1, 2}, scene.written(0))
}

// Whoever distributes, all of it is, once, and in the order of each sender.
func TestSendLogConcurrently(t *testing.T) {
	const senders, each = 4, 300
	scene := newLogScene(nil, 3)
	var sending sync.WaitGroup
	for sender := range senders {
		sending.Go(func() {
			for i := range each {
				first := byte(sender<<6 | i&63)
				if i%3 == 0 {
					assert.NoError(t, scene.broadcast(20, first))
				} else {
					for _, conn := range scene.conns {
						assert.NoError(t, scene.writer.Send(beginning(20, first), conn))
					}
				}
				if i%7 == 0 {
					scene.manager.log.tryDistribute()
				}
			}
		})
	}
	sending.Wait()
	scene.manager.log.distribute()
	require.True(t, scene.manager.log.isEmpty())
	assert.Zero(t, scene.manager.log.size.Load())
	for receiver := range scene.conns {
		var next [senders]int
		for _, first := range scene.written(receiver) {
			sender := first >> 6
			require.Equal(t, byte(next[sender]&63), first&63, "of sender %d", sender)
			next[sender]++
		}
		assert.Equal(t, [senders]int{each, each, each, each}, next)
	}
}

// A call may allocate (the loop over a sequence does), a receiver must not.
func TestSendLogAllocatesNothing(t *testing.T) {
	scene := newLogScene(nil, 100)
	datagram := beginning(64, 1)
	conns := slices.Values(scene.conns)
	send := func() {
		_ = scene.writer.Broadcast(datagram, conns)
		_ = scene.writer.Send(datagram, scene.conns[0])
		scene.manager.log.distribute()
		for i, conn := range scene.conns {
			for b, _, _ := conn.stream.out.take(conn.stream); b != nil; b, _, _ = conn.stream.out.take(conn.stream) {
				conn.stream.out.wrote(scene.conns[i].stream, len(b.b))
				b.free()
			}
		}
		scene.manager.flusher.inbox.Store(nil)
	}
	send()
	assert.Less(t, testing.AllocsPerRun(100, send), 10.0)
}
