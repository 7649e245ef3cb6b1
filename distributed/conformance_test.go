package distributed

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// rows has the test of each row of the conformance table that is tested here.
var rows = map[string]func(t *testing.T){}

// elsewhere has the rows that another test of this module proves, by the file that has it.
var elsewhere = map[string]struct{ file, test string }{
	"S52": {"../interop/distributed_test.go", "TestPanda3DDistributed"}, // what the samples do; they are not in this repository
	"C28": {"../interop/distributed_go_test.go", "TestPanda3DDistributedGo"},
	"D1":  {"dc/vectors_test.go", "TestVectors"},
	"D2":  {"dc/session_test.go", "TestSession"},
	"D3":  {"dc/fuzz_test.go", "TestDeep"},
}

func addRows(more map[string]func(t *testing.T)) bool {
	for name, row := range more {
		if rows[name] != nil {
			panic("two tests of row " + name)
		}
		rows[name] = row
	}
	return true
}

// tableRows returns the rows of the checked-in list that begin with a letter, and their
// input in words.
func tableRows(t *testing.T, letter byte) (names, inputs []string) {
	text, err := os.ReadFile("testdata/conformance.txt")
	require.NoError(t, err)
	for line := range bytes.Lines(text) {
		name, input, ok := bytes.Cut(bytes.TrimSpace(line), []byte("\t"))
		if ok && name[0] == letter {
			names, inputs = append(names, string(name)), append(inputs, string(input))
		}
	}
	return names, inputs
}

// Every row of the table for a server has its test.
func TestConformanceServer(t *testing.T) {
	checkScripts(t)
	runRows(t, 'S', 52, func(t *testing.T, row func(*testing.T)) {
		t.Parallel()
		row(t)
	})
}

// Clients of three linked processes get the same bytes as clients of one.
func TestConformanceLinked(t *testing.T) {
	runRows(t, 'S', 52, func(t *testing.T, row func(*testing.T)) {
		t.Parallel()
		row(t)
	})
}

// The rows for DC files are proved in package dc.
func TestConformanceDC(t *testing.T) {
	runRows(t, 'D', 3, nil)
}

// runRows runs the rows of a part of the table, which has so many.
func runRows(t *testing.T, part byte, count int, run func(t *testing.T, row func(*testing.T))) {
	names, inputs := tableRows(t, part)
	require.Len(t, names, count)
	for i, name := range names {
		if other, ok := elsewhere[name]; ok {
			text, err := os.ReadFile(other.file)
			require.NoError(t, err)
			require.Contains(t, string(text), "\nfunc "+other.test+"(t *testing.T)")
			continue
		}
		row := rows[name]
		require.NotNil(t, row, "row %s, %s, has no test", name, inputs[i])
		t.Run(name, func(t *testing.T) { run(t, row) })
	}
}
