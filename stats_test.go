package queuednet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Both ways, on every kind of socket: what the program has taken and sent is what is
// counted, of the connection and of the manager, and nothing waits any more.
func TestStatsOfEachKind(t *testing.T) {
	eachKind(t, nil, func(t *testing.T, e *end, conn *Connection, peer net.Conn) {
		began := time.Now()
		require.WithinDuration(t, began, conn.Stats().Opened, patience)
		for range 3 {
			e.send(conn, "to the peer")
		}
		read(t, peer, 3*len(framed(2, "to the peer")))
		write(t, peer, framed(2, "one")+framed(2, "two")+framed(2, ""))
		write(t, peer, framed(2, "cut off")[:4])
		e.messages(3)

		sent := Traffic{Datagrams: 3, Bytes: 3 * (2 + 11)}
		received := Traffic{Datagrams: 3, Bytes: 5 + 5 + 2 + 4}
		eventually(t, "count", func() bool {
			stats := conn.Stats()
			return stats.Received == received && stats.Sent == sent
		})
		stats := conn.Stats()
		stats.Opened = time.Time{}
		assert.Equal(t, ConnectionStats{Received: received, Sent: sent}, stats)

		all := e.manager.Stats()
		assert.Equal(t, received, all.Received)
		assert.Equal(t, sent, all.Sent)
		assert.EqualValues(t, 1, all.Opened)
		assert.Equal(t, 1, all.Open)
		assert.EqualValues(t, 3, all.Drains.Datagrams)

		require.NoError(t, peer.Close())
		require.Same(t, conn, e.reset())
		eventually(t, "end of its socket", func() bool { return e.manager.Stats().Closing == 0 })
		all = e.manager.Stats()
		assert.Zero(t, all.Open)
		assert.Equal(t, received, all.Received, "of one that has ended")
		ends := all.Ends
		assert.EqualValues(t, 1, ends.Cut+ends.ByPeer+ends.Reset+ends.Other, "%+v", ends)
		assert.Equal(t, received, conn.Stats().Received)
	})
}

func TestStatsOfUDP(t *testing.T) {
	e := newEnd(t, nil)
	conn := e.udp("127.0.0.1:0")
	peer := rawUDP(t, "127.0.0.1:0")
	e.sendTo(conn, netAddressOf(peer.LocalAddr()), "out")
	packet, from := rawPacket(t, peer)
	_, err := peer.WriteTo([]byte(packet), net.UDPAddrFromAddrPort(from.AddrPort()))
	require.NoError(t, err)
	_, err = peer.WriteTo([]byte("wrong sum"), net.UDPAddrFromAddrPort(from.AddrPort()))
	require.NoError(t, err)
	require.Equal(t, []string{"out"}, e.messages(1))
	eventually(t, "wrong sum", func() bool { return e.manager.Stats().Broken == 1 })

	want := ConnectionStats{Received: Traffic{1, 5 + 9}, Sent: Traffic{1, 5}, Opened: conn.Stats().Opened}
	eventually(t, "count of what has left", func() bool { return conn.Stats() == want })
	assert.Equal(t, want.Received, e.manager.Stats().Received)
	assert.Equal(t, want.Sent, e.manager.Stats().Sent)
	assert.Equal(t, 1, e.manager.Stats().Open)

	require.True(t, e.manager.CloseConnection(conn))
	eventually(t, "end of its socket", func() bool { return e.manager.Stats().Closing == 0 })
	assert.EqualValues(t, Ends{Closed: 1}, e.manager.Stats().Ends)
	assert.ErrorIs(t, e.writer.SendTo(NewDatagram(nil), conn, from), net.ErrClosed)
}

// A peer that takes nothing.
func TestStatsSendQueue(t *testing.T) {
	eachKind(t, &Config{MaxSendQueue: 64 << 20}, func(t *testing.T, e *end, conn *Connection, peer net.Conn) {
		fill(e, conn)
		const all = 300 * 60_002
		eventually(t, "stall", func() bool { return conn.Stats().SendStalled > 0 })
		stats := conn.Stats()
		assert.Positive(t, stats.SendQueueBytes)
		assert.LessOrEqual(t, stats.SendQueueBytes, all)

		_, err := io.CopyN(io.Discard, peer, all)
		require.NoError(t, err)
		eventually(t, "end of it", func() bool { return conn.Stats().SendQueueBytes == 0 })
		assert.Equal(t, Traffic{Datagrams: 300, Bytes: all}, conn.Stats().Sent)
		assert.Zero(t, conn.Stats().SendStalled)
	})
}

func TestStatsReceiveQueue(t *testing.T) {
	eachKind(t, &Config{MaxReceiveQueue: 64 << 10}, func(t *testing.T, e *end, conn *Connection, peer net.Conn) {
		const n = 100
		go func() {
			for range n {
				_, _ = io.WriteString(peer, framed(2, strings.Repeat("x", 2000)))
			}
		}()
		eventually(t, "hold", func() bool { return conn.Stats().HeldBack })
		stats := conn.Stats()
		assert.EqualValues(t, 1, stats.HeldBackCount)
		assert.Positive(t, stats.ReceiveQueueBytes)
		eventually(t, "wait", func() bool { return conn.Stats().OldestWaiting > stats.OldestWaiting })

		e.messages(n)
		eventually(t, "drained queue", func() bool { return conn.Stats().ReceiveQueueBytes == 0 })
		stats = conn.Stats()
		assert.False(t, stats.HeldBack)
		assert.Zero(t, stats.OldestWaiting)
		assert.EqualValues(t, n, stats.Received.Datagrams)
	})
}

func TestStatsSlowed(t *testing.T) {
	e := newEnd(t, &Config{MaxDatagramsPerSecond: 20, RateBurst: 50 * time.Millisecond})
	conn, peer := e.raw()
	const n = 30 // it lasts long enough for a busy machine to notice
	write(t, peer, strings.Repeat(framed(2, "x"), n))
	eventually(t, "slowing", func() bool { return conn.Stats().Slowed })
	e.messages(n)
	eventually(t, "end of it", func() bool { return !conn.Stats().Slowed })
	assert.EqualValues(t, e.manager.Refusals().Slowed, conn.Stats().SlowedCount)
	assert.Equal(t, e.manager.Refusals(), e.manager.Stats().Refusals)
}

// The system's buffer, which Unacknowledged tells, and the library's hold everything
// that the peer has not taken, but for what is in its own system's buffer.
func TestUnacknowledged(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("Linux tells")
	}
	e := newEnd(t, &Config{MaxSendQueue: 64 << 20})
	conn, peer := e.raw()
	fill(e, conn)
	// A write that waits for its goroutine may find all acknowledged for a moment.
	eventually(t, "bytes that are not acknowledged", func() bool {
		bytes, err := conn.Unacknowledged()
		return assert.NoError(t, err) && bytes > 0 && uint64(bytes) <= conn.Stats().Sent.Bytes
	})
	_, err := io.CopyN(io.Discard, peer, 300*60_002)
	require.NoError(t, err)
	eventually(t, "acknowledgement", func() bool {
		bytes, err := conn.Unacknowledged()
		return err == nil && bytes == 0
	})
	conn.Abort()
	eventually(t, "end", func() bool {
		_, err := conn.Unacknowledged()
		return errors.Is(err, net.ErrClosed)
	})

	piped, _ := e.pipe()
	_, err = piped.Unacknowledged()
	assert.ErrorIs(t, err, errors.ErrUnsupported)
}

func TestStatsOfTheManager(t *testing.T) {
	e := newEnd(t, &Config{MaxConnections: 2, CloseTimeout: patience})
	_, address := e.listen()
	raws := []net.Conn{dialRaw(t, address), dialRaw(t, address)}
	eventually(t, "two accepted", func() bool { return e.manager.Stats().Untaken == 2 })
	first := e.accept()
	e.accept()
	stats := e.manager.Stats()
	assert.Equal(t, []int{0, 2, 0, 1}, []int{stats.Untaken, stats.Open, stats.Closing, stats.Rendezvous})

	if third, err := net.Dial("tcp", address); err == nil { // it may see the reset at once
		t.Cleanup(func() { third.Close() })
	}
	eventually(t, "refusal", func() bool { return e.manager.Stats().Refusals.Connections == 1 })

	if first.Address() != netAddressOf(raws[0].LocalAddr()) {
		slices.Reverse(raws)
	}
	require.True(t, e.manager.CloseConnection(first)) // its peer does not close
	stats = e.manager.Stats()
	assert.Equal(t, []int{1, 1}, []int{stats.Open, stats.Closing})
	require.NoError(t, raws[1].Close())
	e.reset()
	eventually(t, "end of its socket", func() bool { return e.manager.Stats().Closing == 1 })
	assert.Equal(t, Ends{Closed: 1, ByPeer: 1}, e.manager.Stats().Ends)

	require.NoError(t, raws[0].Close())
	require.NoError(t, e.manager.Close())
	stats = e.manager.Stats()
	assert.Equal(t, []int{0, 0, 0}, []int{stats.Open, stats.Closing, stats.Rendezvous})
	assert.EqualValues(t, 2, stats.Opened)
}

func TestStatsConnecting(t *testing.T) {
	e := newEnd(t, nil)
	hold := make(chan struct{})
	pending := e.manager.BeginClientConnection(func(context.Context) (net.Conn, error) {
		<-hold
		return nil, io.EOF
	}, patience)
	eventually(t, "attempt", func() bool { return e.manager.Stats().Connecting == 1 })
	close(hold)
	_, err := pending.Wait(t.Context())
	require.Error(t, err)
	assert.Zero(t, e.manager.Stats().Connecting)
}

// A datagram that SetMaxQueueSize drops is counted there, and no other.
func TestStatsDropped(t *testing.T) {
	e := newEnd(t, nil)
	e.reader.SetMaxQueueSize(2)
	conn, peer := e.raw()
	write(t, peer, strings.Repeat(framed(2, "x"), 5))
	eventually(t, "drop", func() bool { return e.manager.Stats().Dropped == 3 })
	assert.EqualValues(t, 2, conn.Stats().Received.Datagrams)
	assert.EqualValues(t, 15, conn.Stats().Received.Bytes)
}

// draining is an end whose drains are counted.
type draining struct {
	*end
	conn *Connection
	peer net.Conn
}

func newDraining(t *testing.T) draining {
	e := newEnd(t, nil)
	conn, peer := e.raw()
	return draining{e, conn, peer}
}

// queue queues n datagrams.
func (d draining) queue(n int) {
	before := d.conn.Stats().Received.Datagrams
	write(d.t, d.peer, strings.Repeat(framed(2, "x"), n))
	eventually(d.t, "datagrams", func() bool { return d.conn.Stats().Received.Datagrams == before+uint64(n) })
}

func (d draining) requireDrains(what string, count, datagrams int) {
	d.t.Helper()
	stats := d.manager.Stats().Drains
	assert.Equal(d.t, []int{count, datagrams}, []int{int(stats.Count), int(stats.Datagrams)}, what)
}

func TestStatsDrains(t *testing.T) {
	e := newDraining(t)
	for range e.reader.Datagrams() {
	}
	e.requireDrains("nothing", 0, 0)

	e.queue(3)
	for range e.reader.Datagrams() {
		time.Sleep(time.Millisecond)
	}
	e.requireDrains("a loop", 1, 3)
	stats := e.manager.Stats().Drains
	assert.GreaterOrEqual(t, stats.Time, 3*time.Millisecond)
	assert.Equal(t, stats.Time, stats.Longest)
	for i, bound := range DrainBounds() {
		if stats.Time <= bound {
			assert.EqualValues(t, 1, stats.Times[i])
			break
		}
	}
}

// A drain that is left half-way counts, and so does the one that takes the rest.
func TestStatsDrainsOfAPart(t *testing.T) {
	e := newDraining(t)
	e.queue(3)
	for range e.reader.Datagrams() {
		break
	}
	e.requireDrains("one that is left", 1, 1)
	var datagram NetDatagram
	for e.reader.DataAvailable() {
		require.True(t, e.reader.GetData(&datagram))
	}
	e.requireDrains("the rest by GetData", 2, 3)

	e.queue(3)
	require.True(t, e.reader.GetData(&datagram))
	for range e.reader.Datagrams() {
	}
	e.requireDrains("the rest by a loop", 4, 6)

	e.queue(2)
	assert.Panics(t, func() {
		for range e.reader.Datagrams() {
			panic("in the program")
		}
	})
	for range e.reader.Datagrams() {
	}
	assert.EqualValues(t, 6, e.manager.Stats().Drains.Count, "after a panic")
}

// Every reason of an end has its class, and each class its reason.
func TestEndsOf(t *testing.T) {
	var ends Ends
	for _, reason := range []error{
		net.ErrClosed, io.EOF, io.ErrUnexpectedEOF, ErrNoAnswer, ErrWriteTimeout, ErrSendQueueFull,
		&DatagramTooLongError{}, ErrFirstDatagram, ErrIdle, ErrFlooding, errors.New("anything"),
		&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)},
	} {
		if runtime.GOOS == "windows" && errors.Is(reason, syscall.ECONNRESET) {
			reason = syscall.Errno(10054)
		}
		*ends.of(fmt.Errorf("said with more: %w", reason))++
	}
	values := reflect.ValueOf(ends)
	for i := range values.NumField() {
		assert.EqualValues(t, 1, values.Field(i).Uint(), values.Type().Field(i).Name)
	}
	*ends.of(ErrHeaderSize)++
	assert.EqualValues(t, 2, ends.Protocol)
	*ends.of(withGuess(io.ErrUnexpectedEOF, "HTTP"))++
	assert.EqualValues(t, 2, ends.Cut)
}

func TestStatsOfNothing(t *testing.T) {
	assert.Zero(t, (*Connection)(nil).Stats())
	assert.Zero(t, new(Connection).Stats())
	assert.Zero(t, (*QueuedConnectionManager)(nil).Stats())
	e := newEnd(t, nil)
	rendezvous, _ := e.listen()
	stats := rendezvous.Stats()
	assert.NotZero(t, stats.Opened)
	assert.Equal(t, ConnectionStats{Opened: stats.Opened}, stats)
}

// Stats is for each connection in each frame.
func TestStatsAllocateNothing(t *testing.T) {
	e := newEnd(t, nil)
	conn, _ := e.raw()
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		_ = conn.Stats()
		_ = e.manager.Stats()
	}))
}
