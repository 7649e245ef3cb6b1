package badnet

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/queuednet/queuednet"
)

// requireSame requires that a datagram is the one that comes next.
func requireSame(t *testing.T, expected []byte, datagram *queuednet.NetDatagram, number int) {
	t.Helper()
	if !bytes.Equal(expected, datagram.Message()) {
		require.Fail(t, "another datagram", "number %d, of %d bytes, was expected, not one of %d: %.20x instead of %.20x",
			number, len(expected), datagram.Length(), datagram.Message(), expected)
	}
}

// requireBad requires that the network has lost packets, where so many were sent
// that it cannot be chance if it did not.
func requireBad(t *testing.T, n *network) {
	t.Helper()
	if float64(n.up.sent.Load()+n.down.sent.Load())*bad.loss > 20 {
		require.NotZero(t, n.up.lost.Load()+n.down.lost.Load())
	}
}

// A row is what is known after a run of a suite. Nothing is lost and no end is
// reported in any: a test that saw one has failed.
type row struct {
	suite          string
	network        *network
	took           time.Duration
	up, down       int // datagrams that arrived
	roundTrips     []time.Duration
	client, server *end
	heap           int
}

// The lines of both tables of RESULTS.md.
var (
	resultsMu     sync.Mutex
	results, cuts []string
)

// record logs a row and keeps it for the table.
func record(t *testing.T, r row) {
	t.Helper()
	sends := append(r.client.sends, r.server.sends...)
	lost := r.network.up.lost.Load() + r.network.down.lost.Load()
	dropped := r.network.up.dropped.Load() + r.network.down.dropped.Load()
	packets := r.network.up.sent.Load() + r.network.down.sent.Load()
	line := fmt.Sprintf("| %s | %.0f s | %d of %d, %d | %d up, %d down | %v | %v | 0 | 0 | %d | %d | %v | %v | %d KiB |",
		r.suite, r.took.Seconds(), lost, packets, dropped, r.up, r.down,
		percentile(r.roundTrips, 0.5).Round(time.Millisecond), percentile(r.roundTrips, 0.99).Round(time.Millisecond),
		len(sends), r.client.waits+r.server.waits, percentile(sends, 0.999).Round(time.Microsecond), percentile(sends, 1).Round(time.Microsecond), r.heap>>10)
	keep(t, &results, line)
}

// recordCut logs an end after a cut and keeps it for the table.
func recordCut(t *testing.T, cut, connection string, limit, took time.Duration, reason error) {
	t.Helper()
	var system syscall.Errno
	errors.As(reason, &system)
	t.Log(reason)
	keep(t, &cuts, fmt.Sprintf("| %s | %s | %v | %.1f s | %v |", cut, connection, limit, took.Seconds(), system))
}

func keep(t *testing.T, table *[]string, line string) {
	t.Helper()
	t.Log(line)
	resultsMu.Lock()
	defer resultsMu.Unlock()
	*table = append(*table, line)
}

// writeResults writes RESULTS.md.
func writeResults() error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# A bad network: figures\n\n"+
		"Written by `go test -count=1 ./internal/badnet -long`, here on %s/%s with %d processors. "+
		"The network: %v. TCP with %s.\n\n",
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), bad, congestionControl)
	b.WriteString("| suite | time | packets lost, dropped by the queue | datagrams | round trip p50 | p99 | lost | ends | sends | that waited | p99.9 | longest | heap grown by at most |\n" +
		"|---|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, line := range results {
		fmt.Fprintln(&b, line)
	}
	b.WriteString("\n## The link is cut without a word\n\n" +
		"| cut | connection, end | documented | reported after | reason |\n|---|---|---|---|---|\n")
	slices.Sort(cuts)
	for _, line := range cuts {
		fmt.Fprintln(&b, line)
	}
	return os.WriteFile("RESULTS.md", b.Bytes(), 0o644)
}
