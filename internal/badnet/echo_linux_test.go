package badnet

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/queuednet/queuednet"
)

// A client sends a sequence of datagrams, the server sends each one back.
func TestEcho(t *testing.T) {
	for headerSize, long := range map[int]sequence{
		2: {longest: 65_535, every: 400},
		4: {longest: 100_000, every: 400},
	} {
		t.Run(fmt.Sprintf("header of %d bytes", headerSize), func(t *testing.T) {
			testEcho(t, headerSize, shortOrLong(sequence{longest: 16_000, every: 50}, long))
		})
	}
}

func testEcho(t *testing.T, headerSize int, there sequence) {
	const (
		perFrame = 2
		window   = 256 << 10 // bytes under way at most: what TCP delivers is not constant
	)
	config := &queuednet.Config{TCPHeaderSize: headerSize, MaxSendQueue: 2 * window, MaxReceiveQueue: 2 * window}
	n := newNetwork(t, bad)
	client, server := newEnd(t, n.client, config), newEnd(t, n.server, config)
	dialled, accepted := connect(client, server, 1)
	growth := watchGrowth(t)

	var (
		back           = there
		sent           []time.Time // when the client sent each
		echoed         int         // by the server
		roundTrips     []time.Duration
		underWay, most int
	)
	run := shortOrLong(1500*time.Millisecond, longRun)
	start := time.Now()
	frames(t, "echo of everything", func() bool {
		for datagram := range server.reader.Datagrams() {
			requireSame(t, back.datagram(echoed), datagram, echoed)
			echoed++
			server.send(func() error { return server.writer.Send(&datagram.Datagram, accepted[0]) })
		}
		for datagram := range client.reader.Datagrams() {
			requireSame(t, back.datagram(len(roundTrips)), datagram, len(roundTrips))
			roundTrips = append(roundTrips, time.Since(sent[len(roundTrips)]))
			underWay -= datagram.Length()
		}
		sending := time.Since(start) < run
		for range perFrame {
			payload := there.datagram(len(sent))
			if !sending || underWay+len(payload) > window {
				break
			}
			client.send(func() error { return client.writer.Send(queuednet.NewDatagram(payload), dialled[0]) })
			sent = append(sent, time.Now())
			underWay += len(payload)
			most = max(most, underWay)
		}
		growth.look()
		client.requireNoEnds()
		server.requireNoEnds()
		return !sending && len(roundTrips) == len(sent)
	})
	took := time.Since(start)
	heap := growth.assertBounded(1, config)
	client.assertSendsDidNotWait()
	server.assertSendsDidNotWait()
	requireBad(t, n)
	assert.Greater(t, most, 2*sendBuffer, "enough under way that a Send which writes must wait")
	record(t, row{
		suite: fmt.Sprintf("echo, %d-byte header, 0 to %d bytes", headerSize, there.longest), network: n, took: took,
		up: len(sent), down: len(roundTrips), roundTrips: roundTrips, client: client, server: server, heap: heap,
	})
	require.NoError(t, client.manager.Close())
	require.NoError(t, server.manager.Close())
}
