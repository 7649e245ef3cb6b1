package queuednet

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPromise06ABadPeerCostsOnlyItself(t *testing.T) {
	e := newEnd(t, &Config{TCPHeaderSize: 4, MaxReceiveQueue: 128 << 10, MaxSendQueue: 256 << 10})
	good, raw := e.raw()
	bad := make(map[string]*Connection)
	add := func(name, text string) *net.TCPConn {
		conn, raw := e.raw()
		bad[name] = conn
		write(t, raw, text)
		return raw
	}
	add("half a header", "\x01\x00")
	add("half a datagram", "\x05\x00\x00\x00ab")
	add("2 GiB", "\xff\xff\xff\x7f")
	add("4 GiB", "\xff\xff\xff\xff")
	add("never reads", "")
	flood := add("flood", "")
	go flood.Write(slices.Repeat([]byte("\x04\x00\x00\x00flod"), 1<<20))
	reset := add("resets", "\x04\x00\x00\x00re")
	reset.SetLinger(0)
	reset.Close()

	// Nobody takes the flood: the queue holds its bound of it, not more, and
	// the good one's datagrams pass.
	eventually(t, "a full queue", func() bool { return waitsForRoom(bad["flood"]) })
	ended := make(map[*Connection]error)
	for i := range 50 {
		if ended[bad["never reads"]] == nil {
			for range 10 {
				e.writer.Send(NewDatagram(make([]byte, 20_000)), bad["never reads"])
			}
		}
		write(t, raw, "\x04\x00\x00\x00ping")
		e.until("pong", func() bool {
			for datagram := range e.reader.Datagrams() {
				if datagram.Connection() == good {
					assert.Equal(t, "ping", string(datagram.Message()))
					assert.NoError(t, e.writer.Send(&datagram.Datagram, good))
					return true
				}
			}
			return false
		})
		assert.Equal(t, "\x04\x00\x00\x00ping", read(t, raw, 8), "round %d", i)
		for conn := range e.manager.ResetConnections() {
			ended[conn] = conn.Err()
		}
		for name, conn := range bad {
			assert.LessOrEqual(t, queuedBytes(conn), int64(128<<10), name)
			conn.stream.out.mu.Lock()
			assert.LessOrEqual(t, conn.stream.out.queued(), 256<<10, name)
			conn.stream.out.mu.Unlock()
		}
	}
	for name, cause := range map[string]string{
		"2 GiB": "longer than", "4 GiB": "longer than", "resets": "reset", "never reads": "full",
	} {
		e.until(name, func() bool {
			for range e.reader.Datagrams() {
			}
			for conn := range e.manager.ResetConnections() {
				ended[conn] = conn.Err()
			}
			return ended[bad[name]] != nil
		})
		assert.ErrorContains(t, ended[bad[name]], cause, name)
	}
	assert.Len(t, ended, 4, "the others live: %v", ended)
}

func TestPromise07TheSameBytesAsPanda3D(t *testing.T) {
	for size, wire := range map[int]string{
		0: "abc" + "z",
		2: "\x03\x00abc\x00\x00\x01\x00z",
		4: "\x03\x00\x00\x00abc\x00\x00\x00\x00\x01\x00\x00\x00z",
	} {
		t.Run(fmt.Sprintf("header size %d", size), func(t *testing.T) {
			e := newEnd(t, nil)
			if size > 0 {
				require.NoError(t, e.reader.SetTCPHeaderSize(size))
			}
			require.NoError(t, e.writer.SetTCPHeaderSize(size))
			conn, raw := e.raw()
			for _, text := range []string{"abc", "", "z"} {
				e.send(conn, text)
			}
			assert.Equal(t, wire, read(t, raw, len(wire)))
			if size > 0 {
				write(t, raw, wire)
				assert.Equal(t, []string{"abc", "", "z"}, e.messages(3))
			}
		})
	}
}

// Idle polling allocates nothing and takes no lock: all of them are held.
func TestPromise08IdleCostsNothing(t *testing.T) {
	e := newEnd(t, nil)
	_, _ = e.raw()
	e.reader.mu.Lock()
	e.reader.queue.mu.Lock()
	e.listener.queue.mu.Lock()
	e.manager.resets.mu.Lock()
	e.manager.mu.Lock()
	allocations := testing.AllocsPerRun(100, func() {
		assert.False(t, e.reader.DataAvailable())
		assert.False(t, e.listener.NewConnectionAvailable())
		assert.False(t, e.manager.ResetConnectionAvailable())
	})
	e.reader.mu.Unlock()
	e.reader.queue.mu.Unlock()
	e.listener.queue.mu.Unlock()
	e.manager.resets.mu.Unlock()
	e.manager.mu.Unlock()
	assert.Zero(t, allocations)
}

func TestPromise09EverythingEnds(t *testing.T) {
	e := newEnd(t, &Config{CollectTCP: true, CloseTimeout: 100 * time.Millisecond})
	conn, raw := e.raw()
	e.send(conn, "now")
	e.send(conn, "collected")
	idle, _ := e.raw() // its peer never closes
	e.raw()
	require.True(t, e.reader.RemoveConnection(idle))
	flooded, flood := e.raw()
	go flood.Write(make([]byte, 10<<20))
	stuck, _ := e.pipe()
	e.send(stuck, "nobody takes it")
	_, address := e.listen()
	dialRaw(t, address) // accepted and never taken
	unlistened, err := e.manager.OpenTCPServerRendezvous(0, 1)
	require.NoError(t, err)
	pending := e.manager.BeginTCPClientConnection("127.0.0.1", unlistened.LocalAddress().Port(), time.Minute)
	hanging := e.manager.BeginTCPClientConnection("localhost", 9, time.Minute)
	eventually(t, "a full queue", func() bool { return waitsForRoom(flooded) })

	var closing sync.WaitGroup
	waited := make(chan error, 1)
	closing.Go(func() {
		for e.manager.WaitForReaders(context.Background()) == nil {
			for range e.reader.Datagrams() {
			}
			for range e.listener.NewConnections() {
			}
			for range e.manager.ResetConnections() {
			}
		}
		waited <- nil
	})
	for range 3 {
		closing.Go(func() { e.manager.Close() })
	}
	closing.Wait()
	<-waited
	assert.Empty(t, libraryGoroutines(0))
	assert.True(t, pending.Ready())
	assert.True(t, hanging.Ready())
	got, _ := io.ReadAll(raw)
	assert.Equal(t, "\x03\x00now\x09\x00collected", string(got))
}

func TestPromise10NoPanic(t *testing.T) {
	t.Run("the program's own in a broadcast", func(t *testing.T) {
		e := newEnd(t, nil)
		conn, raw := e.raw()
		assert.Panics(t, func() {
			e.writer.Broadcast(NewDatagram([]byte("a")), func(yield func(*Connection) bool) { yield(conn); panic("stop") })
		})
		e.send(conn, "b")
		assert.Equal(t, framed(2, "a", "b"), read(t, raw, 6))
	})
	t.Run("calls at the wrong moment", func(t *testing.T) {
		e, other := newEnd(t, &Config{CloseTimeout: 10 * time.Millisecond}), newEnd(t, nil)
		conn, _ := e.raw()
		foreign, _ := other.raw()
		rendezvous, _ := e.listen()
		dg := NewDatagram([]byte("x"))

		assert.ErrorIs(t, e.writer.Send(nil, conn), errNilDatagram)
		assert.ErrorIs(t, e.writer.Send(dg, nil), ErrForeignConnection)
		assert.ErrorIs(t, e.writer.Send(dg, foreign), ErrForeignConnection)
		assert.ErrorIs(t, e.writer.Send(dg, rendezvous), ErrWrongKind)
		assert.ErrorIs(t, e.writer.Broadcast(dg, slices.Values([]*Connection{nil, foreign, conn})), ErrForeignConnection)
		assert.NoError(t, e.writer.Broadcast(dg, nil))
		assert.ErrorIs(t, e.reader.AddConnection(nil), ErrForeignConnection)
		assert.ErrorIs(t, e.reader.AddConnection(foreign), ErrForeignConnection)
		assert.ErrorIs(t, e.reader.AddConnection(rendezvous), ErrWrongKind)
		assert.ErrorIs(t, e.reader.AddConnection(conn), ErrAlreadyAdded)
		assert.ErrorIs(t, NewQueuedConnectionReader(e.manager).AddConnection(conn), ErrAlreadyAdded)
		assert.False(t, e.reader.RemoveConnection(nil))
		assert.False(t, e.reader.RemoveConnection(foreign))
		assert.False(t, e.reader.RemoveConnection(rendezvous))
		assert.False(t, e.reader.IsConnectionOk(nil))
		assert.False(t, e.reader.IsConnectionOk(rendezvous))
		assert.False(t, e.reader.GetData(nil))
		assert.ErrorIs(t, e.listener.AddConnection(nil), ErrForeignConnection)
		assert.ErrorIs(t, e.listener.AddConnection(conn), ErrWrongKind)
		assert.ErrorIs(t, e.listener.AddConnection(rendezvous), ErrAlreadyAdded)
		assert.False(t, e.listener.RemoveConnection(conn))
		assert.False(t, e.listener.RemoveConnection(nil))
		assert.False(t, e.manager.CloseConnection(nil))
		assert.False(t, e.manager.CloseConnection(foreign))
		assert.ErrorIs(t, rendezvous.Flush(), ErrWrongKind)
		assert.Nil(t, rendezvous.NetConn())
		assert.ErrorIs(t, e.reader.SetTCPHeaderSize(3), ErrHeaderSize)
		assert.ErrorIs(t, e.writer.SetTCPHeaderSize(-1), ErrHeaderSize)
		_, err := e.manager.AdoptConnection(nil)
		assert.ErrorIs(t, err, ErrWrongKind)
		_, err = e.manager.AdoptRendezvous(nil)
		assert.ErrorIs(t, err, ErrWrongKind)

		for _, nothing := range []*end{
			{reader: NewQueuedConnectionReader(nil), writer: NewConnectionWriter(nil), listener: NewQueuedConnectionListener(nil)},
		} {
			assert.ErrorIs(t, nothing.reader.AddConnection(conn), ErrForeignConnection)
			assert.ErrorIs(t, nothing.listener.AddConnection(rendezvous), ErrForeignConnection)
			assert.ErrorIs(t, nothing.writer.Send(dg, conn), net.ErrClosed)
			nothing.writer.Flush()
			assert.False(t, nothing.reader.DataAvailable())
			assert.Nil(t, nothing.reader.Manager())
		}

		require.NoError(t, conn.Close())
		assert.ErrorIs(t, conn.Close(), net.ErrClosed)
		require.NoError(t, e.manager.Close())
		require.NoError(t, e.manager.Close())
		assert.ErrorIs(t, e.writer.Send(dg, conn), net.ErrClosed)
		assert.ErrorIs(t, e.reader.AddConnection(conn), net.ErrClosed)
		assert.ErrorIs(t, e.listener.AddConnection(rendezvous), net.ErrClosed)
		assert.ErrorIs(t, conn.Flush(), net.ErrClosed)
		assert.Error(t, conn.SetNoDelay(true))
		assert.ErrorIs(t, e.manager.WaitForReaders(context.Background()), net.ErrClosed)
		_, err = e.manager.OpenTCPServerRendezvous(0, 0)
		assert.ErrorIs(t, err, net.ErrClosed)
		_, err = e.manager.OpenTCPClientConnection("127.0.0.1", 9, time.Second)
		assert.ErrorIs(t, err, net.ErrClosed)
		_, err = e.manager.BeginTCPClientConnection("127.0.0.1", 9, time.Second).Wait(context.Background())
		assert.ErrorIs(t, err, net.ErrClosed)
	})

	t.Run("a drain inside a drain", func(t *testing.T) {
		e := newEnd(t, nil)
		conn, raw := e.raw()
		write(t, raw, "\x01\x00a\x01\x00b")
		eventually(t, "both", func() bool { return queuedBytes(conn) == 6 })
		var got []string
		for datagram := range e.reader.Datagrams() {
			got = append(got, string(datagram.Message()))
			assert.False(t, e.reader.DataAvailable())
			assert.False(t, e.reader.GetData(new(NetDatagram)))
			for range e.reader.Datagrams() {
				t.Error("the inner loop took one")
			}
		}
		assert.Equal(t, []string{"a", "b"}, got)
	})

	t.Run("from many goroutines at once", func(t *testing.T) {
		e := newEnd(t, &Config{CloseTimeout: 100 * time.Millisecond, MaxSendQueue: 1 << 16})
		_, address := e.listen()
		var raws []*net.TCPConn
		conns := make(map[*Connection]bool)
		for range 8 {
			raws = append(raws, dialRaw(t, address))
			conns[e.accepted()] = true
		}
		var busy sync.WaitGroup
		for _, raw := range raws {
			busy.Go(func() { raw.Write([]byte(strings.Repeat("\x02\x00hi", 10_000))) })
		}
		for i := range 4 {
			busy.Go(func() {
				dg := NewDatagram(make([]byte, 100))
				for conn := range conns {
					e.reader.AddConnection(conn)
					conn.SetCollectTCP(i%2 == 0)
					for range 100 {
						e.writer.Send(dg, conn)
						e.reader.GetData(new(NetDatagram))
						for range e.reader.Datagrams() {
						}
						conn.Flush()
						conn.ConsiderFlush()
						e.reader.IsConnectionOk(conn)
						conn.Err()
					}
					e.writer.Broadcast(dg, maps.Keys(conns))
					e.writer.Flush()
					e.reader.RemoveConnection(conn)
					e.reader.AddConnection(conn)
					e.manager.GetResetConnection()
					e.manager.CloseConnection(conn)
				}
			})
		}
		busy.Wait()
		for conn := range conns {
			assert.False(t, e.manager.CloseConnection(conn))
		}
	})
}
