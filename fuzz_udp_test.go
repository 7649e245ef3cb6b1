package queuednet

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
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

// FuzzUDPPackets feeds hostile packets to a connection, some in raw mode, and
// compares what is queued with a plain reading of the format.
func FuzzUDPPackets(f *testing.F) {
	e := newEnd(f, &Config{MaxReceiveQueue: 2000})
	pipe, _ := newPacketPipe() // nothing arrives by it
	conn := e.adoptUDP(pipe)
	from := mustAddress(f, "10.1.2.3:4")
	f.Fuzz(func(t *testing.T, rawEvery uint8, limit int8, b []byte) {
		e.reader.SetMaxQueueSize(int(limit))
		e.reader.ResetOverflowFlag()
		before := conn.UDPDrops()
		var (
			want   []string
			broken uint64
		)
		room := make([]byte, udpHeader+1<<16)
		packets := fuzzPackets(b)
		for i, packet := range packets {
			raw := rawEvery > 0 && i%int(rawEvery) == 0
			n := copy(room[udpHeader:udpHeader+maxPacket], packet)
			packet = packet[:n]
			e.reader.SetRawMode(raw)
			require.True(t, conn.deliverPacket(room[:udpHeader+n], from))
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
		full := conn.UDPDrops().Full - before.Full
		require.Equal(t, broken, conn.UDPDrops().Broken-before.Broken)
		require.LessOrEqual(t, full, uint64(len(want)))
		require.LessOrEqual(t, queuedBytes(conn), max(2000+runSize, int64(udpHeader+maxPacket)+runSize))
		if limit >= 0 {
			require.LessOrEqual(t, e.reader.CurrentQueueSize(), int(limit))
		}

		// What has been queued is what was delivered, in order, but for what a
		// bound has dropped.
		size := e.reader.CurrentQueueSize()
		dropped := len(want) - size
		require.Equal(t, dropped > 0, e.reader.OverflowFlag())
		for datagram := range e.reader.Datagrams() {
			require.Equal(t, from, datagram.Address())
			require.Same(t, conn, datagram.Connection())
			for want[0] != string(datagram.Message()) {
				want = want[1:]
				dropped--
				require.GreaterOrEqual(t, dropped, 0)
			}
			want = want[1:]
			size--
		}
		require.Zero(t, size)
		require.Zero(t, queuedBytes(conn))
		require.NoError(t, conn.Err())
	})
}

// FuzzUDPSum compares the sum with a slow one.
func FuzzUDPSum(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte, times uint16) {
		if len(b) > 0 { // long ones as well: the fuzzer makes none
			long := make([]byte, int(times))
			for i := range long {
				long[i] = b[i%len(b)]
			}
			require.Equal(t, slowSum(long), udpSum(long))
		}
		require.Equal(t, slowSum(b), udpSum(b))
	})
}

func slowSum(b []byte) (sum uint16) {
	for _, x := range b {
		sum += uint16(x)
	}
	return sum
}
