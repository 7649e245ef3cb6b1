package queuednet

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

const idleConnections = 10_000

// Resident memory of an idle connection, with the clients in another process:
// fresh, and after each has sent and received some datagrams.
func BenchmarkIdleMemory(b *testing.B) {
	for b.Loop() {
		e := newEnd(b, nil)
		_, address := e.listen()
		before := resident(b)
		clients := exec.Command(os.Args[0], "-test.run=^TestIdleClients$")
		clients.Env = append(os.Environ(), "QUEUEDNET_IDLE_CLIENTS="+address)
		steps, err := clients.StdinPipe()
		require.NoError(b, err)
		require.NoError(b, clients.Start())

		conns := make([]*Connection, 0, idleConnections)
		for len(conns) < idleConnections {
			conns = append(conns, e.accept())
		}
		b.ReportMetric(float64(resident(b)-before)/idleConnections, "B/fresh")
		_, err = steps.Write([]byte{1})
		require.NoError(b, err)
		for range 3 * idleConnections {
			datagram := e.next()
			require.NoError(b, e.writer.Send(&datagram.Datagram, datagram.Connection()))
		}
		b.ReportMetric(float64(resident(b)-before)/idleConnections, "B/used")
		require.NoError(b, steps.Close())
		require.NoError(b, clients.Wait())
		require.NoError(b, e.manager.Close())
	}
}

// TestIdleClients is the other process of BenchmarkIdleMemory.
func TestIdleClients(t *testing.T) {
	address := os.Getenv("QUEUEDNET_IDLE_CLIENTS")
	if address == "" {
		t.Skip("the other process of BenchmarkIdleMemory")
	}
	raws := make([]net.Conn, idleConnections)
	for i := range raws {
		raw, err := net.Dial("tcp", address)
		require.NoError(t, err)
		raws[i] = raw
	}
	_, err := os.Stdin.Read(make([]byte, 1))
	require.NoError(t, err)
	echo := frames(1, 64)
	for range 3 {
		for _, raw := range raws {
			_, err := raw.Write(echo)
			require.NoError(t, err)
			read(t, raw, len(echo))
		}
	}
	io.Copy(io.Discard, os.Stdin)
}

// resident returns the resident memory of this process, with no garbage in it.
func resident(b *testing.B) int {
	debug.FreeOSMemory()
	debug.FreeOSMemory() // what pools hold goes with the second
	status, err := os.ReadFile("/proc/self/status")
	require.NoError(b, err)
	_, rest, found := bytes.Cut(status, []byte("VmRSS:"))
	require.True(b, found)
	var kb int
	_, err = fmt.Sscan(string(rest), &kb)
	require.NoError(b, err)
	return kb << 10
}
