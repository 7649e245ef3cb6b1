package conformance_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/internal/testnet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// numbered returns a datagram of a sequence. Now and then one is longer than
// what the system takes in one piece.
func numbered(sequence, i int) *queuednet.Datagram {
	var dg queuednet.Datagram
	dg.AddUint16(uint16(sequence))
	dg.AddUint32(uint32(i))
	if i%1000 == 0 {
		dg.PadBytes(50_000)
	}
	return &dg
}

// requireOrder takes the numbered datagrams of some sequences of count each
// from a reader, and asserts that each sequence comes in order.
func (e *end) requireOrder(sequences, count int) {
	e.T.Helper()
	next := make(map[int]int)
	taken := 0
	e.Until("datagrams", func() bool {
		for datagram := range e.Reader.Datagrams() {
			it := datagram.Iterator()
			sequence, i := int(it.GetUint16()), int(it.GetUint32())
			require.Equal(e.T, next[sequence], i, "sequence %d", sequence)
			next[sequence]++
			taken++
		}
		return taken == sequences*count
	})
}

var writerRows = []row{
	{110, "wrong_target", func(t *testing.T) {
		e, other := newEnd(t, nil), newEnd(t, nil)
		rendezvous, _ := e.listen()
		foreign, raw := other.raw()
		dg := queuednet.NewDatagram([]byte("x"))
		assert.ErrorIs(t, e.Writer.Send(dg, rendezvous), queuednet.ErrWrongKind)
		assert.ErrorIs(t, e.Writer.Send(dg, nil), queuednet.ErrForeignConnection)
		assert.ErrorIs(t, e.Writer.Send(dg, foreign), queuednet.ErrForeignConnection)
		assert.Error(t, e.Writer.Send(nil, foreign))
		err := e.Writer.Broadcast(dg, slices.Values([]*queuednet.Connection{rendezvous, nil, foreign}))
		assert.ErrorIs(t, err, queuednet.ErrWrongKind)
		assert.ErrorIs(t, err, queuednet.ErrForeignConnection)
		other.Send(foreign, "its own")
		assert.Equal(t, testnet.Framed(2, "its own"), other.wire(foreign, raw), "nothing else")
		e.requireNoReset()
	}},
	{112, "closed_target", func(t *testing.T) {
		// What was sent before the close arrives; what is sent after it is
		// refused, and nothing is reported.
		e := newEnd(t, nil)
		conn, raw := e.raw()
		var want []string
		for i := range 100 {
			want = append(want, fmt.Sprint("number ", i))
			e.Send(conn, want[i])
		}
		require.True(t, e.Manager.CloseConnection(conn))
		assert.ErrorIs(t, e.Writer.Send(queuednet.NewDatagram([]byte("late")), conn), net.ErrClosed)
		assert.ErrorIs(t, e.Writer.Broadcast(queuednet.NewDatagram([]byte("late")), slices.Values([]*queuednet.Connection{conn})), net.ErrClosed)
		b, err := io.ReadAll(raw)
		require.NoError(t, err)
		assert.Equal(t, testnet.Framed(2, want...), string(b))
		require.NoError(t, raw.Close())
		e.requireNoReset()
	}},
	{113, "writer_shutdown", func(t *testing.T) {
		want := []string{"1", "2", "3", "4", "5"}
		// With collecting, what is sent is sure to wait.
		queued := func(t *testing.T) (*end, *queuednet.Connection, testnet.Tap) {
			e := newEnd(t, &queuednet.Config{CollectTCP: true, CollectTCPInterval: time.Hour})
			conn, far := e.pipe()
			out := testnet.NewTap(far)
			require.NoError(t, conn.Flush())
			for _, payload := range want {
				e.Send(conn, payload)
			}
			require.Empty(t, out.Got())
			return e, conn, out
		}
		for name, shutdown := range map[string]func(e *end, conn *queuednet.Connection){
			"writer":     func(e *end, _ *queuednet.Connection) { e.Writer.Shutdown() },
			"connection": func(e *end, conn *queuednet.Connection) { e.Manager.CloseConnection(conn) },
			"manager":    func(e *end, _ *queuednet.Connection) { go e.Manager.Close() },
		} {
			synctest.Test(t, func(t *testing.T) {
				e, conn, out := queued(t)
				shutdown(e, conn)
				assert.Equal(t, []string{testnet.Framed(2, want...)}, out.Got(), name)
			})
		}

		// A peer that is slow to take it gets all of it.
		e := newEnd(t, &queuednet.Config{CloseTimeout: testnet.Patience})
		conn, raw := e.raw()
		large := strings.Repeat("x", 65_535)
		for range 60 {
			e.Send(conn, large)
		}
		e.Writer.Shutdown()
		closed := make(chan error)
		go func() { closed <- e.Manager.Close() }()
		b, err := io.ReadAll(raw)
		require.NoError(t, err)
		assert.True(t, string(b) == strings.Repeat(testnet.Framed(2, large), 60))
		require.NoError(t, raw.Close())
		assert.NoError(t, <-closed)
	}},
	{114, "send_after_shutdown", func(t *testing.T) {
		e := newEnd(t, nil)
		conn, raw := e.raw()
		e.Writer.Shutdown()
		e.Writer.Shutdown()
		dg := queuednet.NewDatagram([]byte("x"))
		assert.ErrorIs(t, e.Writer.Send(dg, conn), net.ErrClosed)
		assert.ErrorIs(t, e.Writer.Broadcast(dg, slices.Values([]*queuednet.Connection{conn})), net.ErrClosed)
		assert.NoError(t, queuednet.NewConnectionWriter(e.Manager).Send(dg, conn), "another writer")
		assert.Equal(t, testnet.Framed(2, "x"), e.wire(conn, raw))
	}},
	{115, "one_goroutine_for_all_connections", func(t *testing.T) {
		// There are no thread counts: one goroutine reads all connections, or, where
		// the system has no poller for that, each of them, and a few write for all.
		const engine, reading = "(*engine).run", "(*goroutineCarrier).run"
		const writing = "(*flusher).run"
		require.Empty(t, testnet.LibraryGoroutines(testnet.Patience), "of the tests before")
		engineBefore, readingBefore, writingBefore := testnet.GoroutinesIn(engine), testnet.GoroutinesIn(reading), testnet.GoroutinesIn(writing)
		e := newEnd(t, &queuednet.Config{CloseTimeout: -1})
		for range 20 {
			conn, raw := e.raw()
			e.requireExchange(conn, raw)
		}
		if engines := testnet.GoroutinesIn(engine) - engineBefore; engines == 0 {
			assert.Equal(t, 20, testnet.GoroutinesIn(reading)-readingBefore)
		} else {
			assert.Equal(t, 1, engines)
			assert.Equal(t, readingBefore, testnet.GoroutinesIn(reading))
		}
		assert.LessOrEqual(t, testnet.GoroutinesIn(writing)-writingBefore, 8)
		require.NoError(t, e.Manager.Close())
		assert.Equal(t, engineBefore, testnet.GoroutinesIn(engine))
		assert.Equal(t, readingBefore, testnet.GoroutinesIn(reading))
		assert.Equal(t, writingBefore, testnet.GoroutinesIn(writing))
	}},
	{117, "order_per_connection", func(t *testing.T) {
		const connections, sequences, count = 2, 2, 20_000
		server, client := newEnd(t, nil), newEnd(t, &queuednet.Config{MaxSendQueue: 1 << 30})
		_, address := server.listen()
		failed := make(chan error, connections*sequences)
		for range connections {
			conn := client.connect(address)
			server.accept()
			writer := queuednet.NewConnectionWriter(client.Manager)
			// Each goroutine's datagrams stay in order among themselves.
			for sequence := range sequences {
				go func() {
					for i := range count {
						if err := writer.Send(numbered(sequence, i), conn); err != nil {
							failed <- err
							return
						}
					}
					failed <- nil
				}()
			}
			server.requireOrder(sequences, count)
			for range sequences {
				require.NoError(t, <-failed)
			}
		}
	}},
	{118, "fairness", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			const bound = 10_000
			e := newEnd(t, &queuednet.Config{MaxReceiveQueue: bound})
			_, flooding := e.pipe()
			quiet, far := e.pipe()
			go func() {
				flood := testnet.Framed(2, strings.Repeat("f", 998))
				for range 1_000 { // far more than is taken
					if _, err := io.WriteString(flooding, flood); err != nil {
						return
					}
				}
			}()
			for i := range 10 {
				synctest.Wait()
				testnet.Write(t, far, testnet.Framed(2, fmt.Sprint("quiet ", i)))
				synctest.Wait()
				found, others := 0, 0
				for datagram := range e.Reader.Datagrams() {
					if datagram.Connection() == quiet {
						found++
					} else {
						others += 2 + datagram.Length()
					}
				}
				assert.Equal(t, 1, found, "in one drain")
				assert.NotZero(t, others)
				assert.LessOrEqual(t, others, bound, "the drain ends")

				// The other form of a drain ends as well, while the flood goes on.
				synctest.Wait()
				others = 0
				for e.Reader.DataAvailable() {
					var datagram queuednet.NetDatagram
					if e.Reader.GetData(&datagram) {
						others += 2 + datagram.Length()
					}
					synctest.Wait()
				}
				assert.NotZero(t, others)
				assert.LessOrEqual(t, others, bound, "the drain ends")
				e.drain()
			}
		})
	}},
	{120, "wait_for_readers", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			e := newEnd(t, nil)
			_, far := e.pipe()
			listener := testnet.NewPipeListener()
			rendezvous, err := e.Manager.AdoptRendezvous(listener)
			require.NoError(t, err)
			require.NoError(t, e.Listener.AddConnection(rendezvous))

			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			start := time.Now()
			assert.Equal(t, context.DeadlineExceeded, e.Manager.WaitForReaders(ctx), "idle")
			assert.Equal(t, 200*time.Millisecond, time.Since(start))
			assert.Error(t, e.Manager.WaitForReaders(ctx), "a test that does not wait")
			cancel()
			assert.Equal(t, 200*time.Millisecond, time.Since(start))

			requireReady := func() {
				t.Helper()
				synctest.Wait()
				start := time.Now()
				for range 2 {
					require.NoError(t, e.Manager.WaitForReaders(t.Context()))
					require.NoError(t, e.Manager.WaitForReaders(ctx), "a test that does not wait")
				}
				require.Zero(t, time.Since(start))
			}
			farAccepted := listener.Dial(t)
			requireReady()
			conn := e.accept()
			testnet.Write(t, far, testnet.Framed(2, "data", "more"))
			requireReady()
			assert.Equal(t, "data", string(e.next().Message()))
			requireReady()
			assert.Equal(t, "more", string(e.next().Message()))
			require.NoError(t, farAccepted.Close())
			requireReady()
			assert.Same(t, conn, e.reset())
			assert.Error(t, e.Manager.WaitForReaders(ctx), "nothing is left")
		})
	}},
	{121, "wait_for_readers_with_goroutines", func(t *testing.T) {
		// Panda3D cannot wait where threads read. Here goroutines always read,
		// and all who wait are woken.
		synctest.Test(t, func(t *testing.T) {
			e := newEnd(t, nil)
			_, far := e.pipe()
			start := time.Now()
			woken := make(chan error, 3)
			for range cap(woken) {
				go func() { woken <- e.Manager.WaitForReaders(t.Context()) }()
			}
			time.Sleep(time.Minute)
			assert.Empty(t, woken)
			testnet.Write(t, far, testnet.Framed(2, "data"))
			for range cap(woken) {
				assert.NoError(t, <-woken)
			}
			assert.Equal(t, time.Minute, time.Since(start))
			assert.Equal(t, "data", string(e.next().Message()))

			for range cap(woken) {
				go func() { woken <- e.Manager.WaitForReaders(t.Context()) }()
			}
			synctest.Wait()
			assert.Empty(t, woken)
			require.NoError(t, far.Close())
			for range cap(woken) {
				assert.NoError(t, <-woken, "for an end")
			}
			e.reset()
		})
	}},
	{131, "manager_closed", func(t *testing.T) {
		e := newEnd(t, nil)
		rendezvous, address := e.listen()
		raw := testnet.DialRaw(t, address)
		conn := e.accept()
		assert.Same(t, e.Manager, conn.Manager())
		assert.Same(t, e.Manager, e.Reader.Manager())
		assert.Same(t, e.Manager, e.Writer.Manager())
		assert.Same(t, e.Manager, e.Listener.Manager())
		testnet.Write(t, raw, testnet.Framed(2, "queued"))
		e.Until("datagram", e.Reader.DataAvailable)
		e.Send(conn, "last")

		closed := make(chan error)
		go func() { closed <- e.Manager.Close() }()
		b, err := io.ReadAll(raw)
		require.NoError(t, err)
		assert.Equal(t, testnet.Framed(2, "last"), string(b), "the connections are closed")
		require.NoError(t, raw.Close())
		require.NoError(t, <-closed)
		assert.NoError(t, e.Manager.Close(), "twice")
		assert.Nil(t, conn.Manager())
		assert.Nil(t, rendezvous.Manager())
		assert.Nil(t, e.Reader.Manager())
		assert.Nil(t, e.Writer.Manager())
		assert.Nil(t, e.Listener.Manager())

		assert.ErrorIs(t, e.Writer.Send(queuednet.NewDatagram([]byte("x")), conn), net.ErrClosed)
		assert.ErrorIs(t, e.Reader.AddConnection(conn), net.ErrClosed)
		assert.ErrorIs(t, e.Listener.AddConnection(rendezvous), net.ErrClosed)
		assert.ErrorIs(t, e.Manager.WaitForReaders(t.Context()), nil, "for what is still queued")
		assert.Equal(t, []string{"queued"}, e.drain())
		assert.ErrorIs(t, e.Manager.WaitForReaders(t.Context()), net.ErrClosed)
		assert.False(t, e.Manager.CloseConnection(conn))
		_, err = e.Manager.OpenTCPServerRendezvous(0, 0)
		assert.ErrorIs(t, err, net.ErrClosed)
		_, err = e.Manager.OpenTCPClientConnection("127.0.0.1", 1, soon)
		assert.ErrorIs(t, err, net.ErrClosed)
		e.requireNoReset()
		_, err = net.Dial("tcp", address)
		assert.ErrorIs(t, err, testnet.ErrConnectionRefused)
	}},
	{148, "interop", func(t *testing.T) {
		// Go to Go and back. That Panda3D itself does the same is proved by
		// interop/, against its echo programs.
		for _, headerSize := range []int{2, 4} {
			t.Run(fmt.Sprint("header_", headerSize), func(t *testing.T) {
				config := &queuednet.Config{TCPHeaderSize: headerSize}
				server, client := newEnd(t, config), newEnd(t, config)
				_, address := server.listen()
				conn := client.connect(address)
				accepted := server.accept()
				sizes := []int{0, 1, 2, 3, 255, 256, 257, 1500, 16_383, 16_384, 32_767, 32_768, 65_533, 65_534, 65_535}
				var want []string
				for i, size := range sizes {
					payload := strings.Repeat(string(binary.LittleEndian.AppendUint16(nil, uint16(i*257+1))), size/2+1)[:size]
					want = append(want, payload)
					client.Send(conn, payload)
				}
				for range sizes {
					datagram := server.next()
					require.Same(t, accepted, datagram.Connection())
					require.NoError(t, server.Writer.Send(&datagram.Datagram, accepted))
				}
				assert.True(t, slices.Equal(want, client.messages(len(sizes))))
				require.True(t, client.Manager.CloseConnection(conn))
				assert.Same(t, accepted, server.reset())
				assert.Equal(t, io.EOF, accepted.Err())
			})
		}
	}},
}
