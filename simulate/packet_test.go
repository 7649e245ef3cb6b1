package simulate_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queuednet/queuednet/simulate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// packets runs count packets, 10 ms apart, over a network with these settings
// and returns what arrived and when.
func packets(t *testing.T, seed uint64, count int, set func(*simulate.Network)) (received []string) {
	synctest.Test(t, func(t *testing.T) {
		network := simulate.NewNetwork(seed)
		set(network)
		p := newPacketPipe(t)
		log := logPackets(t, network.PacketConn(p))
		for i := range count {
			p.in <- fmt.Sprint(i)
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		received = log.take()
	})
	return received
}

// payloads drops the times.
func payloads(received []string) (texts []string) {
	for _, line := range received {
		_, text, _ := strings.Cut(line, " ")
		texts = append(texts, text)
	}
	return texts
}

func TestPacketsAsTheyAre(t *testing.T) {
	got := packets(t, 1, 3, func(*simulate.Network) {})
	assert.Equal(t, []string{"0s 0", "10ms 1", "20ms 2"}, got)
	got = packets(t, 1, 3, func(n *simulate.Network) { n.StartDelay(time.Second, time.Second) })
	assert.Equal(t, []string{"1s 0", "1.01s 1", "1.02s 2"}, got)
}

func TestPacketLoss(t *testing.T) {
	assert.Empty(t, packets(t, 1, 100, func(n *simulate.Network) { n.SetLoss(1) }))
	assert.Len(t, packets(t, 1, 100, func(n *simulate.Network) { n.SetLoss(0) }), 100)
	some := packets(t, 1, 1000, func(n *simulate.Network) { n.SetLoss(0.25) })
	assert.InDelta(t, 750, len(some), 50)
	assert.IsIncreasing(t, numbers(t, some), "in order, but for those lost")
}

func numbers(t *testing.T, received []string) (numbers []int) {
	for _, text := range payloads(received) {
		var number int
		_, err := fmt.Sscan(text, &number)
		require.NoError(t, err)
		numbers = append(numbers, number)
	}
	return numbers
}

func TestPacketDuplication(t *testing.T) {
	got := packets(t, 1, 2, func(n *simulate.Network) { n.SetDuplication(1) })
	assert.Equal(t, []string{"0s 0", "0s 0", "10ms 1", "10ms 1"}, got)
	got = packets(t, 1, 1000, func(n *simulate.Network) { n.SetDuplication(0.25) })
	assert.InDelta(t, 1250, len(got), 50)
	assert.IsNonDecreasing(t, numbers(t, got))
	assert.Empty(t, packets(t, 1, 100, func(n *simulate.Network) {
		n.SetDuplication(1)
		n.SetLoss(1)
	}), "what is lost is not doubled")
}

func TestPacketReordering(t *testing.T) {
	got := packets(t, 1, 100, func(n *simulate.Network) { n.SetReordering(0.5) })
	assert.IsIncreasing(t, numbers(t, got), "without a delay there is nothing to overtake")
	got = packets(t, 1, 3, func(n *simulate.Network) {
		n.StartDelay(time.Second, time.Second)
		n.SetReordering(1)
	})
	assert.Equal(t, []string{"0s 0", "10ms 1", "20ms 2"}, got, "all overtake, in order")
	got = packets(t, 1, 1000, func(n *simulate.Network) {
		n.StartDelay(100*time.Millisecond, 100*time.Millisecond)
		n.SetReordering(0.1)
	})
	assert.Len(t, got, 1000, "none is lost")
	overtaken := 0
	seen := make(map[int]bool)
	last := -1
	for _, number := range numbers(t, got) {
		assert.False(t, seen[number])
		seen[number] = true
		if number < last {
			overtaken++
		}
		last = number
	}
	assert.InDelta(t, 100, overtaken, 30)
}

func TestPacketsSameSeedSameSequence(t *testing.T) {
	all := func(n *simulate.Network) {
		n.StartDelay(5*time.Millisecond, 80*time.Millisecond)
		n.SetLoss(0.1)
		n.SetDuplication(0.1)
		n.SetReordering(0.1)
	}
	first := packets(t, 7, 500, all)
	assert.Equal(t, first, packets(t, 7, 500, all))
	assert.NotEqual(t, first, packets(t, 8, 500, all))

	// One setting does not change what another one does.
	lost := func(got []string) map[int]bool {
		lost := make(map[int]bool)
		for i := range 500 {
			lost[i] = true
		}
		for _, number := range numbers(t, got) {
			delete(lost, number)
		}
		return lost
	}
	assert.NotEmpty(t, lost(first))
	assert.Equal(t, lost(first), lost(packets(t, 7, 500, func(n *simulate.Network) { n.SetLoss(0.1) })))
}

func TestPacketStopDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := simulate.NewNetwork(1)
		network.StartDelay(time.Hour, 2*time.Hour)
		p := newPacketPipe(t)
		log := logPackets(t, network.PacketConn(p))
		p.in <- "a"
		p.in <- "b"
		time.Sleep(time.Second)
		assert.Empty(t, log.take())
		network.StopDelay()
		assert.Equal(t, []string{"1s a", "1s b"}, log.take())
		p.in <- "c"
		assert.Equal(t, []string{"1s c"}, log.take())
	})
}

func TestPacketErrors(t *testing.T) {
	b := make([]byte, 10)
	bubble("an error passes", t, func(t *testing.T) {
		p := newPacketPipe(t)
		socket := simulate.NewNetwork(1).PacketConn(p)
		passing := errors.New("passing")
		p.in <- "a"
		p.in <- passing
		p.in <- "b"
		p.in <- io.EOF
		n, from, err := socket.ReadFrom(b)
		assert.NoError(t, err)
		assert.Equal(t, "a", string(b[:n]))
		assert.Equal(t, here, from)
		_, _, err = socket.ReadFrom(b)
		assert.Equal(t, passing, err)
		n, _, err = socket.ReadFrom(b)
		assert.NoError(t, err)
		assert.Equal(t, "b", string(b[:n]))
		for range 2 {
			_, _, err = socket.ReadFrom(b)
			assert.Equal(t, io.EOF, err, "the end stays")
		}
		assert.NoError(t, socket.Close())
	})
}

func TestPacketDeadlines(t *testing.T) {
	b := make([]byte, 10)
	bubble("deadlines", t, func(t *testing.T) {
		p := newPacketPipe(t)
		socket := simulate.NewNetwork(1).PacketConn(p)
		start := time.Now()
		require.NoError(t, socket.SetReadDeadline(start.Add(time.Second)))
		_, _, err := socket.ReadFrom(b)
		assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(start))
		assert.ErrorIs(t, socket.SetDeadline(time.Time{}), os.ErrNoDeadline, "the writing one is the socket's")
		p.in <- strings.Repeat("x", 100)
		n, _, err := socket.ReadFrom(b)
		assert.NoError(t, err)
		assert.Equal(t, 10, n, "the rest of a packet is cut off, as by any socket")
		p.in <- "next"
		n, _, err = socket.ReadFrom(b)
		assert.NoError(t, err)
		assert.Equal(t, "next", string(b[:n]))
		require.NoError(t, socket.Close())
		_, _, err = socket.ReadFrom(b)
		assert.ErrorIs(t, err, net.ErrClosed)
		assert.ErrorIs(t, socket.SetReadDeadline(time.Time{}), net.ErrClosed)
	})
}

func TestPacketsAreBounded(t *testing.T) {
	bubble("bounded, and closed while full", t, func(t *testing.T) {
		network := simulate.NewNetwork(1)
		network.StartDelay(time.Hour, time.Hour)
		p := newPacketPipe(t)
		socket := network.PacketConn(p)
		for range 20_000 {
			p.in <- "" // counts all the same
		}
		synctest.Wait()
		assert.Greater(t, len(p.in), 20_000-1<<20/128-2, "they wait in the system")
		assert.Less(t, len(p.in), 20_000)
		require.NoError(t, socket.Close())
	})
}
