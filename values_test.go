package queuednet

import (
	"math"
	"net"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// mutations are what a program may do with a datagram that a loop has handed out.
var mutations = map[string]func(d *NetDatagram, e *end){
	"Clear":            func(d *NetDatagram, _ *end) { d.Clear() },
	"SetConnection":    func(d *NetDatagram, _ *end) { d.SetConnection(nil) },
	"SetAddress":       func(d *NetDatagram, _ *end) { d.SetAddress(NetAddress{}) },
	"assignment":       func(d *NetDatagram, _ *end) { *d = NetDatagram{} },
	"Assign":           func(d *NetDatagram, _ *end) { d.Assign([]byte("x")) },
	"AddUint8":         func(d *NetDatagram, _ *end) { d.AddUint8(1) },
	"SetStdfloat":      func(d *NetDatagram, _ *end) { d.SetStdfloatDouble(true) },
	"PadBytes":         func(d *NetDatagram, _ *end) { d.PadBytes(-1) },
	"another's clone":  func(d *NetDatagram, _ *end) { *d = *new(NetDatagram).Clone() },
	"another's view":   func(d *NetDatagram, e *end) { e.view(func(other *NetDatagram) { *d = *other }) },
	"another's get":    func(d *NetDatagram, e *end) { e.get(d) },
	"everything, then": func(d *NetDatagram, e *end) { e.get(d); d.SetConnection(nil); d.Clear() },
}

// view calls do with a view of a datagram that another reader has received.
func (e *end) view(do func(*NetDatagram)) {
	e.another(func(reader *QueuedConnectionReader) {
		for d := range reader.Datagrams() {
			do(d)
		}
	})
}

func (e *end) get(d *NetDatagram) {
	e.another(func(reader *QueuedConnectionReader) { require.True(e.t, reader.GetData(d)) })
}

func (e *end) another(use func(reader *QueuedConnectionReader)) {
	other := newEnd(e.t, nil)
	_, far := other.pipe()
	write(e.t, far, "\x05\x00other")
	eventually(e.t, "a datagram of the other", func() bool { return other.reader.queue.size.Load() > 0 })
	use(other.reader)
}

// Whatever the program does with a datagram of a loop, those that follow are as
// they came.
func TestDatagramsViewIsImmune(t *testing.T) {
	for name, mutate := range mutations {
		t.Run(name, func(t *testing.T) {
			e := newEnd(t, nil)
			_, far := e.pipe()
			write(t, far, "\x01\x00a\x01\x00b\x01\x00c")
			eventually(t, "the datagrams", func() bool { return e.reader.CurrentQueueSize() == 3 })
			conns, texts := []*Connection{}, ""
			for d := range e.reader.Datagrams() {
				require.False(t, d.StdfloatDouble())
				require.NoError(t, d.Err())
				require.NotNil(t, d.Connection())
				require.Equal(t, d.Connection().Address(), d.Address())
				conns, texts = append(conns, d.Connection()), texts+string(d.Message())
				mutate(d, e)
			}
			require.Equal(t, "abc", texts)
			require.Len(t, slices.Compact(conns), 1)
		})
	}
}

// A saved view of an earlier sender, put back, does not change the next one's
// address.
func TestDatagramsViewIsImmuneUDP(t *testing.T) {
	e := newEnd(t, nil)
	var local NetAddress
	require.NoError(t, local.SetLocalhost(0))
	conn, err := e.manager.OpenUDPConnectionAt(local)
	require.NoError(t, err)
	require.NoError(t, e.reader.AddConnection(conn))
	var senders []string
	for i := range 4 {
		peer, err := net.Dial("udp", conn.LocalAddress().String())
		require.NoError(t, err)
		defer peer.Close()
		senders = append(senders, peer.LocalAddr().String())
		e.reader.SetRawMode(true)
		write(t, peer, "xx")
		eventually(t, "a packet", func() bool { return e.reader.CurrentQueueSize() == i+1 })
	}
	var first *NetDatagram
	var seen []string
	for d := range e.reader.Datagrams() {
		seen = append(seen, d.Address().String())
		if first == nil {
			first = new(NetDatagram)
			*first = *d
		}
		*d = *first
	}
	require.Equal(t, senders, seen)
}

// Where one reader has streams and packets, a stream's datagrams have the addresses of
// their connection, whatever came before and whatever the program sets.
func TestDatagramsOfStreamsBehindPackets(t *testing.T) {
	e := newEnd(t, nil)
	stream, _ := e.raw()
	packets := e.udp("127.0.0.1:0")
	other := mustAddress(t, "127.0.0.9:9")
	put := func() {
		from := sender{other, other.AddrPort().Addr()}
		e.reader.queue.gather(&run{conn: packets, headerSize: 2}, &from, frames(1, 4), 0)
		e.reader.queue.gather(&run{conn: stream, headerSize: 2}, nil, frames(2, 4), 0)
	}
	check := func(d *NetDatagram) {
		if d.Connection() == packets {
			require.Equal(t, other, d.Address())
			require.Equal(t, other.AddrPort().Addr(), d.LocalAddress().AddrPort().Addr())
			return
		}
		for _, d := range []*NetDatagram{d, d.Clone()} {
			require.Equal(t, stream.Address(), d.Address())
			require.Equal(t, stream.LocalAddress(), d.LocalAddress())
			d.SetAddress(other)
			require.Equal(t, other, d.Address())
			require.Equal(t, stream.LocalAddress(), d.LocalAddress())
		}
		again := *d.Clone()
		again.SetConnection(nil)
		require.Equal(t, other, again.Address())
		d.SetConnection(packets)
		require.Equal(t, other, d.Address())
	}
	put()
	n := 0
	for d := range e.reader.Datagrams() {
		check(d)
		n++
	}
	put()
	for d := new(NetDatagram); e.reader.GetData(d); n++ {
		check(d)
	}
	require.Equal(t, 6, n)
}

// A fakeQueue is a queue of connections that nobody accepts.
type fakeQueue struct{ connectionQueue }

func newFakeQueue() *fakeQueue {
	return &fakeQueue{connectionQueue{manager: NewQueuedConnectionManager(nil)}}
}

// fill queues n connections, of which five have room.
func (q *fakeQueue) fill(n int) (conns []*Connection) {
	for range n {
		conns = append(conns, new(Connection))
		q.put(conns[len(conns)-1], 5)
	}
	return conns
}

// drain returns how many connections one drain takes.
func (q *fakeQueue) drain() (n int) {
	for q.available() {
		if _, ok := q.get(); ok {
			n++
		}
	}
	return n
}

// The connections removed from a queue while a drain runs do not count as taken
// by it: it takes all others that were queued, and the next drain all of its own.
func TestDrainSurvivesRemovals(t *testing.T) {
	q := newFakeQueue()
	conns := q.fill(2)
	require.True(t, q.available())
	q.get()
	q.remove(conns[1])
	require.False(t, q.available(), "told once that the drain is over")
	q.fill(5)
	require.Equal(t, 5, q.drain())

	conns = q.fill(3) // a removal of one that came later changes nothing
	require.True(t, q.available())
	later := q.fill(2)
	q.remove(later[0])
	q.remove(conns[1])
	require.Equal(t, 2, q.drain())
	require.Equal(t, 1, q.drain())
}

func TestDrainSurvivesTheLimit(t *testing.T) {
	q := newFakeQueue()
	q.fill(2)
	require.True(t, q.available())
	q.get()
	q.fill(5) // the one that is left is dropped
	q.fill(1)
	require.False(t, q.available(), "told once that the drain is over")
	require.Equal(t, 5, q.drain())
}

func TestIteratorSurvivesRemovals(t *testing.T) {
	q := newFakeQueue()
	conns := q.fill(3)
	n := 0
	for range q.all(func(*Connection) bool { return true }) {
		if n++; n == 1 {
			q.remove(conns[1])
			q.fill(1)
		}
	}
	require.Equal(t, 2, n, "what came during the drain is the next one's")
	require.Equal(t, 1, q.drain())
}

// Broadcast and Send name the same lengths, without the header.
func TestDatagramTooLongOfBroadcast(t *testing.T) {
	for size, most := range map[int]int64{100: 98, 1: 0} {
		e := newEnd(t, &Config{MaxSendQueue: size})
		conn, _ := e.pipe()
		datagram := NewDatagram(make([]byte, 200))
		for name, err := range map[string]error{
			"Send":      e.writer.Send(datagram, conn),
			"Broadcast": e.writer.Broadcast(datagram, slices.Values([]*Connection{conn})),
		} {
			var tooLong *DatagramTooLongError
			require.ErrorAs(t, err, &tooLong, name)
			require.Equal(t, int64(200), tooLong.Length, name)
			require.Equal(t, most, tooLong.Max, name)
		}
	}
}

// Values that the system has no room for are refused, not cut.
func TestOptionValuesBeyondTheSystem(t *testing.T) {
	if strconv.IntSize == 32 {
		t.Skip("no int is longer")
	}
	e := newEnd(t, nil)
	conn, _ := e.raw()
	for _, value := range []int64{1<<32 + 10, math.MaxInt32 + 1, math.MinInt32 - 1, math.MinInt64} {
		value := int(value)
		for name, err := range map[string]error{
			"SetIPTimeToLive":    conn.SetIPTimeToLive(value),
			"SetIPTypeOfService": conn.SetIPTypeOfService(value),
			"SetRecvBufferSize":  conn.SetRecvBufferSize(value),
			"SetSendBufferSize":  conn.SetSendBufferSize(value),
		} {
			require.ErrorIs(t, err, syscall.EINVAL, name)
			require.ErrorContains(t, err, strconv.Itoa(value))
		}
		_, err := e.manager.OpenTCPServerRendezvous(0, value)
		require.Error(t, err, "backlog")
	}
	require.NoError(t, conn.SetLinger(true, math.MaxInt64))
	require.NoError(t, conn.SetLinger(true, math.MinInt64))
	require.NoError(t, conn.SetLinger(false, 0))
}

// A datagram in error does not become half a message of another one.
func TestAddDatagram(t *testing.T) {
	var inner, outer Datagram
	inner.AddString("hello")
	outer.AddDatagram(&inner)
	outer.AddUint8(7)
	it := outer.Iterator()
	require.Equal(t, inner.Message(), it.GetBlob())
	require.Equal(t, uint8(7), it.GetUint8())
	require.NoError(t, it.Err())

	inner.PadBytes(-1)
	before := outer.Length()
	outer.AddDatagram(&inner)
	outer.AddUint8(8)
	require.Equal(t, before, outer.Length())
	require.Equal(t, inner.Err(), outer.Err())
	inner.Clear()
	require.Error(t, outer.Err())

	var long, none Datagram
	long.AddDatagram(NewDatagram(make([]byte, 1<<16)))
	var field *FieldError
	require.ErrorAs(t, long.Err(), &field)
	none.AddDatagram(nil)
	require.ErrorContains(t, none.Err(), "nil datagram")
	require.Zero(t, none.Length())
}
