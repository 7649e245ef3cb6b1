package queuednet

import (
	"fmt"
	"net"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A udpBench is a receiving and a sending connection, and a plain socket.
type udpBench struct {
	*end
	to   *Connection
	from *Connection
	raw  *net.UDPConn
}

func newUDPBench(t testing.TB) *udpBench {
	e := newEnd(t, nil)
	from, err := e.manager.OpenUDPConnectionAt(mustAddress(t, "127.0.0.1:0"))
	require.NoError(t, err)
	b := &udpBench{end: e, to: e.udp("127.0.0.1:0"), from: from, raw: rawUDP(t, "127.0.0.1:0")}
	require.NoError(t, b.raw.SetDeadline(time.Time{}))
	return b
}

// receive drains until n datagrams have come.
func (b *udpBench) receive(n int) {
	for n > 0 {
		if !b.reader.DataAvailable() {
			runtime.Gosched()
		}
		for range b.reader.Datagrams() {
			n--
		}
	}
}

// isRace reports whether the race detector is on, with which sync.Pool forgets
// at random, so that nothing is free of allocations.
func isRace() bool {
	info, _ := debug.ReadBuildInfo()
	for _, setting := range info.Settings {
		if setting.Key == "-race" {
			return setting.Value == "true"
		}
	}
	return false
}

func TestUDPAllocatesNothing(t *testing.T) {
	if isRace() {
		t.Skip("with the race detector everything allocates")
	}
	b := newUDPBench(t)
	datagram := NewDatagram(make([]byte, 100))
	packet := []byte(packed(string(make([]byte, 100))))
	to, back := b.to.LocalAddress().AddrPort(), netAddressOf(b.raw.LocalAddr())
	room := make([]byte, 200)

	const packets = 8 // what the system's buffer holds for sure
	received := testing.AllocsPerRun(200, func() {
		for range packets {
			b.raw.WriteToUDPAddrPort(packet, to)
		}
		b.receive(packets)
	})
	sent := testing.AllocsPerRun(200, func() {
		for range packets {
			if err := b.writer.SendTo(datagram, b.from, back); err != nil {
				t.Fatal(err)
			}
		}
		for range packets {
			b.raw.ReadFromUDPAddrPort(room)
		}
	})
	// A garbage collection may empty the pools, once or twice.
	assert.Less(t, received, 1.0, "for %d packets received", packets)
	assert.Less(t, sent, 1.0, "for %d packets sent", packets)
}

func BenchmarkUDPReceive(b *testing.B) {
	for _, size := range []int{32, 1400} {
		b.Run(fmt.Sprintf("%d bytes", size), func(b *testing.B) {
			bench := newUDPBench(b)
			packet := []byte(packed(string(make([]byte, size))))
			to := bench.to.LocalAddress().AddrPort()
			b.ReportAllocs()
			const burst = 32
			for i := 0; b.Loop(); i++ {
				bench.raw.WriteToUDPAddrPort(packet, to)
				if i%burst == burst-1 {
					bench.receive(burst)
				}
			}
		})
	}
}

func BenchmarkUDPSend(b *testing.B) {
	for _, size := range []int{32, 1400} {
		b.Run(fmt.Sprintf("%d bytes", size), func(b *testing.B) {
			bench := newUDPBench(b)
			datagram := NewDatagram(make([]byte, size))
			to := netAddressOf(bench.raw.LocalAddr())
			b.ReportAllocs()
			for b.Loop() {
				for bench.writer.SendTo(datagram, bench.from, to) != nil { // the queue is full
					runtime.Gosched()
				}
			}
			eventually(b, "empty queue", func() bool { return sentAll(bench.from) })
		})
	}
}

// Time in the loop to send 100 bytes to each of 1,000 players.
func BenchmarkUDPSend1000(b *testing.B) {
	bench := newUDPBench(b)
	datagram := NewDatagram(make([]byte, 100))
	to := netAddressOf(bench.raw.LocalAddr())
	b.ReportAllocs()
	for range b.N {
		for range 1000 {
			if err := bench.writer.SendTo(datagram, bench.from, to); err != nil {
				b.Fatal(err)
			}
		}
		b.StopTimer()
		eventually(b, "empty queue", func() bool { return sentAll(bench.from) })
		b.StartTimer()
	}
}
