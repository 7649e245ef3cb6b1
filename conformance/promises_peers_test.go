package conformance_test

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

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/internal/testnet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// badPeers connects peers that are bad in one way each, to connections with these names.
func badPeers(t *testing.T, e *end) map[string]*queuednet.Connection {
	bad := make(map[string]*queuednet.Connection)
	add := func(name, text string) *net.TCPConn {
		conn, raw := e.raw()
		bad[name] = conn
		testnet.Write(t, raw, text)
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
	return bad
}

func TestPromise06ABadPeerCostsOnlyItself(t *testing.T) {
	e := newEnd(t, &queuednet.Config{TCPHeaderSize: 4, MaxReceiveQueue: 128 << 10, MaxSendQueue: 256 << 10})
	good, raw := e.raw()
	bad := badPeers(t, e)

	// Nobody takes the flood: the queue holds its bound of it, not more, and
	// the good one's datagrams pass.
	testnet.Eventually(t, "a full queue", func() bool { return isHeldBack(bad["flood"]) })
	ended := make(map[*queuednet.Connection]error)
	for i := range 50 {
		if ended[bad["never reads"]] == nil {
			for range 10 {
				e.Writer.Send(queuednet.NewDatagram(make([]byte, 20_000)), bad["never reads"])
			}
		}
		testnet.Write(t, raw, "\x04\x00\x00\x00ping")
		e.Until("pong", func() bool {
			for datagram := range e.Reader.Datagrams() {
				if datagram.Connection() == good {
					assert.Equal(t, "ping", string(datagram.Message()))
					assert.NoError(t, e.Writer.Send(&datagram.Datagram, good))
					return true
				}
			}
			return false
		})
		assert.Equal(t, "\x04\x00\x00\x00ping", testnet.Read(t, raw, 8), "round %d", i)
		for conn := range e.Manager.ResetConnections() {
			ended[conn] = conn.Err()
		}
		for name, conn := range bad {
			assert.LessOrEqual(t, queuedBytes(conn), 128<<10, name)
			assert.LessOrEqual(t, conn.Stats().SendQueueBytes, 256<<10, name)
		}
	}
	for name, cause := range map[string]string{
		"2 GiB": "longer than", "4 GiB": "longer than", "resets": "reset", "never reads": "full",
	} {
		e.Until(name, func() bool {
			for range e.Reader.Datagrams() {
			}
			for conn := range e.Manager.ResetConnections() {
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
				require.NoError(t, e.Reader.SetTCPHeaderSize(size))
			}
			require.NoError(t, e.Writer.SetTCPHeaderSize(size))
			conn, raw := e.raw()
			for _, text := range []string{"abc", "", "z"} {
				e.Send(conn, text)
			}
			assert.Equal(t, wire, testnet.Read(t, raw, len(wire)))
			if size > 0 {
				testnet.Write(t, raw, wire)
				assert.Equal(t, []string{"abc", "", "z"}, e.messages(3))
			}
		})
	}
}

// TestPromise08IdleCostsNothing is inside the package: it holds its locks.

func TestPromise09EverythingEnds(t *testing.T) {
	e := newEnd(t, &queuednet.Config{CollectTCP: true, CloseTimeout: 100 * time.Millisecond})
	conn, raw := e.raw()
	e.Send(conn, "now")
	e.Send(conn, "collected")
	idle, _ := e.raw() // its peer never closes
	e.raw()
	require.True(t, e.Reader.RemoveConnection(idle))
	flooded, flood := e.raw()
	go flood.Write(make([]byte, 10<<20))
	stuck, _ := e.pipe()
	e.Send(stuck, "nobody takes it")
	_, address := e.listen()
	testnet.DialRaw(t, address) // accepted and never taken
	unlistened, err := e.Manager.OpenTCPServerRendezvous(0, 1)
	require.NoError(t, err)
	pending := e.Manager.BeginTCPClientConnection("127.0.0.1", unlistened.LocalAddress().Port(), time.Minute)
	hanging := e.Manager.BeginTCPClientConnection("localhost", 9, time.Minute)
	testnet.Eventually(t, "a full queue", func() bool { return isHeldBack(flooded) })

	var closing sync.WaitGroup
	waited := make(chan error, 1)
	closing.Go(func() {
		for e.Manager.WaitForReaders(context.Background()) == nil {
			for range e.Reader.Datagrams() {
			}
			for range e.Listener.NewConnections() {
			}
			for range e.Manager.ResetConnections() {
			}
		}
		waited <- nil
	})
	for range 3 {
		closing.Go(func() { e.Manager.Close() })
	}
	closing.Wait()
	<-waited
	assert.Empty(t, testnet.LibraryGoroutines(testnet.Patience), "a method of a pipe may not have returned at once")
	assert.True(t, pending.Ready())
	assert.True(t, hanging.Ready())
	got, _ := io.ReadAll(raw)
	assert.Equal(t, "\x03\x00now\x09\x00collected", string(got))
}

func TestPromise10APanicInABroadcastIsTheProgramsOwn(t *testing.T) {
	e := newEnd(t, nil)
	conn, raw := e.raw()
	assert.Panics(t, func() {
		e.Writer.Broadcast(queuednet.NewDatagram([]byte("a")), func(yield func(*queuednet.Connection) bool) { yield(conn); panic("stop") })
	})
	e.Send(conn, "b")
	assert.Equal(t, testnet.Framed(2, "a", "b"), testnet.Read(t, raw, 6))
}

func TestPromise10NoPanicAtTheWrongMoment(t *testing.T) {
	e, other := newEnd(t, &queuednet.Config{CloseTimeout: 10 * time.Millisecond}), newEnd(t, nil)
	conn, _ := e.raw()
	foreign, _ := other.raw()
	rendezvous, _ := e.listen()
	dg := queuednet.NewDatagram([]byte("x"))

	assert.ErrorContains(t, e.Writer.Send(nil, conn), "nil datagram")
	assert.ErrorIs(t, e.Writer.Send(dg, nil), queuednet.ErrForeignConnection)
	assert.ErrorIs(t, e.Writer.Send(dg, foreign), queuednet.ErrForeignConnection)
	assert.ErrorIs(t, e.Writer.Send(dg, rendezvous), queuednet.ErrWrongKind)
	assert.ErrorIs(t, e.Writer.Broadcast(dg, slices.Values([]*queuednet.Connection{nil, foreign, conn})), queuednet.ErrForeignConnection)
	assert.NoError(t, e.Writer.Broadcast(dg, nil))
	assert.ErrorIs(t, e.Reader.AddConnection(nil), queuednet.ErrForeignConnection)
	assert.ErrorIs(t, e.Reader.AddConnection(foreign), queuednet.ErrForeignConnection)
	assert.ErrorIs(t, e.Reader.AddConnection(rendezvous), queuednet.ErrWrongKind)
	assert.ErrorIs(t, e.Reader.AddConnection(conn), queuednet.ErrAlreadyAdded)
	assert.ErrorIs(t, queuednet.NewQueuedConnectionReader(e.Manager).AddConnection(conn), queuednet.ErrAlreadyAdded)
	assert.False(t, e.Reader.RemoveConnection(nil))
	assert.False(t, e.Reader.RemoveConnection(foreign))
	assert.False(t, e.Reader.RemoveConnection(rendezvous))
	assert.False(t, e.Reader.IsConnectionOk(nil))
	assert.False(t, e.Reader.IsConnectionOk(rendezvous))
	assert.False(t, e.Reader.GetData(nil))
	assert.ErrorIs(t, e.Listener.AddConnection(nil), queuednet.ErrForeignConnection)
	assert.ErrorIs(t, e.Listener.AddConnection(conn), queuednet.ErrWrongKind)
	assert.ErrorIs(t, e.Listener.AddConnection(rendezvous), queuednet.ErrAlreadyAdded)
	assert.False(t, e.Listener.RemoveConnection(conn))
	assert.False(t, e.Listener.RemoveConnection(nil))
	assert.False(t, e.Manager.CloseConnection(nil))
	assert.False(t, e.Manager.CloseConnection(foreign))
	assert.ErrorIs(t, rendezvous.Flush(), queuednet.ErrWrongKind)
	assert.Nil(t, rendezvous.NetConn())
	assert.ErrorIs(t, e.Reader.SetTCPHeaderSize(3), queuednet.ErrHeaderSize)
	assert.ErrorIs(t, e.Writer.SetTCPHeaderSize(-1), queuednet.ErrHeaderSize)
	_, err := e.Manager.AdoptConnection(nil)
	assert.ErrorIs(t, err, queuednet.ErrWrongKind)
	_, err = e.Manager.AdoptRendezvous(nil)
	assert.ErrorIs(t, err, queuednet.ErrWrongKind)
}

func TestPromise10NoPanicWithoutAManager(t *testing.T) {
	e := newEnd(t, nil)
	conn, _ := e.raw()
	rendezvous, _ := e.listen()
	dg := queuednet.NewDatagram([]byte("x"))
	reader, writer := queuednet.NewQueuedConnectionReader(nil), queuednet.NewConnectionWriter(nil)
	assert.ErrorIs(t, reader.AddConnection(conn), queuednet.ErrForeignConnection)
	assert.ErrorIs(t, queuednet.NewQueuedConnectionListener(nil).AddConnection(rendezvous), queuednet.ErrForeignConnection)
	assert.ErrorIs(t, writer.Send(dg, conn), net.ErrClosed)
	writer.Flush()
	assert.False(t, reader.DataAvailable())
	assert.Nil(t, reader.Manager())
}

func TestPromise10NoPanicWhenAllIsClosed(t *testing.T) {
	e := newEnd(t, &queuednet.Config{CloseTimeout: 10 * time.Millisecond})
	conn, _ := e.raw()
	rendezvous, _ := e.listen()
	dg := queuednet.NewDatagram([]byte("x"))
	require.NoError(t, conn.Close())
	assert.ErrorIs(t, conn.Close(), net.ErrClosed)
	require.NoError(t, e.Manager.Close())
	require.NoError(t, e.Manager.Close())
	assert.ErrorIs(t, e.Writer.Send(dg, conn), net.ErrClosed)
	assert.ErrorIs(t, e.Reader.AddConnection(conn), net.ErrClosed)
	assert.ErrorIs(t, e.Listener.AddConnection(rendezvous), net.ErrClosed)
	assert.ErrorIs(t, conn.Flush(), net.ErrClosed)
	assert.Error(t, conn.SetNoDelay(true))
	assert.ErrorIs(t, e.Manager.WaitForReaders(context.Background()), net.ErrClosed)
	_, err := e.Manager.OpenTCPServerRendezvous(0, 0)
	assert.ErrorIs(t, err, net.ErrClosed)
	_, err = e.Manager.OpenTCPClientConnection("127.0.0.1", 9, time.Second)
	assert.ErrorIs(t, err, net.ErrClosed)
	_, err = e.Manager.BeginTCPClientConnection("127.0.0.1", 9, time.Second).Wait(context.Background())
	assert.ErrorIs(t, err, net.ErrClosed)
}

func TestPromise10NoPanicInADrainInsideADrain(t *testing.T) {
	e := newEnd(t, nil)
	conn, raw := e.raw()
	testnet.Write(t, raw, "\x01\x00a\x01\x00b")
	testnet.Eventually(t, "both", func() bool { return queuedBytes(conn) == 6 })
	var got []string
	for datagram := range e.Reader.Datagrams() {
		got = append(got, string(datagram.Message()))
		assert.False(t, e.Reader.DataAvailable())
		assert.False(t, e.Reader.GetData(new(queuednet.NetDatagram)))
		for range e.Reader.Datagrams() {
			t.Error("the inner loop took one")
		}
	}
	assert.Equal(t, []string{"a", "b"}, got)
}

func TestPromise10NoPanicFromManyGoroutines(t *testing.T) {
	e := newEnd(t, &queuednet.Config{CloseTimeout: 100 * time.Millisecond, MaxSendQueue: 1 << 16})
	_, address := e.listen()
	var raws []*net.TCPConn
	conns := make(map[*queuednet.Connection]bool)
	for range 8 {
		raws = append(raws, testnet.DialRaw(t, address))
		conns[e.Accept()] = true
	}
	var busy sync.WaitGroup
	for _, raw := range raws {
		busy.Go(func() { raw.Write([]byte(strings.Repeat("\x02\x00hi", 10_000))) })
	}
	for i := range 4 {
		busy.Go(func() {
			dg := queuednet.NewDatagram(make([]byte, 100))
			for conn := range conns {
				e.Reader.AddConnection(conn)
				conn.SetCollectTCP(i%2 == 0)
				for range 100 {
					e.Writer.Send(dg, conn)
					e.Reader.GetData(new(queuednet.NetDatagram))
					for range e.Reader.Datagrams() {
					}
					conn.Flush()
					conn.ConsiderFlush()
					e.Reader.IsConnectionOk(conn)
					conn.Err()
				}
				e.Writer.Broadcast(dg, maps.Keys(conns))
				e.Writer.Flush()
				e.Reader.RemoveConnection(conn)
				e.Reader.AddConnection(conn)
				e.Manager.GetResetConnection()
				e.Manager.CloseConnection(conn)
			}
		})
	}
	busy.Wait()
	for conn := range conns {
		assert.False(t, e.Manager.CloseConnection(conn))
	}
}
