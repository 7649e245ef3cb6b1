package report

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Each target in turn, with figures on both sides of it. peer is the one that
// decides; the others are far behind.
func TestTargets(t *testing.T) {
	for _, test := range []struct {
		work, name, metric, words string
		unit, better              string
		peer                      string
		theirs, met, missed       float64
	}{
		{"a", "16 B", TakenByLoop, "at least 1.5 × gnet", "M/s", More, Gnet, 10, 15, 14.9},
		{"a", "512 B", TakenByLoop, "within 20 % of a bare read loop", "M/s", More, Bare, 10, 8, 7.9},
		{"b", "", TakenByLoop, "at least gnet", "M/s", More, Gnet, 10, 10, 9.9},
		{"c", "", LibraryTime, "at most 0.2 ms", "ms", Less, Gnet, 0.1, 0.2, 0.21},
		{"c", "", LibraryTime, "at most 0.2 ms", "µs", Less, Gnet, 100, 200, 210},
		{"d", "64 B", LoopTime, "at most 0.12 ms", "ms", Less, Gnet, 10, 0.12, 0.13},
		{"d", "1 KiB", LoopTime, "at most half of any peer", "ms", Less, Batched, 1, 0.5, 0.51},
		{"d", "64 B", CPU, "not above gnet", "%", Less, Gnet, 50, 50, 51},
		{"e", "", MedianTime, "no worse than plain Go", "µs", Less, Plain, 20, 20, 21},
		{"f", "", FreshMemory, "at most 4.0 KB", "B", Less, Gnet, 100, 4000, 4001},
		{"f", "", UsedMemory, "at most 4.4 KB", "B", Less, Gnet, 100, 4400, 4401},
		{"f", "", FreshMemory, "to try: 1 KB", "B", Less, Gnet, 100, 1000, 1001},
		{"f", "", IdlePoll, "at most 5 ns", "ns", Less, Gnet, 1, 5, 5.1},
		{"g", "", CPU, "at most 5 % of a core", "%", Less, Gnet, 1, 5, 5.1},
		{"h", "", CPU, "the lowest of all", "%", Less, PandaThreaded, 20, 20, 21},
		{"i", "", Accepted, "at least plain Go", "1/s", More, Plain, 1000, 1000, 999},
		{"j", "encode", Allocations, "none", "allocs", Less, HandWritten, 0, 0, 1},
		{"j", "encode", Time, "within 1.3 × hand-written", "ns", Less, HandWritten, 10, 13, 13.1},
	} {
		far := 1e9
		if test.better == More {
			far = 1e-9
		}
		for value, want := range map[float64]string{test.met: "yes", test.missed: "no"} {
			all := rows([]Result{
				result(test.work, test.name, Queuednet, test.metric, test.unit, test.better, value),
				result(test.work, test.name, test.peer, test.metric, test.unit, test.better, test.theirs),
				result(test.work, test.name, Nbio, test.metric, test.unit, test.better, far),
			})
			require.Equal(t, want, met(all, test.work, test.name, test.words), "%+v: %v", test, value)
		}
	}
}

// met returns what the table of targets says of one.
func met(all []*row, work, name, words string) string {
	for _, line := range targetTable(all).cells {
		if line[0] == "("+work+")" && line[1] == name && line[3] == words {
			return line[len(line)-1]
		}
	}
	return "no such target"
}

func TestTargetIsNotMeasured(t *testing.T) {
	for _, line := range targetTable(nil).cells {
		require.Equal(t, notMeasured, line[len(line)-1])
	}
	require.Len(t, targetTable(nil).cells, len(targets))

	// A peer that lost something decides nothing.
	fault := result("b", "", Gnet, TakenByLoop, "M/s", More, 1)
	fault.Fault = "lost 1"
	all := rows([]Result{result("b", "", Queuednet, TakenByLoop, "M/s", More, 12), fault})
	require.Equal(t, notMeasured, met(all, "b", "", "at least gnet"))

	// Nor does a run of the scale table, nor the bare loop among the peers.
	scaled := result("c", "", Queuednet, LibraryTime, "ms", Less, 0.1)
	scaled.Scale = 1000
	require.Equal(t, notMeasured, met(rows([]Result{scaled}), "c", "", "at most 0.2 ms"))
	all = rows([]Result{
		result("h", "", Queuednet, CPU, "%", Less, 12),
		result("h", "", Bare, CPU, "%", Less, 1),
	})
	require.Equal(t, notMeasured, met(all, "h", "", "the lowest of all"))
}
