package queuednet

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/queuednet/queuednet/internal/deepfuzz"
)

// fuzzPackets cuts fuzzed bytes into packets: a byte is the length of the one
// that follows it, 255 is for all that is left.
func fuzzPackets(b []byte) (packets [][]byte) {
	for len(b) > 0 {
		n := min(int(b[0]), len(b)-1)
		if b[0] == 255 {
			n = len(b) - 1
		}
		packets = append(packets, b[1:1+n])
		b = b[1+n:]
	}
	return packets
}

var fuzzUDPPackets = deepfuzz.Target{
	Name:  "FuzzUDPPackets",
	Check: checkUDPPackets,
}

func FuzzUDPPackets(f *testing.F) { fuzzUDPPackets.Fuzz(f) }

// checkUDPPackets feeds hostile packets to a connection, some in raw mode, and
// compares what is queued with a plain reading of the format.
func checkUDPPackets(t *testing.T, rawEvery uint8, limit int8, b []byte) {
	m := NewQueuedConnectionManager(&Config{MaxReceiveQueue: 2000})
	r := NewQueuedConnectionReader(m)
	p := new(packets) // without goroutines
	p.Connection = Connection{manager: m, packets: p}
	conn := &p.Connection
	deepfuzz.NoError(t, r.AddConnection(conn), "adding")
	from := NetAddressFrom(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, 2, 3}), 4))
	r.SetMaxQueueSize(int(limit))
	want, broken := deliverPackets(t, p, r, from, int(rawEvery), b)
	full := conn.UDPDrops().Full
	deepfuzz.Equal(t, broken, conn.UDPDrops().Broken, "broken packets")
	deepfuzz.AtMost(t, full, uint64(len(want)), "dropped packets")
	deepfuzz.AtMost(t, queuedBytes(conn), max(2000+spanSize, int64(udpHeader+maxPacket)+spanSize), "queued bytes")
	if limit >= 0 {
		deepfuzz.AtMost(t, r.CurrentQueueSize(), int(limit), "queued datagrams")
	}

	requireDelivered(t, r, conn, from, want)
}

// deliverPackets delivers what b divides into, and returns the payloads that are to
// come and how many packets are broken.
func deliverPackets(t *testing.T, p *packets, r *QueuedConnectionReader, from NetAddress, rawEvery int, b []byte) (want []string, broken uint64) {
	room := make([]byte, udpHeader+min(len(b), maxPacket))
	for i, packet := range fuzzPackets(b) {
		raw := rawEvery > 0 && i%rawEvery == 0
		n := copy(room[udpHeader:], packet)
		packet = packet[:n]
		r.SetRawMode(raw)
		deepfuzz.True(t, p.deliver(room[:udpHeader+n], from, netip.Addr{}, 1), "open")
		switch {
		case raw && n > 0:
			want = append(want, string(packet))
		case raw:
		case n < 2 || slowSum(packet[2:]) != binary.LittleEndian.Uint16(packet):
			broken++
		default:
			want = append(want, string(packet[2:]))
		}
	}
	return want, broken
}

// requireDelivered drains what was delivered, in order, but for what a bound has
// dropped.
func requireDelivered(t *testing.T, r *QueuedConnectionReader, conn *Connection, from NetAddress, want []string) {
	size := r.CurrentQueueSize()
	dropped := len(want) - size
	deepfuzz.Equal(t, dropped > 0, r.OverflowFlag(), "OverflowFlag")
	for datagram := range r.Datagrams() {
		deepfuzz.Equal(t, from, datagram.Address(), "address")
		deepfuzz.True(t, conn == datagram.Connection(), "its connection")
		for want[0] != string(datagram.Message()) {
			want = want[1:]
			dropped--
			deepfuzz.True(t, dropped >= 0, "no more is missing than was dropped")
		}
		want = want[1:]
		size--
	}
	deepfuzz.Equal(t, 0, size, "datagrams that did not come")
	deepfuzz.Equal(t, 0, queuedBytes(conn), "queued bytes")
	deepfuzz.NoError(t, conn.Err(), "the connection")
}

var fuzzUDPSum = deepfuzz.Target{
	Name:  "FuzzUDPSum",
	Check: checkUDPSum,
}

func FuzzUDPSum(f *testing.F) { fuzzUDPSum.Fuzz(f) }

// checkUDPSum compares the sum with a slow one.
func checkUDPSum(t *testing.T, b []byte, times uint16) {
	if len(b) > 0 { // long ones as well: the fuzzer makes none
		const enough = 4099 // more than udpSum adds up in one go
		long := bytes.Repeat(b, enough/len(b)+1)[:int(times)%enough]
		deepfuzz.Equal(t, slowSum(long), udpSum(long), "sum of many")
	}
	deepfuzz.Equal(t, slowSum(b), udpSum(b), "sum")
}

func slowSum(b []byte) (sum uint16) {
	for _, x := range b {
		sum += uint16(x)
	}
	return sum
}
