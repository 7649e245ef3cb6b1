package queuednet

import (
	"io"
	"slices"
	"testing"

	"github.com/queuednet/queuednet/internal/testmode"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A broadcast to a sequence that is made once allocates nothing.
func TestBroadcastAllocatesNothing(t *testing.T) {
	if testmode.Race {
		t.Skip("the race detector makes a sync.Pool forget")
	}
	e := newEnd(t, nil)
	conn, raw := e.raw()
	go func() { _, _ = io.Copy(io.Discard, raw) }() // ends with the connection
	var datagram Datagram
	datagram.AddUint32(1)
	receivers := func(yield func(*Connection) bool) { yield(conn) }
	assert.Zero(t, testing.AllocsPerRun(2000, func() {
		if err := e.writer.Broadcast(&datagram, receivers); err != nil {
			t.Fatal(err)
		}
		e.writer.Flush() // else what waits is more and more
	}))
}

// A sequence that calls its loop after its end panics, as in a loop over it, and what it adds
// goes to nobody.
func TestBroadcastAfterItsEnd(t *testing.T) {
	e := newEnd(t, nil)
	conn, _ := e.raw()
	var datagram Datagram
	var kept func(*Connection) bool
	assert.NoError(t, e.writer.Broadcast(&datagram, func(yield func(*Connection) bool) { kept = yield }))
	assert.Panics(t, func() { kept(conn) })
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

func TestExcept(t *testing.T) {
	one, two, three := new(Connection), new(Connection), new(Connection)
	all := slices.Values([]*Connection{one, two, three, two})
	assert.Equal(t, []*Connection{one, three}, slices.Collect(Except(all, two)))
	assert.Len(t, slices.Collect(Except(all, nil)), 4)
	assert.Empty(t, slices.Collect(Except(nil, one)))
	for range Except(all, one) {
		break
	}
}
