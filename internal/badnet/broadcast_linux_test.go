package badnet

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/queuednet/queuednet"
)

// A server broadcasts at 60 Hz to 16 clients, each of which answers every
// sixth datagram: 2 Mbit/s down.
func TestBroadcast(t *testing.T) {
	const (
		clients = 16
		answer  = 6
	)
	config := &queuednet.Config{MaxSendQueue: 128 << 10, MaxReceiveQueue: 64 << 10}
	n := newNetwork(t, bad)
	client, server := newEnd(t, n.client, config), newEnd(t, n.server, config)
	dialled, accepted := connect(client, server, clients)
	growth := watchGrowth(t)

	var (
		state, expected sequence
		sent            []time.Time // when each was broadcast
		received        = make(map[*queuednet.Connection]int)
		answered        = make(map[*queuednet.Connection]int)
		roundTrips      []time.Duration
		arrived         int
	)
	run := shortOrLong(2*time.Second, longRun)
	start := time.Now()
	frames(t, "everything at everyone", func() bool {
		for datagram := range client.reader.Datagrams() {
			conn := datagram.Connection()
			number := received[conn]
			requireSame(t, expected.datagram(number), datagram, number)
			received[conn]++
			arrived++
			if number%answer == 0 {
				reply := binary.LittleEndian.AppendUint32(nil, uint32(number))
				client.send(func() error { return client.writer.Send(queuednet.NewDatagram(reply), conn) })
			}
		}
		for datagram := range server.reader.Datagrams() {
			conn := datagram.Connection()
			number := answered[conn] * answer
			require.Equal(t, binary.LittleEndian.AppendUint32(nil, uint32(number)), datagram.Message())
			answered[conn]++
			roundTrips = append(roundTrips, time.Since(sent[number]))
		}
		sending := time.Since(start) < run
		if sending {
			datagram := queuednet.NewDatagram(state.datagram(len(sent)))
			server.send(func() error { return server.writer.Broadcast(datagram, slices.Values(accepted)) })
			sent = append(sent, time.Now())
		}
		growth.look()
		client.requireNoEnds()
		server.requireNoEnds()
		answers := (len(sent) + answer - 1) / answer
		return !sending && arrived == clients*len(sent) && len(roundTrips) == clients*answers
	})
	took := time.Since(start)
	heap := growth.assertBounded(clients, config)
	client.assertSendsDidNotWait()
	server.assertSendsDidNotWait()
	requireBad(t, n)
	for _, conn := range dialled {
		require.Equal(t, len(sent), received[conn])
	}
	record(t, row{
		suite: "broadcast at 60 Hz to 16, 8 to 197 bytes", network: n, took: took,
		up: len(roundTrips), down: arrived, roundTrips: roundTrips, client: client, server: server, heap: heap,
	})
	require.NoError(t, client.manager.Close())
	require.NoError(t, server.manager.Close())
}
