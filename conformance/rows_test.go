package conformance_test

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
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

// conformanceRows returns the rows of all the files rows_*_test.go.
func conformanceRows() []row {
	return slices.Concat(
		framingRows, connectionRows, listenerRows, clientRows, collectRows, writerRows,
		datagramRows, addressRows, udpRows, rawRows, queueRows, interfaceRows,
	)
}

func (r row) title() string { return fmt.Sprintf("row_%03d_%s", r.number, r.name) }

func TestConformance(t *testing.T) {
	rows := slices.SortedFunc(slices.Values(conformanceRows()), func(a, b row) int {
		return cmp.Compare(a.number, b.number)
	})
	for _, r := range rows {
		t.Run(r.title(), r.test)
	}
}

// elsewhere are the packages whose TestConformance has some of the rows:
// datagramfile the files, buffers, generators and sinks, simulate the delay.
var elsewhere = map[string]string{
	"datagramfile": "../datagramfile/conformance_test.go",
	"simulate":     "../simulate/queuednet_test.go",
}

// TABLE.md has each row once, in order, with the test that there is for it, and there
// is no other test.
func TestTableHasTheRows(t *testing.T) {
	tests := make(map[string]bool)
	add := func(name string) {
		require.NotContains(t, tests, name, "two tests of one row")
		tests[name] = true
	}
	for _, r := range conformanceRows() {
		add(r.title())
	}
	for folder, file := range elsewhere {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, found := range regexp.MustCompile(`t\.Run\("(row_\d{3}_\w+)"`).FindAllSubmatch(source, -1) {
			add(folder + " " + string(found[1]))
		}
	}
	table, err := os.ReadFile("TABLE.md")
	require.NoError(t, err)
	rows := regexp.MustCompile(`(?m)^\| (\d+) \|.*\| ([^|]+) \|$`).FindAllStringSubmatch(string(table), -1)
	require.Len(t, rows, 148)
	for i, found := range rows {
		number, name := found[1], found[2]
		require.Equal(t, strconv.Itoa(i+1), number)
		require.Contains(t, name, fmt.Sprintf("row_%03d_", i+1))
		require.Contains(t, tests, name, "row %s names a test that there is not", number)
		delete(tests, name)
	}
	require.Empty(t, tests, "tests without a row")
}
