package queuednet

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

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// numbered returns a datagram of a sequence. Now and then one is longer than
// what the system takes in one piece.
func numbered(sequence, i int) *Datagram {
	var dg Datagram
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
	e.t.Helper()
	next := make(map[int]int)
	taken := 0
	e.until("datagrams", func() bool {
		for datagram := range e.reader.Datagrams() {
			it := datagram.Iterator()
			sequence, i := int(it.GetUint16()), int(it.GetUint32())
			require.Equal(e.t, next[sequence], i, "sequence %d", sequence)
			next[sequence]++
			taken++
		}
		return taken == sequences*count
	})
}

var writerRows = []row{
	{43, "default_bounds", func(t *testing.T) {
		// Reader and writer are bounded in bytes a connection, not in datagrams.
		config, err := (*Config)(nil).withDefaults()
		require.NoError(t, err)
		assert.Equal(t, 512<<10, config.MaxReceiveQueue)
		assert.Equal(t, 4<<20, config.MaxSendQueue)

		// The reset queue keeps 50,000; the oldest goes first.
		e := newEnd(t, nil)
		ended := make([]Connection, 50_002)
		for i := range ended {
			ended[i].manager = e.manager
			ended[i].listeningOver(io.EOF)
		}
		got := slices.Collect(e.manager.ResetConnections())
		require.Len(t, got, 50_000)
		assert.Same(t, &ended[2], got[0])
		assert.Same(t, &ended[50_001], got[49_999])
		e.requireNoReset()
	}},
	{110, "wrong_target", func(t *testing.T) {
		e, other := newEnd(t, nil), newEnd(t, nil)
		rendezvous, _ := e.listen()
		foreign, raw := other.raw()
		dg := NewDatagram([]byte("x"))
		assert.ErrorIs(t, e.writer.Send(dg, rendezvous), ErrWrongKind)
		assert.ErrorIs(t, e.writer.Send(dg, nil), ErrForeignConnection)
		assert.ErrorIs(t, e.writer.Send(dg, foreign), ErrForeignConnection)
		assert.Error(t, e.writer.Send(nil, foreign))
		err := e.writer.Broadcast(dg, slices.Values([]*Connection{rendezvous, nil, foreign}))
		assert.ErrorIs(t, err, ErrWrongKind)
		assert.ErrorIs(t, err, ErrForeignConnection)
		other.send(foreign, "its own")
		assert.Equal(t, framed(2, "its own"), other.wire(foreign, raw), "nothing else")
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
			e.send(conn, want[i])
		}
		require.True(t, e.manager.CloseConnection(conn))
		assert.ErrorIs(t, e.writer.Send(NewDatagram([]byte("late")), conn), net.ErrClosed)
		assert.ErrorIs(t, e.writer.Broadcast(NewDatagram([]byte("late")), slices.Values([]*Connection{conn})), net.ErrClosed)
		b, err := io.ReadAll(raw)
		require.NoError(t, err)
		assert.Equal(t, framed(2, want...), string(b))
		require.NoError(t, raw.Close())
		e.requireNoReset(conn)
	}},
	{113, "writer_shutdown", func(t *testing.T) {
		want := []string{"1", "2", "3", "4", "5"}
		// With collecting, what is sent is sure to wait.
		queued := func(t *testing.T) (*end, *Connection, tap) {
			e := newEnd(t, &Config{CollectTCP: true, CollectTCPInterval: time.Hour})
			conn, far := e.pipe()
			out := newTap(far)
			require.NoError(t, conn.Flush())
			for _, payload := range want {
				e.send(conn, payload)
			}
			require.Empty(t, out.got())
			return e, conn, out
		}
		for name, shutdown := range map[string]func(e *end, conn *Connection){
			"writer":     func(e *end, _ *Connection) { e.writer.Shutdown() },
			"connection": func(e *end, conn *Connection) { e.manager.CloseConnection(conn) },
			"manager":    func(e *end, _ *Connection) { go e.manager.Close() },
		} {
			synctest.Test(t, func(t *testing.T) {
				e, conn, out := queued(t)
				shutdown(e, conn)
				assert.Equal(t, []string{framed(2, want...)}, out.got(), name)
			})
		}

		// A peer that is slow to take it gets all of it.
		e := newEnd(t, &Config{CloseTimeout: patience})
		conn, raw := e.raw()
		large := strings.Repeat("x", 65_535)
		for range 60 {
			e.send(conn, large)
		}
		e.writer.Shutdown()
		closed := make(chan error)
		go func() { closed <- e.manager.Close() }()
		b, err := io.ReadAll(raw)
		require.NoError(t, err)
		assert.True(t, string(b) == strings.Repeat(framed(2, large), 60))
		require.NoError(t, raw.Close())
		assert.NoError(t, <-closed)
	}},
	{114, "send_after_shutdown", func(t *testing.T) {
		e := newEnd(t, nil)
		conn, raw := e.raw()
		e.writer.Shutdown()
		e.writer.Shutdown()
		dg := NewDatagram([]byte("x"))
		assert.ErrorIs(t, e.writer.Send(dg, conn), net.ErrClosed)
		assert.ErrorIs(t, e.writer.Broadcast(dg, slices.Values([]*Connection{conn})), net.ErrClosed)
		assert.NoError(t, NewConnectionWriter(e.manager).Send(dg, conn), "another writer")
		assert.Equal(t, framed(2, "x"), e.wire(conn, raw))
	}},
	{115, "one_goroutine_for_all_connections", func(t *testing.T) {
		// There are no thread counts: one goroutine reads all connections, or, where
		// the system has no poller for that, each of them, and a few write for all.
		const engine, reading = "(*engine).run", "(*goroutineCarrier).run"
		const writing = "(*flusher).run"
		engineBefore, readingBefore, writingBefore := goroutinesIn(engine), goroutinesIn(reading), goroutinesIn(writing)
		e := newEnd(t, &Config{CloseTimeout: -1})
		for range 20 {
			conn, raw := e.raw()
			e.requireExchange(conn, raw)
		}
		if engines := goroutinesIn(engine) - engineBefore; engines == 0 {
			assert.Equal(t, 20, goroutinesIn(reading)-readingBefore)
		} else {
			assert.Equal(t, 1, engines)
			assert.Equal(t, readingBefore, goroutinesIn(reading))
		}
		assert.LessOrEqual(t, goroutinesIn(writing)-writingBefore, 8)
		require.NoError(t, e.manager.Close())
		assert.Equal(t, engineBefore, goroutinesIn(engine))
		assert.Equal(t, readingBefore, goroutinesIn(reading))
		assert.Equal(t, writingBefore, goroutinesIn(writing))
	}},
	{117, "order_per_connection", func(t *testing.T) {
		const connections, sequences, count = 2, 2, 20_000
		server, client := newEnd(t, nil), newEnd(t, &Config{MaxSendQueue: 1 << 30})
		_, address := server.listen()
		failed := make(chan error, connections*sequences)
		for range connections {
			conn := client.connect(address)
			server.accept()
			writer := NewConnectionWriter(client.manager)
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
			e := newEnd(t, &Config{MaxReceiveQueue: bound})
			_, flooding := e.pipe()
			quiet, far := e.pipe()
			go func() {
				flood := framed(2, strings.Repeat("f", 998))
				for range 1_000 { // far more than is taken
					if _, err := io.WriteString(flooding, flood); err != nil {
						return
					}
				}
			}()
			for i := range 10 {
				synctest.Wait()
				write(t, far, framed(2, fmt.Sprint("quiet ", i)))
				synctest.Wait()
				found, others := 0, 0
				for datagram := range e.reader.Datagrams() {
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
				for e.reader.DataAvailable() {
					var datagram NetDatagram
					if e.reader.GetData(&datagram) {
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
			listener := newPipeListener()
			rendezvous, err := e.manager.AdoptRendezvous(listener)
			require.NoError(t, err)
			require.NoError(t, e.listener.AddConnection(rendezvous))

			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			start := time.Now()
			assert.Equal(t, context.DeadlineExceeded, e.manager.WaitForReaders(ctx), "idle")
			assert.Equal(t, 200*time.Millisecond, time.Since(start))
			assert.Error(t, e.manager.WaitForReaders(ctx), "a test that does not wait")
			cancel()
			assert.Equal(t, 200*time.Millisecond, time.Since(start))

			requireReady := func() {
				t.Helper()
				synctest.Wait()
				start := time.Now()
				for range 2 {
					require.NoError(t, e.manager.WaitForReaders(t.Context()))
					require.NoError(t, e.manager.WaitForReaders(ctx), "a test that does not wait")
				}
				require.Zero(t, time.Since(start))
			}
			farAccepted := listener.dial(t)
			requireReady()
			conn := e.accept()
			write(t, far, framed(2, "data", "more"))
			requireReady()
			assert.Equal(t, "data", string(e.next().Message()))
			requireReady()
			assert.Equal(t, "more", string(e.next().Message()))
			require.NoError(t, farAccepted.Close())
			requireReady()
			assert.Same(t, conn, e.reset())
			assert.Error(t, e.manager.WaitForReaders(ctx), "nothing is left")
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
				go func() { woken <- e.manager.WaitForReaders(t.Context()) }()
			}
			time.Sleep(time.Minute)
			assert.Empty(t, woken)
			write(t, far, framed(2, "data"))
			for range cap(woken) {
				assert.NoError(t, <-woken)
			}
			assert.Equal(t, time.Minute, time.Since(start))
			assert.Equal(t, "data", string(e.next().Message()))

			for range cap(woken) {
				go func() { woken <- e.manager.WaitForReaders(t.Context()) }()
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
		raw := dialRaw(t, address)
		conn := e.accept()
		assert.Same(t, e.manager, conn.Manager())
		assert.Same(t, e.manager, e.reader.Manager())
		assert.Same(t, e.manager, e.writer.Manager())
		assert.Same(t, e.manager, e.listener.Manager())
		write(t, raw, framed(2, "queued"))
		e.until("datagram", e.reader.DataAvailable)
		e.send(conn, "last")

		closed := make(chan error)
		go func() { closed <- e.manager.Close() }()
		b, err := io.ReadAll(raw)
		require.NoError(t, err)
		assert.Equal(t, framed(2, "last"), string(b), "the connections are closed")
		require.NoError(t, raw.Close())
		require.NoError(t, <-closed)
		assert.NoError(t, e.manager.Close(), "twice")
		assert.Nil(t, conn.Manager())
		assert.Nil(t, rendezvous.Manager())
		assert.Nil(t, e.reader.Manager())
		assert.Nil(t, e.writer.Manager())
		assert.Nil(t, e.listener.Manager())

		assert.ErrorIs(t, e.writer.Send(NewDatagram([]byte("x")), conn), net.ErrClosed)
		assert.ErrorIs(t, e.reader.AddConnection(conn), net.ErrClosed)
		assert.ErrorIs(t, e.listener.AddConnection(rendezvous), net.ErrClosed)
		assert.ErrorIs(t, e.manager.WaitForReaders(t.Context()), nil, "for what is still queued")
		assert.Equal(t, []string{"queued"}, e.drain())
		assert.ErrorIs(t, e.manager.WaitForReaders(t.Context()), net.ErrClosed)
		assert.False(t, e.manager.CloseConnection(conn))
		_, err = e.manager.OpenTCPServerRendezvous(0, 0)
		assert.ErrorIs(t, err, net.ErrClosed)
		_, err = e.manager.OpenTCPClientConnection("127.0.0.1", 1, soon)
		assert.ErrorIs(t, err, net.ErrClosed)
		e.requireNoReset(conn, rendezvous)
		_, err = net.Dial("tcp", address)
		assert.ErrorIs(t, err, errConnectionRefused)
	}},
	{148, "interop", func(t *testing.T) {
		// Go to Go and back. That Panda3D itself does the same is proved by
		// interop/, against its echo programs.
		for _, headerSize := range []int{2, 4} {
			t.Run(fmt.Sprint("header_", headerSize), func(t *testing.T) {
				config := &Config{TCPHeaderSize: headerSize}
				server, client := newEnd(t, config), newEnd(t, config)
				_, address := server.listen()
				conn := client.connect(address)
				accepted := server.accept()
				sizes := []int{0, 1, 2, 3, 255, 256, 257, 1500, 16_383, 16_384, 32_767, 32_768, 65_533, 65_534, 65_535}
				var want []string
				for i, size := range sizes {
					payload := strings.Repeat(string(binary.LittleEndian.AppendUint16(nil, uint16(i*257+1))), size/2+1)[:size]
					want = append(want, payload)
					client.send(conn, payload)
				}
				for range sizes {
					datagram := server.next()
					require.Same(t, accepted, datagram.Connection())
					require.NoError(t, server.writer.Send(&datagram.Datagram, accepted))
				}
				assert.True(t, slices.Equal(want, client.messages(len(sizes))))
				require.True(t, client.manager.CloseConnection(conn))
				assert.Same(t, accepted, server.reset())
				assert.Equal(t, io.EOF, accepted.Err())
			})
		}
	}},
}
