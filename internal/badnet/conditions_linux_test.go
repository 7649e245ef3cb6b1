package badnet

import (
	"encoding/binary"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// badSockets returns plain sockets at the ends of a bad network: the tests of the network
// itself, upon which the others rest, use them.
func badSockets(t *testing.T) (n *network, client, server net.PacketConn) {
	n = newNetwork(t, bad)
	return n, udpSocket(t, n.client), udpSocket(t, n.server)
}

// rest is after how long without a packet none comes any more, on a busy machine too.
const rest = 2 * time.Second

func TestDelayJitterOrderAndLoss(t *testing.T) {
	_, client, server := badSockets(t)
	start := time.Now()
	const packets = 1000
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for i := range packets {
			b := binary.LittleEndian.AppendUint32(nil, uint32(i))
			b = binary.LittleEndian.AppendUint64(b, uint64(time.Since(start)))
			client.WriteTo(b, server.LocalAddr())
			if i%2 == 0 { // the device holds some hundreds while nobody forwards
				time.Sleep(time.Millisecond)
			}
		}
	}()
	var arrived, overtaken, last int
	var delays []time.Duration
	for b := make([]byte, 100); ; {
		server.SetReadDeadline(time.Now().Add(rest))
		if _, _, err := server.ReadFrom(b); err != nil {
			break
		}
		arrived++
		number := int(binary.LittleEndian.Uint32(b))
		if number < last {
			overtaken++
		}
		last = number
		delays = append(delays, time.Since(start)-time.Duration(binary.LittleEndian.Uint64(b[4:])))
	}
	<-sent
	fastest, median := percentile(delays, 0), percentile(delays, 0.5)
	t.Logf("%d of %d arrived, %d overtaken, after %v, %v in the median", arrived, packets, overtaken, fastest, median)
	// The binomial distribution is outside once in ten million runs.
	assert.Greater(t, packets-arrived, 0)
	assert.Less(t, packets-arrived, 50)
	assert.GreaterOrEqual(t, fastest, bad.delay)
	assert.Less(t, fastest, bad.delay+bad.jitter)
	assert.Greater(t, median, bad.delay+bad.jitter/4)
	assert.Greater(t, overtaken, packets/10)
}

func TestRateAndQueue(t *testing.T) {
	_, client, server := badSockets(t)
	const packets, size, header = 1000, 1000, 28
	begin := time.Now()
	for range packets {
		client.WriteTo(make([]byte, size), server.LocalAddr())
	}
	arrived := 0
	last := begin
	for b := make([]byte, size); ; arrived++ {
		server.SetReadDeadline(time.Now().Add(rest))
		if _, _, err := server.ReadFrom(b); err != nil {
			break
		}
		last = time.Now()
	}
	took := last.Sub(begin)
	t.Logf("%d of %d arrived within %v", arrived, packets, took)
	assert.Greater(t, arrived, bad.queue/(size+header)*9/10)
	assert.Less(t, arrived, packets*3/4, "the queue is finite")
	line := time.Duration(arrived*(size+header)*8) * time.Second / time.Duration(bad.rate)
	assert.GreaterOrEqual(t, took, line+bad.delay, "the line is no faster")
}

func TestSilence(t *testing.T) {
	n, client, server := badSockets(t)
	n.silent.Store(true)
	client.WriteTo([]byte("lost"), server.LocalAddr())
	server.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	_, _, err := server.ReadFrom(make([]byte, 100))
	assert.Error(t, err)
	assert.NotZero(t, n.up.silenced.Load())
}

// udpSocket opens a socket of a host that is closed with the test.
func udpSocket(t *testing.T, h *host) (socket *net.UDPConn) {
	t.Helper()
	require.NoError(t, h.run(func() (err error) {
		socket, err = net.ListenUDP("udp4", &net.UDPAddr{IP: h.address.AsSlice()})
		return err
	}))
	t.Cleanup(func() { socket.Close() })
	return socket
}
