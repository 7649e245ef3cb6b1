package panda3d

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// start starts a server, or skips.
func start(t *testing.T, mode, work string, args ...string) *Server {
	if !Available() {
		t.Skip("Panda3D is not installed; see interop/README.md")
	}
	server, err := Start(mode, work, args...)
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	return server
}

func modes(t *testing.T, test func(t *testing.T, mode string)) {
	for _, mode := range []string{"polled", "threaded"} {
		t.Run(mode, func(t *testing.T) { test(t, mode) })
	}
}

// dial connects so many clients.
func dial(t *testing.T, server *Server, n int) []net.Conn {
	conns := make([]net.Conn, n)
	for i := range conns {
		conn, err := net.Dial("tcp", server.Addr())
		require.NoError(t, err)
		require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
		t.Cleanup(func() { conn.Close() })
		conns[i] = conn
	}
	return conns
}

// datagram returns one of 16 bytes at most, with its length.
func datagram(sender, number uint64, size int) []byte {
	b := binary.LittleEndian.AppendUint16(nil, uint16(size))
	b = binary.LittleEndian.AppendUint64(b, sender<<40|number)
	b = binary.LittleEndian.AppendUint64(b, uint64(time.Now().UnixNano()))
	return b[:2+size]
}

// receive reads a datagram.
func receive(t *testing.T, conn net.Conn) []byte {
	header := make([]byte, 2)
	_, err := io.ReadFull(conn, header)
	require.NoError(t, err)
	payload := make([]byte, binary.LittleEndian.Uint16(header))
	_, err = io.ReadFull(conn, payload)
	require.NoError(t, err)
	return payload
}

// await adds statistics up until a condition holds.
func await(t *testing.T, server *Server, done func(map[string]float64) bool) map[string]float64 {
	sum := make(map[string]float64)
	for deadline := time.Now().Add(20 * time.Second); !done(sum); {
		require.True(t, time.Now().Before(deadline), "%v", sum)
		stats, err := server.Stats()
		require.NoError(t, err)
		for name, value := range stats {
			sum[name] += value
		}
	}
	return sum
}

func TestDrain(t *testing.T) {
	modes(t, func(t *testing.T, mode string) {
		const senders, number = 3, 5000
		server := start(t, mode, "drain")
		for i, conn := range dial(t, server, senders) {
			var b []byte
			for n := range number {
				b = append(b, datagram(uint64(i), uint64(n), 16)...)
			}
			_, err := conn.Write(b)
			require.NoError(t, err)
		}
		stats := await(t, server, func(stats map[string]float64) bool { return stats["datagrams"] >= senders*number })
		require.EqualValues(t, senders*number, stats["datagrams"])
		require.EqualValues(t, senders, stats["accepted"])
		require.Zero(t, stats["misplaced"])
		require.Zero(t, stats["dropped"])
		require.Positive(t, stats["seconds"])
		require.Positive(t, stats["cpu_seconds"])
	})
}

func TestMisplacedIsCounted(t *testing.T) {
	modes(t, func(t *testing.T, mode string) {
		server := start(t, mode, "drain")
		conn := dial(t, server, 1)[0]
		for _, n := range []uint64{0, 1, 3, 4} {
			_, err := conn.Write(datagram(7, n, 8))
			require.NoError(t, err)
		}
		stats := await(t, server, func(stats map[string]float64) bool { return stats["datagrams"] >= 4 })
		require.EqualValues(t, 1, stats["misplaced"])
	})
}

func TestFrames(t *testing.T) {
	modes(t, func(t *testing.T, mode string) {
		server := start(t, mode, "frames", "--connections=2", "--hz=100")
		for i, conn := range dial(t, server, 2) {
			_, err := conn.Write(datagram(uint64(i), 0, 16))
			require.NoError(t, err)
		}
		stats := await(t, server, func(stats map[string]float64) bool { return stats["datagrams"] >= 2 && stats["frames"] >= 10 })
		require.EqualValues(t, 2, stats["datagrams"])
		require.Positive(t, stats["frame_ms"])
		require.Positive(t, stats["late_p99_ms"])
	})
}

func TestEcho(t *testing.T) {
	modes(t, func(t *testing.T, mode string) {
		server := start(t, mode, "echo")
		conn := dial(t, server, 1)[0]
		for n := range uint64(20) {
			sent := datagram(0, n, 16)
			_, err := conn.Write(sent)
			require.NoError(t, err)
			require.Equal(t, sent[2:], receive(t, conn))
		}
	})
}

func TestBroadcast(t *testing.T) {
	modes(t, func(t *testing.T, mode string) {
		server := start(t, mode, "broadcast", "--connections=3", "--hz=200", "--size=64")
		conns := dial(t, server, 3)
		for n := range uint64(10) {
			for _, conn := range conns {
				payload := receive(t, conn)
				require.Len(t, payload, 64)
				require.Equal(t, n, binary.LittleEndian.Uint64(payload))
				sent := time.Unix(0, int64(binary.LittleEndian.Uint64(payload[8:])))
				require.WithinDuration(t, time.Now(), sent, 20*time.Second)
				for i := 16; i < 64; i++ {
					require.Equal(t, byte(i*7), payload[i])
				}
			}
		}
		stats := await(t, server, func(stats map[string]float64) bool { return stats["frames"] >= 10 })
		require.GreaterOrEqual(t, stats["sent"], 30.0)
		require.Positive(t, stats["frame_ms"])
	})
}

func TestSnapshot(t *testing.T) {
	modes(t, func(t *testing.T, mode string) {
		server := start(t, mode, "snapshot", "--connections=2")
		conns := dial(t, server, 2)
		for i, conn := range conns {
			_, err := conn.Write(bytes.Join([][]byte{datagram(uint64(i), 0, 8), datagram(uint64(i), 1, 8)}, nil))
			require.NoError(t, err)
		}
		for n := range uint64(3) {
			for _, conn := range conns {
				payload := receive(t, conn)
				require.Len(t, payload, 1200)
				require.Equal(t, n, binary.LittleEndian.Uint64(payload))
			}
		}
		stats := await(t, server, func(stats map[string]float64) bool { return stats["datagrams"] >= 4 })
		require.EqualValues(t, 4, stats["datagrams"])
		require.Zero(t, stats["misplaced"])
	})
}

func TestTooManyConnectionsAreRefused(t *testing.T) {
	start(t, "polled", "drain") // or skip
	_, err := Start("polled", "frames", fmt.Sprintf("--connections=%d", MostConnections+1))
	require.ErrorContains(t, err, "dies over 1,024 descriptors")
}

func TestStatsOfAServerThatHasEnded(t *testing.T) {
	server := start(t, "polled", "drain")
	server.Stop()
	_, err := server.Stats()
	require.Error(t, err)
}
