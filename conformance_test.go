package queuednet

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// A row is one line of the table of what Panda3D does: its number there, a few
// words, and a test that asserts what the line says, or, where Panda3D has a
// defect, what it should have done.
type row struct {
	number int
	name   string
	test   func(t *testing.T)
}

// conformanceRows returns the rows of all the files conformance_*_test.go.
func conformanceRows() []row {
	return slices.Concat(
		framingRows, connectionRows, listenerRows, clientRows, collectRows, writerRows,
		datagramRows, addressRows, udpRows, rawRows, queueRows, interfaceRows,
	)
}

// elsewhere are the rows that TestConformance of other packages has:
// datagramfile the files, buffers, generators and sinks, simulate the delay.
var elsewhere = []int{132, 133, 134, 135, 136, 137, 138, 139, 140, 141, 143, 144, 145, 147}

func TestConformance(t *testing.T) {
	rows := slices.SortedFunc(slices.Values(conformanceRows()), func(a, b row) int {
		return cmp.Compare(a.number, b.number)
	})
	for i, r := range rows {
		if i > 0 {
			require.NotEqual(t, rows[i-1].number, r.number, "two rows of one number: %q and %q", rows[i-1].name, r.name)
		}
	}
	here := make(map[int]bool)
	for _, r := range rows {
		here[r.number] = true
	}
	for number := 1; number <= 148; number++ {
		require.NotEqual(t, here[number], slices.Contains(elsewhere, number), "row %d", number)
	}
	for _, r := range rows {
		t.Run(fmt.Sprintf("row_%03d_%s", r.number, r.name), r.test)
	}
}
