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

const echoWindow = 256 << 10 // bytes under way at most: what TCP delivers is not constant

// An echoing is what testEcho has sent and received.
type echoing struct {
	t              *testing.T
	client, server *end
	there, back    sequence
	sent           []time.Time // when the client sent each
	echoed         int         // by the server
	roundTrips     []time.Duration
	underWay, most int
}

// echo sends back what the server has received.
func (e *echoing) echo(accepted *queuednet.Connection) {
	for datagram := range e.server.reader.Datagrams() {
		requireSame(e.t, e.back.datagram(e.echoed), datagram, e.echoed)
		e.echoed++
		e.server.send(func() error { return e.server.writer.Send(&datagram.Datagram, accepted) })
	}
}

// take takes what came back.
func (e *echoing) take() {
	for datagram := range e.client.reader.Datagrams() {
		requireSame(e.t, e.back.datagram(len(e.roundTrips)), datagram, len(e.roundTrips))
		e.roundTrips = append(e.roundTrips, time.Since(e.sent[len(e.roundTrips)]))
		e.underWay -= datagram.Length()
	}
}

// send sends what the window has room for, at most two.
func (e *echoing) send(dialled *queuednet.Connection) {
	for range 2 {
		payload := e.there.datagram(len(e.sent))
		if e.underWay+len(payload) > echoWindow {
			break
		}
		e.client.send(func() error { return e.client.writer.Send(queuednet.NewDatagram(payload), dialled) })
		e.sent = append(e.sent, time.Now())
		e.underWay += len(payload)
		e.most = max(e.most, e.underWay)
	}
}

func testEcho(t *testing.T, headerSize int, there sequence) {
	config := &queuednet.Config{TCPHeaderSize: headerSize, MaxSendQueue: 2 * echoWindow, MaxReceiveQueue: 2 * echoWindow}
	n := newNetwork(t, bad)
	client, server := newEnd(t, n.client, config), newEnd(t, n.server, config)
	dialled, accepted := connect(client, server, 1)
	growth := watchGrowth(t)
	e := &echoing{t: t, client: client, server: server, there: there, back: there}

	run := shortOrLong(1500*time.Millisecond, longRun)
	start := time.Now()
	frames(t, "echo of everything", func() bool {
		e.echo(accepted[0])
		e.take()
		sending := time.Since(start) < run
		if sending {
			e.send(dialled[0])
		}
		growth.look()
		client.requireNoEnds()
		server.requireNoEnds()
		return !sending && len(e.roundTrips) == len(e.sent)
	})
	took := time.Since(start)
	heap := growth.assertBounded(1, config)
	client.assertSendsDidNotWait()
	server.assertSendsDidNotWait()
	requireBad(t, n)
	assert.Greater(t, e.most, 2*sendBuffer, "enough under way that a Send which writes must wait")
	record(t, row{
		suite: fmt.Sprintf("echo, %d-byte header, 0 to %d bytes", headerSize, there.longest), network: n, took: took,
		up: len(e.sent), down: len(e.roundTrips), roundTrips: e.roundTrips, client: client, server: server, heap: heap,
	})
	require.NoError(t, client.manager.Close())
	require.NoError(t, server.manager.Close())
}
