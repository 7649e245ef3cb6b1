package conformance_test

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/internal/testnet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// One test for each promise of the package documentation.

// In the bubble time stands still unless everybody waits: a frame that waited
// for the stuck peer would take time, or for ever.
func TestPromise01NothingInAFrameWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnd(t, &queuednet.Config{WriteTimeout: -1})
		stuck, _ := e.pipe()    // its peer takes nothing
		silent, far := e.pipe() // its peer stops inside a header
		go testnet.Write(t, far, "\x01")
		synctest.Wait()

		start := time.Now()
		var datagram queuednet.NetDatagram
		payload := queuednet.NewDatagram(make([]byte, 1000))
		for range 100 {
			assert.False(t, e.Listener.NewConnectionAvailable())
			assert.False(t, e.Reader.DataAvailable())
			assert.False(t, e.Reader.GetData(&datagram))
			for range e.Reader.Datagrams() {
				t.Error("a datagram")
			}
			assert.False(t, e.Manager.ResetConnectionAvailable())
			assert.NoError(t, e.Writer.Send(payload, stuck))
			assert.NoError(t, e.Writer.Broadcast(payload, slices.Values([]*queuednet.Connection{stuck, silent})))
			e.Writer.Flush()
			assert.NoError(t, stuck.Flush())
		}
		pending := e.Manager.BeginTCPClientConnection("127.0.0.1", 1, -1)
		pending.Ready()
		pending.Cancel()
		assert.True(t, e.Reader.RemoveConnection(silent))
		assert.True(t, e.Manager.CloseConnection(silent))
		assert.True(t, e.Manager.CloseConnection(stuck))
		assert.Zero(t, time.Since(start))
		require.Error(t, e.Manager.Close(), "something was unsent")
	})
}

// drains are the ways to take what is queued: each does something after every datagram, and
// returns how many it took.
var drains = map[string]func(reader *queuednet.QueuedConnectionReader, more func()) int{
	"Datagrams": func(reader *queuednet.QueuedConnectionReader, more func()) (n int) {
		for range reader.Datagrams() {
			n++
			more()
		}
		return n
	},
	"DataAvailable": func(reader *queuednet.QueuedConnectionReader, more func()) (n int) {
		var datagram queuednet.NetDatagram
		for reader.DataAvailable() {
			if reader.GetData(&datagram) {
				n++
				more()
			}
		}
		return n
	},
	"GetData": func(reader *queuednet.QueuedConnectionReader, more func()) (n int) {
		var datagram queuednet.NetDatagram
		for reader.GetData(&datagram) {
			n++
			more()
		}
		return n
	},
}

func TestPromise02ADrainEnds(t *testing.T) {
	e := newEnd(t, nil)
	conn, raw := e.raw()
	// more sends what the loop must not take any more, and waits until it is queued.
	more := func() {
		had := conn.Stats().Received.Datagrams
		testnet.Write(t, raw, "\x01\x00+")
		testnet.Eventually(t, "more", func() bool { return conn.Stats().Received.Datagrams > had })
	}
	for name, drain := range drains {
		t.Run(name, func(t *testing.T) {
			testnet.Write(t, raw, "\x01\x00a\x01\x00b\x01\x00c")
			testnet.Eventually(t, "three", func() bool { return queuedBytes(conn) >= 9 })
			assert.Equal(t, 3, drain(e.Reader, more), "what was queued when it began")
			assert.Equal(t, 3, drain(e.Reader, more), "what came meanwhile")
			for drain := 0; drain < 3; { // leave nothing to the next one
				for range e.Reader.Datagrams() {
					drain++
				}
			}
		})
	}
}

func TestPromise02ADrainCanBeLeft(t *testing.T) {
	e := newEnd(t, nil)
	conn, raw := e.raw()
	testnet.Write(t, raw, "\x01\x00a\x01\x00b\x01\x00c")
	testnet.Eventually(t, "three", func() bool { return queuedBytes(conn) == 9 })
	for datagram := range e.Reader.Datagrams() {
		assert.Equal(t, "a", string(datagram.Message()))
		break
	}
	var rest []string
	for datagram := range e.Reader.Datagrams() {
		rest = append(rest, string(datagram.Message()))
	}
	assert.Equal(t, []string{"b", "c"}, rest)
}

func TestPromise03TCPLosesReordersAndMergesNothing(t *testing.T) {
	const count, bound = 300_000, 64 << 10
	e := newEnd(t, &queuednet.Config{MaxReceiveQueue: bound})
	conn, raw := e.raw()
	require.NoError(t, conn.SetRecvBufferSize(64<<10))
	sent := make(chan error, 1)
	go func() {
		var b []byte
		for i := range count {
			size := 4 + i%97
			b = binary.LittleEndian.AppendUint16(b, uint16(size))
			b = binary.LittleEndian.AppendUint32(b, uint32(i))
			b = append(b, make([]byte, size-4)...)
			if len(b) > 8<<10 || i == count-1 {
				if _, err := raw.Write(b); err != nil {
					sent <- err
					return
				}
				b = b[:0]
			}
		}
		sent <- nil
	}()

	// The program takes nothing: the peer is stopped by TCP, not by dropping.
	testnet.Eventually(t, "standstill", func() bool { return isHeldBack(conn) })
	select {
	case err := <-sent:
		t.Fatal("the peer was not slowed: ", err)
	default:
	}
	next := 0
	e.Until("everything", func() bool {
		assert.LessOrEqual(t, queuedBytes(conn), bound)
		for datagram := range e.Reader.Datagrams() {
			it := datagram.Iterator()
			if int(it.GetUint32()) != next || datagram.Length() != 4+next%97 {
				t.Fatalf("datagram %d is another one: %v", next, datagram)
			}
			next++
		}
		return next == count
	})
	require.NoError(t, <-sent)
}

// endings are the ways in which a connection ends without the program's closing it.
var endings = []struct {
	name   string
	cause  error
	text   string // that the peer sends before
	amount int    // of whole datagrams in it
	end    func(t *testing.T, e *end, conn *queuednet.Connection, raw *net.TCPConn)
}{
	{"EOF", io.EOF, "\x01\x00a\x01\x00b", 2, peerCloses},
	{"half-close", io.EOF, "\x01\x00a\x01\x00b", 2, func(_ *testing.T, _ *end, _ *queuednet.Connection, raw *net.TCPConn) {
		raw.CloseWrite()
	}},
	{"cut inside a header", io.ErrUnexpectedEOF, "\x01\x00a\x01", 1, peerCloses},
	{"cut inside a datagram", io.ErrUnexpectedEOF, "\x01\x00a\x09\x00bbb", 1, peerCloses},
	{"too long", &queuednet.DatagramTooLongError{Length: 1001, Max: 1000}, "\x01\x00a\xe9\x03", 1, func(*testing.T, *end, *queuednet.Connection, *net.TCPConn) {}},
	{"reset", testnet.ErrConnectionReset, "\x01\x00a", 1, func(t *testing.T, _ *end, conn *queuednet.Connection, raw *net.TCPConn) {
		testnet.Eventually(t, "the datagram", func() bool { return queuedBytes(conn) > 0 })
		raw.SetLinger(0)
		raw.Close()
	}},
	{"write timeout", queuednet.ErrWriteTimeout, "\x01\x00a\x01\x00b", 2, func(_ *testing.T, e *end, conn *queuednet.Connection, _ *net.TCPConn) {
		payload := queuednet.NewDatagram(make([]byte, 60_000))
		for range 100 { // more than the system's buffers hold, less than the bound
			e.Writer.Send(payload, conn)
		}
	}},
	{"send queue full", queuednet.ErrSendQueueFull, "\x01\x00a", 1, func(t *testing.T, e *end, conn *queuednet.Connection, _ *net.TCPConn) {
		payload := queuednet.NewDatagram(make([]byte, 60_000))
		for e.Writer.Send(payload, conn) == nil {
		}
		assert.ErrorIs(t, e.Writer.Send(payload, conn), queuednet.ErrSendQueueFull)
	}},
}

func peerCloses(_ *testing.T, _ *end, _ *queuednet.Connection, raw *net.TCPConn) { raw.Close() }

func TestPromise04TheEndIsReportedOnceAfterItsDataWithTheReason(t *testing.T) {
	for _, test := range endings {
		t.Run(test.name, func(t *testing.T) {
			config := &queuednet.Config{MaxDatagramSize: 1000, WriteTimeout: 200 * time.Millisecond, MaxSendQueue: 16 << 20}
			if test.cause == queuednet.ErrSendQueueFull {
				config.WriteTimeout, config.MaxSendQueue = -1, 1<<20
			}
			e := newEnd(t, config)
			conn, raw := e.raw()
			require.NoError(t, conn.SetSendBufferSize(16<<10))
			require.NoError(t, raw.SetReadBuffer(16<<10))
			testnet.Write(t, raw, test.text)
			test.end(t, e, conn, raw)

			// The end is known, but its data is not taken: nothing is reported.
			testnet.Eventually(t, "end", func() bool {
				stats := e.Manager.Stats()
				return stats.Open == 0 && stats.Closing == 0
			})
			assert.False(t, e.Manager.ResetConnectionAvailable())
			got := 0
			for range e.Reader.Datagrams() {
				assert.False(t, e.Manager.ResetConnectionAvailable())
				got++
			}
			assert.Equal(t, test.amount, got)
			assert.False(t, e.Reader.IsConnectionOk(conn))
			requireReportedOnce(t, e, conn, test.cause)
		})
	}
}

// requireReportedOnce asserts that the end is reported, with its cause, and that nothing
// reports it again.
func requireReportedOnce(t *testing.T, e *end, conn *queuednet.Connection, cause error) {
	t.Helper()
	require.True(t, e.Manager.ResetConnectionAvailable())
	assert.Same(t, conn, e.reset())
	var tooLong *queuednet.DatagramTooLongError
	if errors.As(cause, &tooLong) {
		assert.Equal(t, cause, conn.Err())
	} else {
		assert.ErrorIs(t, conn.Err(), cause)
	}

	e.Writer.Send(queuednet.NewDatagram(nil), conn)
	assert.False(t, e.Manager.CloseConnection(conn))
	testnet.Eventually(t, "its goroutine's end", func() bool { return e.Manager.Stats().Closing == 0 })
	for range 2 {
		assert.False(t, e.Manager.ResetConnectionAvailable())
	}
}

func TestPromise04WhatTheProgramClosesIsNotReported(t *testing.T) {
	t.Run("before the end", func(t *testing.T) {
		e := newEnd(t, nil)
		conn, raw := e.raw()
		assert.True(t, e.Manager.CloseConnection(conn))
		raw.Close()
		assert.Equal(t, net.ErrClosed, conn.Err())
		require.NoError(t, e.Manager.Close())
		assert.False(t, e.Manager.ResetConnectionAvailable())
	})
	t.Run("after the end", func(t *testing.T) {
		e := newEnd(t, nil)
		conn, raw := e.raw()
		raw.Close()
		testnet.Eventually(t, "report", func() bool { return e.Manager.ResetConnectionAvailable() })
		assert.True(t, e.Manager.CloseConnection(conn))
		_, ok := e.Manager.GetResetConnection()
		assert.False(t, ok)
	})
}

func TestPromise05TheLastMessageBeforeACloseArrives(t *testing.T) {
	e := newEnd(t, nil)
	conn, raw := e.raw()
	var sending sync.WaitGroup
	stop := make(chan struct{})
	sending.Go(func() { // the peer sends on and on: nobody takes it
		b := []byte(strings.Repeat("\x01\x00x", 10_000))
		for {
			select {
			case <-stop:
				return
			default:
				if _, err := raw.Write(b); err != nil {
					return
				}
			}
		}
	})
	testnet.Eventually(t, "a full queue", func() bool { return isHeldBack(conn) })
	payload := strings.Repeat("y", 50_000)
	for range 20 {
		e.Send(conn, payload)
	}
	e.Send(conn, "last")
	require.True(t, e.Manager.CloseConnection(conn))
	got, err := io.ReadAll(raw)
	require.NoError(t, err, "a reset would have destroyed it")
	require.Len(t, got, 20*(2+len(payload))+6)
	assert.Equal(t, "\x04\x00last", string(got[len(got)-6:]))
	close(stop)
	raw.Close()
	sending.Wait()

	t.Run("bounded", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			e := newEnd(t, &queuednet.Config{CloseTimeout: 3 * time.Second})
			conn, _ := e.pipe() // its peer takes nothing
			e.Send(conn, "last")
			start := time.Now()
			require.True(t, e.Manager.CloseConnection(conn))
			assert.Zero(t, time.Since(start))
			require.Error(t, e.Manager.Close())
			assert.Equal(t, 3*time.Second, time.Since(start))
		})
	})
}
