package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Every server tells everybody of every move. The figures are not looked at, but that there
// are any.
func TestEveryServer(t *testing.T) {
	b, err := newBench()
	require.NoError(t, err)
	defer os.RemoveAll(b.dir)
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			if k.most == mostPanda && b.python == "" {
				t.Skip("Panda3D is not installed")
			}
			r, err := b.run(run{k, 2 * zoneSize}, options{seconds: time.Second})
			require.NoError(t, err)
			require.Zero(t, r.lost)
			require.Positive(t, r.updates)
			require.Positive(t, r.p99)
		})
	}
}

func TestTable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "RESULTS.md")
	err := measure(options{seconds: 200 * time.Millisecond, repeat: 1, out: path, steps: []int{zoneSize}}, kinds[3:4])
	require.NoError(t, err)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(text), "| pandaserver, 16 ms | 20 | ")
	require.Contains(t, string(text), "**pandaserver, 16 ms** carries 20 clients")
}

func TestQuantile(t *testing.T) {
	var h histogram
	require.Zero(t, h.quantile(0.5))
	for i := range 100 {
		h.add(time.Duration(i) * time.Millisecond)
	}
	require.InDelta(t, 50, h.quantile(0.5).Seconds()*1000, 0.2)
	require.InDelta(t, 99, h.quantile(0.99).Seconds()*1000, 0.2)
	h.add(time.Hour)
	require.InDelta(t, 10_000, h.quantile(1-1e-9).Seconds()*1000, 1)
}
