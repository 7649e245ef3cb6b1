package queuednet

import (
	"net"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
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
func TestStreamDatagramsBehindPackets(t *testing.T) {
	e := newEnd(t, nil)
	stream, _ := e.raw()
	packets := e.udp("127.0.0.1:0")
	other := mustAddress(t, "127.0.0.9:9")
	put := func() {
		from := sender{other, other.AddrPort().Addr()}
		e.reader.queue.gather(&span{conn: packets, headerSize: 2}, &from, frames(1, 4), 0)
		e.reader.queue.gather(&span{conn: stream, headerSize: 2}, nil, frames(2, 4), 0)
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

// Received is when it arrived, not when it was taken.
func TestReceived(t *testing.T) {
	eachKind(t, nil, func(t *testing.T, e *end, conn *Connection, peer net.Conn) {
		before := time.Now().Add(-atResolution)
		write(t, peer, framed(2, "one"))
		eventually(t, "first", func() bool { return conn.Stats().Received.Datagrams == 1 })
		between := time.Now()
		eventually(t, "another time", func() bool { return time.Since(between) > 2*atResolution })
		write(t, peer, framed(2, "two")+framed(2, "three"))
		eventually(t, "others", func() bool { return conn.Stats().Received.Datagrams == 3 })
		after := time.Now()
		eventually(t, "wait", func() bool { return time.Since(after) > 2*atResolution })

		var first, last time.Time
		for datagram := range e.reader.Datagrams() {
			if first.IsZero() {
				first = datagram.Received()
			}
			last = datagram.Received()
			assert.Equal(t, last, datagram.Clone().Received())
		}
		assert.True(t, !first.Before(before) && !first.After(between), "%v %v %v", before, first, between)
		assert.True(t, last.After(between) && !last.After(after), "%v %v %v", between, last, after)

		write(t, peer, framed(2, "four"))
		datagram := e.next()
		assert.True(t, datagram.Received().After(after))
		datagram.SetConnection(conn)
		assert.Zero(t, datagram.Received())
		assert.Zero(t, new(NetDatagram).Received())
	})
}

func TestReceivedOfUDP(t *testing.T) {
	e := newEnd(t, nil)
	conn := e.udp("127.0.0.1:0")
	before := time.Now()
	e.sendTo(conn, conn.LocalAddress(), "x")
	eventually(t, "packet", func() bool { return conn.Stats().Received.Datagrams == 1 })
	after := time.Now()
	runtime.Gosched()
	received := e.next().Received()
	assert.True(t, !received.Before(before) && !received.After(after))
}
