package queuednet_test

import (
	"fmt"
	"time"

	"github.com/queuednet/queuednet"
)

// A peer on a slow line gets fewer snapshots instead of older ones: it is left out of a
// broadcast as long as most of the one before still waits. The system would take
// megabytes before any wait here, so its buffer is made small.
func ExampleConnection_Stats() {
	p := connected()
	defer p.close()
	players := []*queuednet.Connection{p.accepted}
	snapshot := queuednet.NewDatagram(make([]byte, 10_000))
	p.accepted.SetSendBufferSize(4 * snapshot.Length())

	mayHaveOne := func(yield func(*queuednet.Connection) bool) {
		for _, conn := range players {
			if conn.Stats().SendQueueBytes < snapshot.Length()/2 && !yield(conn) {
				return
			}
		}
	}
	p.clientReader.RemoveConnection(p.opened) // a peer that takes nothing for a while
	for range 300 {                           // frames
		p.serverWriter.Broadcast(snapshot, mayHaveOne)
		time.Sleep(100 * time.Microsecond)
	}
	fmt.Println("some were left out:", p.accepted.Stats().Sent.Datagrams < 300)

	// Output: some were left out: true
}

// What an operator wants to see once a second.
func ExampleQueuedConnectionManager_Stats() {
	p := connected()
	defer p.close()
	for i := range 3 {
		p.clientWriter.Send(queuednet.NewDatagram(make([]byte, i)), p.opened)
	}
	for taken := 0; taken < 3; {
		for range p.serverReader.Datagrams() {
			taken++
		}
	}
	stats := p.server.Stats()
	fmt.Println(stats.Open, "open,", stats.Received.Datagrams, "datagrams of", stats.Received.Bytes, "bytes")
	fmt.Println(stats.Drains.Datagrams, "taken, less than a minute each time:", stats.Drains.Longest < time.Minute)

	// Output:
	// 1 open, 3 datagrams of 9 bytes
	// 3 taken, less than a minute each time: true
}
