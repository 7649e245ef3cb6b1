package badnet

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/queuednet/queuednet"
)

const (
	broadcastClients = 16
	answerEach       = 6 // broadcasts
)

// A broadcasting is what TestBroadcast has sent and received.
type broadcasting struct {
	t               *testing.T
	client, server  *end
	state, expected sequence
	sent            []time.Time // when each was broadcast
	received        map[*queuednet.Connection]int
	answered        map[*queuednet.Connection]int
	roundTrips      []time.Duration
	arrived         int
}

// clients takes what arrives at the clients, and answers.
func (b *broadcasting) clients() {
	for datagram := range b.client.reader.Datagrams() {
		conn := datagram.Connection()
		number := b.received[conn]
		requireSame(b.t, b.expected.datagram(number), datagram, number)
		b.received[conn]++
		b.arrived++
		if number%answerEach == 0 {
			reply := binary.LittleEndian.AppendUint32(nil, uint32(number))
			b.client.send(func() error { return b.client.writer.Send(queuednet.NewDatagram(reply), conn) })
		}
	}
}

// answers takes the answers.
func (b *broadcasting) answers() {
	for datagram := range b.server.reader.Datagrams() {
		conn := datagram.Connection()
		number := b.answered[conn] * answerEach
		require.Equal(b.t, binary.LittleEndian.AppendUint32(nil, uint32(number)), datagram.Message())
		b.answered[conn]++
		b.roundTrips = append(b.roundTrips, time.Since(b.sent[number]))
	}
}

// A server broadcasts at 60 Hz to 16 clients, each of which answers every
// sixth datagram: 2 Mbit/s down.
func TestBroadcast(t *testing.T) {
	config := &queuednet.Config{MaxSendQueue: 128 << 10, MaxReceiveQueue: 64 << 10}
	n := newNetwork(t, bad)
	client, server := newEnd(t, n.client, config), newEnd(t, n.server, config)
	dialled, accepted := connect(client, server, broadcastClients)
	growth := watchGrowth(t)

	b := &broadcasting{
		t: t, client: client, server: server,
		received: make(map[*queuednet.Connection]int), answered: make(map[*queuednet.Connection]int),
	}
	run := shortOrLong(2*time.Second, longRun)
	start := time.Now()
	frames(t, "everything at everyone", func() bool {
		b.clients()
		b.answers()
		sending := time.Since(start) < run
		if sending {
			datagram := queuednet.NewDatagram(b.state.datagram(len(b.sent)))
			server.send(func() error { return server.writer.Broadcast(datagram, slices.Values(accepted)) })
			b.sent = append(b.sent, time.Now())
		}
		growth.look()
		client.requireNoEnds()
		server.requireNoEnds()
		answers := (len(b.sent) + answerEach - 1) / answerEach
		return !sending && b.arrived == broadcastClients*len(b.sent) && len(b.roundTrips) == broadcastClients*answers
	})
	took := time.Since(start)
	heap := growth.assertBounded(broadcastClients, config)
	client.assertSendsDidNotWait()
	server.assertSendsDidNotWait()
	requireBad(t, n)
	for _, conn := range dialled {
		require.Equal(t, len(b.sent), b.received[conn])
	}
	record(t, row{
		suite: "broadcast at 60 Hz to 16, 8 to 197 bytes", network: n, took: took,
		up: len(b.roundTrips), down: b.arrived, roundTrips: b.roundTrips, client: client, server: server, heap: heap,
	})
	require.NoError(t, client.manager.Close())
	require.NoError(t, server.manager.Close())
}
