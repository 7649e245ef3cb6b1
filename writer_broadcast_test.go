package queuednet

import (
	"io"
	"testing"

	"github.com/queuednet/queuednet/internal/testmode"
	"github.com/stretchr/testify/assert"
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
