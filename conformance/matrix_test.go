package conformance_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/queuednet/queuednet/internal/matrix"
	"github.com/queuednet/queuednet/internal/testend"
)

// Every promise on every kind of socket.
func TestMatrix(t *testing.T) {
	for _, kind := range testend.Kinds() {
		t.Run(kind.Name, func(t *testing.T) { matrix.Run(t, kind) })
	}
}

var update = flag.Bool("update", false, "write the matrix into TABLE.md")

// TABLE.md has the matrix that TestMatrix runs.
func TestTableHasTheMatrix(t *testing.T) {
	const begin, end = "<!-- matrix -->\n", "<!-- end of the matrix -->\n"
	text, err := os.ReadFile("TABLE.md")
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(text), begin)
	require.True(t, ok)
	got, after, ok := strings.Cut(rest, end)
	require.True(t, ok)
	want := matrix.Table(testend.Kinds())
	if *update {
		require.NoError(t, os.WriteFile("TABLE.md", []byte(before+begin+want+end+after), 0o644))
		return
	}
	assert.Equal(t, want, got, "go test ./conformance -run TestTableHasTheMatrix -update")
}
