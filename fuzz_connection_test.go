package queuednet

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queuednet/queuednet/internal/deepfuzz"
)

// A hostile peer, with a program that behaves like any other.
type hostile struct {
	t      *testing.T
	e      *end
	conn   *Connection
	far    net.Conn
	chunks chan []byte // to be written by the peer
	want   [][]byte    // that has not come yet
	added  bool
	closed bool // by the program
	most   int  // bytes that a read may bring
	bound  int64
	porch  *porch                  // nil: there is none
	room   [hostilePiece * 10]byte // for what the peer takes
}

const (
	hostileSendQueue    = 40_000
	hostileWriteTimeout = time.Minute
	hostilePiece        = 21 * 21 // at most written in a step
	hostileWire         = 2000

	stepClose = 11
	stepAnew  = 2*12 + 11 // between two inputs: see anew

	mostJoined = 16
	joinOdds   = 6   // of which one input is the last
	longScript = 200 // for one input
)

var hostileZeros [hostilePiece * 10]byte

var (
	fuzzConnection = connectionTarget("FuzzConnection", overPipe)
	fuzzEngine     = connectionTarget("FuzzEngine", overEngine)
)

func FuzzConnection(f *testing.F) { fuzzConnection.Fuzz(f) }

// FuzzEngine is FuzzConnection through the engine, over a fake poller, beside a rendezvous of
// the engine's.
func FuzzEngine(f *testing.F) { fuzzEngine.Fuzz(f) }

func connectionTarget(name string, open func(h *hostile, seed uint64)) deepfuzz.Target {
	return deepfuzz.Target{
		Name: name,
		Check: func(t *testing.T, four bool, limit, queue uint16, stream, script []byte) {
			checkConnection(t, open, four, limit, queue, stream, script)
		},
		Around:     func(t *testing.T, inputs func(t *testing.T)) { synctest.Test(t, inputs) },
		Join:       joinConnection,
		Background: true,
		Seeds: [][]any{
			{false, uint16(100), uint16(50), []byte("\x01\x00a\x00\x00\x02\x00bc\x01"), []byte("\x01\x02\x03\x04\x05\x06")},
			{true, uint16(10), uint16(1), []byte("\x01\x00\x00\x00a\x0b\x00\x00\x00bcdefghijkl"), []byte("\x10\x03\x20\x03")},
			{true, uint16(1000), uint16(9), bytes.Repeat([]byte("\x02\x00\x00\x00hi"), 40), []byte("\xf0\x05\x13\x06\x33\x07\x97\x09")},
			{false, uint16(9), uint16(9), []byte("\x03\x00abc"), []byte("\x00\x17\x09\x19\x29\x0a")},
			{false, uint16(9), uint16(8), []byte("\x03\x00abc\x01\x00d"), []byte{stepDial, stepToggle, stepDial, 9, stepToggle, stepFail, 21, stepTake, stepDial, stepFail, 3, stepShut}},
		},
	}
}

// overPipe opens a connection that a goroutine carries.
func overPipe(h *hostile, _ uint64) {
	near, far := net.Pipe()
	metered := &meteredConn{Conn: near, t: h.t}
	conn, err := h.e.manager.AdoptConnection(metered)
	deepfuzz.NoError(h.t, err, "adopting")
	metered.conn = conn // nothing is read before it is added
	h.conn, h.far, h.most = conn, far, hostilePiece
}

// joinConnection lets one connection live through several inputs, as its
// beginning and its end cost more than they do. It has the Config of the first,
// and ends like the last. The others are made such that it does not end.
func joinConnection(random *rand.Rand, next func() []any) (input []any, of uint64) {
	first := next()
	four, limit, queue := first[0].(bool), first[1].(uint16), first[2].(uint16)
	headerSize := 2
	if four {
		headerSize = 4
	}
	joined, joinedScript := make([]byte, 0, 1<<10), make([]byte, 0, 1<<9)
	for input := first; ; input = next() {
		of++
		stream, script := input[3].([]byte), input[4].([]byte)
		script = script[:min(len(script), longScript)]
		if of == mostJoined || random.IntN(joinOdds) == 0 || len(joined)+len(stream) > 1<<15 {
			joined, joinedScript = append(joined, stream...), append(joinedScript, script...)
			return []any{four, limit, queue, joined, joinedScript}, of
		}
		joined = append(joined, fitting(stream, headerSize, max(int(limit), 1))...)
		for _, b := range script {
			if b != stepClose {
				joinedScript = append(joinedScript, b)
			}
		}
		joinedScript = append(joinedScript, stepAnew)
	}
}

// fitting makes whole frames of a stream: a length that is over the limit, or
// more than there is, becomes one that fits.
func fitting(stream []byte, headerSize, limit int) []byte {
	rest := stream
	for len(rest) >= headerSize {
		n, most := payloadLength(rest, headerSize), int64(min(limit, len(rest)-headerSize))
		if n > most {
			n %= most + 1
			appendHeader(rest[:0], headerSize, int(n))
		}
		rest = rest[headerSize+int(n):]
	}
	return stream[:len(stream)-len(rest)]
}

// checkConnection feeds a connection with anything, in any pieces, while the
// program drains, sends, moves and closes it: it never panics, delivers what the
// reference finds, ends with a reason that fits, within its bounds, and no
// goroutine stays. All of it is in a bubble, which fails if one does.
func checkConnection(t *testing.T, open func(h *hostile, seed uint64), four bool, limit, queue uint16, stream, script []byte) {
	if len(stream) > 1<<16 || len(script) > mostJoined*(longScript+1) {
		return
	}
	headerSize := 2
	if four {
		headerSize = 4
	}
	config := &Config{
		TCPHeaderSize: headerSize, MaxDatagramSize: max(int(limit), 1), MaxReceiveQueue: max(int(queue), 1),
		MaxSendQueue: hostileSendQueue, WriteTimeout: hostileWriteTimeout,
	}
	h := &hostile{t: t, e: bareEnd(t, config), added: true}
	open(h, uint64(len(stream))<<32|uint64(limit)<<16|uint64(queue))
	// A run, which is a part of a frame and what a read brings, is always let in where
	// nothing is queued. It is charged for the block that it may fill a quarter of.
	run := headerSize + min(config.MaxDatagramSize, len(stream)) + h.most
	h.bound = int64(max(config.MaxReceiveQueue, handOverDivisor*run))
	want, end := reference(stream, headerSize, int64(config.MaxDatagramSize))
	h.want = want
	deepfuzz.NoError(t, h.e.reader.AddConnection(h.conn), "adding")
	h.chunks = make(chan []byte, len(script)+1)
	go h.write()
	rest := stream
	for _, b := range script {
		if h.step(b, &rest) {
			synctest.Wait()
			h.requireBounds()
		}
	}
	h.chunks <- rest
	close(h.chunks)
	h.finish()
	if h.porch != nil {
		h.porch.finish()
	}
	h.requireResult(end)
}

// bareEnd is newEnd without a cleanup, which there would be too many of.
func bareEnd(t testing.TB, config *Config) *end {
	m := NewQueuedConnectionManager(config)
	return &end{t: t, manager: m, reader: NewQueuedConnectionReader(m), writer: NewConnectionWriter(m)}
}

// A meteredConn looks at the connection's buffer whenever that reads.
type meteredConn struct {
	net.Conn
	t    testing.TB
	conn *Connection
}

func (m *meteredConn) Read(b []byte) (int, error) {
	requireBuffer(m.t, m.conn.stream, b)
	return m.Conn.Read(b)
}

// write is the peer, which writes and goes.
func (h *hostile) write() {
	defer h.far.Close()
	for chunk := range h.chunks {
		if _, err := h.far.Write(chunk); err != nil {
			return
		}
	}
}

// step does what a byte of the script says, and reports whether that may have
// set a goroutine going. Most bytes find nothing to do: to wait after each of
// them would take most of the time.
func (h *hostile) step(b byte, rest *[]byte) bool {
	amount := int(b / 12)
	switch b % 12 {
	case 0, 1, 2:
		n := min(amount*amount, len(*rest))
		if n == 0 && amount > 0 {
			return false
		}
		h.chunks <- (*rest)[:n]
		*rest = (*rest)[n:]
	case 3:
		return h.drain()
	case 4:
		var datagram NetDatagram
		over := h.e.manager.ResetConnectionAvailable()
		if !h.e.reader.GetData(&datagram) {
			return false
		}
		deepfuzz.True(h.t, !over, "its end comes after it")
		h.take(&datagram)
	case 5:
		h.leave()
		return false
	case 6:
		return h.join()
	case 7:
		err := h.e.writer.Send(NewDatagram(hostileZeros[:amount*amount*10]), h.conn)
		deepfuzz.True(h.t, err == nil || h.conn.Err() != nil, "there is a reason")
	case 8:
		return h.peerTakes(amount * amount * 10)
	case 9:
		time.Sleep(time.Duration(amount) * time.Second)
	case 10:
		h.conn.SetCollectTCP(amount%2 == 0)
		h.conn.Flush()
		return h.queuedOut() > 0
	case 11:
		switch b {
		case stepAnew:
			h.anew()
		case stepClose:
			h.closed = h.e.manager.CloseConnection(h.conn) || h.closed
		default:
			return h.porch != nil && h.porch.step(b)
		}
	}
	return true
}

// leave takes the connection out of the reader.
func (h *hostile) leave() {
	deepfuzz.Equal(h.t, h.added && h.e.reader.IsConnectionOk(h.conn), h.e.reader.RemoveConnection(h.conn), "RemoveConnection")
	h.added = false
}

// join adds the connection to the reader, and reports whether it was in none.
func (h *hostile) join() bool {
	err := h.e.reader.AddConnection(h.conn)
	if err != nil && err != ErrAlreadyAdded {
		requireEnd(h.t, h.conn.Err(), err)
	}
	h.added = true
	return err == nil
}

// peerTakes lets the peer read once, and reports whether there was something.
func (h *hostile) peerTakes(n int) bool {
	if h.queuedOut() == 0 {
		return false
	}
	h.far.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := h.far.Read(h.room[:n])
	return err == nil
}

// anew makes the connection almost like a new one: it has a reader and the
// program and the peer have taken what there was.
func (h *hostile) anew() {
	h.step(6, nil)
	h.drain()
	h.conn.SetCollectTCP(false)
	h.conn.Flush()
	for h.peerTakes(len(h.room)) {
	}
}

func (h *hostile) drain() (some bool) {
	for datagram := range h.e.reader.Datagrams() {
		deepfuzz.True(h.t, !h.e.manager.ResetConnectionAvailable(), "its end comes after it")
		h.take(datagram)
		some = true
	}
	return some
}

func (h *hostile) take(datagram *NetDatagram) {
	deepfuzz.True(h.t, h.conn == datagram.Connection(), "its connection")
	deepfuzz.True(h.t, len(h.want) > 0, "no more than was sent")
	deepfuzz.True(h.t, bytes.Equal(h.want[0], datagram.Message()), "the next datagram")
	h.want = h.want[1:]
}

// requireBounds asserts that what waits for the program and for the peer is no
// more than it may be.
func (h *hostile) requireBounds() {
	deepfuzz.AtMost(h.t, queuedBytes(h.conn), h.bound, "queued bytes")
	deepfuzz.AtMost(h.t, h.queuedOut(), hostileSendQueue, "bytes to be sent")
}

func (h *hostile) queuedOut() int {
	out := &h.conn.stream.out
	out.mu.Lock()
	defer out.mu.Unlock()
	return out.unsent()
}

// finish lets the connection come to its end.
func (h *hostile) finish() {
	if !h.added {
		h.e.reader.AddConnection(h.conn)
	}
	for range 1 << 17 {
		h.rest()
		h.drain()
		h.rest()
		if h.closed || h.e.manager.ResetConnectionAvailable() {
			break
		}
	}
	h.drain()
}

// rest lets all others do what they have to do, which takes the engine some time.
func (h *hostile) rest() {
	if h.conn.stream.link.engine != nil {
		time.Sleep(2 * sweepPause)
	}
	synctest.Wait()
}

// requireResult asserts how it has ended.
func (h *hostile) requireResult(end error) {
	ended, reported := h.e.manager.GetResetConnection()
	deepfuzz.Equal(h.t, !h.closed, reported, "reported")
	reason := h.conn.Err()
	if reported {
		deepfuzz.True(h.t, h.conn == ended, "its end")
		h.e.manager.ResetConnectionAvailable() // the end of a drain
		_, again := h.e.manager.GetResetConnection()
		deepfuzz.True(h.t, !again, "it is reported once")
	}
	switch {
	case errors.Is(reason, ErrSendQueueFull), errors.Is(reason, ErrWriteTimeout), errors.Is(reason, io.ErrClosedPipe), errors.Is(reason, syscall.EPIPE):
		// The outgoing side has failed before.
	case errors.Is(reason, net.ErrClosed):
		deepfuzz.True(h.t, h.closed, "closed")
	default:
		requireEnd(h.t, end, reason)
		deepfuzz.Equal(h.t, 0, len(h.want), "all of it, with this reason: datagrams missing")
	}
	h.far.Close()
	h.e.manager.Close()
	deepfuzz.True(h.t, !h.e.manager.ResetConnectionAvailable(), "no end after Close")
	h.e.manager.mu.Lock()
	defer h.e.manager.mu.Unlock()
	deepfuzz.Equal(h.t, 0, len(h.e.manager.connections), "connections")
}
