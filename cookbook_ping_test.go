package queuednet_test

import (
	"math"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/simulate"
)

const msgPing, msgPong = 1, 2

// A ping measures the way to the server and back, and how far the server's clock is
// ahead. Both clocks count from a start of their own: times of the day may jump.
type ping struct {
	start             time.Time
	RoundTrip, Offset time.Duration // smoothed; the server's clock is the client's + Offset
}

// send is called, say, twice a second.
func (p *ping) send(writer *queuednet.ConnectionWriter, server *queuednet.Connection) error {
	var d queuednet.Datagram
	d.AddUint8(msgPing)
	d.AddInt64(int64(time.Since(p.start)))
	return writer.Send(&d, server)
}

// answer is the server's. It tells when the ping arrived, and how long it waited for
// the frame.
func answer(writer *queuednet.ConnectionWriter, start time.Time, d *queuednet.NetDatagram, it queuednet.DatagramIterator) error {
	var pong queuednet.Datagram
	pong.AddUint8(msgPong)
	pong.AddInt64(it.GetInt64())
	pong.AddInt64(int64(d.Received().Sub(start)))
	pong.AddInt64(int64(time.Since(d.Received())))
	return writer.Send(&pong, d.Connection())
}

// pong takes the answer.
func (p *ping) pong(d *queuednet.NetDatagram, it queuednet.DatagramIterator) {
	sent, arrived, waited := time.Duration(it.GetInt64()), time.Duration(it.GetInt64()), time.Duration(it.GetInt64())
	back := d.Received().Sub(p.start)
	trip := back - sent - waited
	offset := arrived + waited/2 - (sent+back)/2
	if p.RoundTrip == 0 {
		p.RoundTrip, p.Offset = trip, offset
	}
	if trip <= p.RoundTrip { // one that was held up on the way tells little of the clock
		p.Offset += (offset - p.Offset) / 8
	}
	p.RoundTrip += (trip - p.RoundTrip) / 8
}

// 40 ms there and 40 back, jitter included, frames of 16 ms on both sides, and clocks an
// hour apart: the ping is that of the network, and the clock exact to some milliseconds.
func TestCookbookPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := simulate.NewNetwork(1)
		network.StartDelay(35*time.Millisecond, 45*time.Millisecond)
		near, far := net.Pipe()
		server, client := queuednet.NewQueuedConnectionManager(nil), queuednet.NewQueuedConnectionManager(nil)
		defer server.Close()
		defer client.Close()
		serverReader, clientReader := queuednet.NewQueuedConnectionReader(server), queuednet.NewQueuedConnectionReader(client)
		serverWriter, clientWriter := queuednet.NewConnectionWriter(server), queuednet.NewConnectionWriter(client)
		accepted, err := server.AdoptConnection(network.Conn(near))
		require.NoError(t, err)
		require.NoError(t, serverReader.AddConnection(accepted))
		conn, err := client.AdoptConnection(network.Conn(far))
		require.NoError(t, err)
		require.NoError(t, clientReader.AddConnection(conn))

		start := time.Now()
		p := ping{start: start.Add(time.Hour)}
		for frame := range 600 {
			if frame%30 == 0 {
				require.NoError(t, p.send(clientWriter, conn))
			}
			time.Sleep(16 * time.Millisecond)
			for d := range serverReader.Datagrams() {
				it := d.Iterator()
				require.EqualValues(t, msgPing, it.GetUint8())
				require.NoError(t, answer(serverWriter, start, d, it))
			}
			for d := range clientReader.Datagrams() {
				it := d.Iterator()
				require.EqualValues(t, msgPong, it.GetUint8())
				p.pong(d, it)
			}
		}
		assert.InDelta(t, 80, p.RoundTrip.Milliseconds(), 10)
		assert.InDelta(t, 0, math.Abs(float64((p.Offset - time.Hour).Milliseconds())), 5, "%v", p.Offset)
	})
}

// The text in COOKBOOK.md is the one above.
func TestCookbookPingText(t *testing.T) {
	cookbook, err := os.ReadFile("COOKBOOK.md")
	require.NoError(t, err)
	source, err := os.ReadFile("cookbook_ping_test.go")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(source), "// A ping measures")
	require.True(t, found)
	text, _, found := strings.Cut(rest, "\n// 40 ms")
	require.True(t, found)
	assert.Contains(t, string(cookbook), "```go\n// A ping measures"+text+"```")
}
