package queuednet

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The client's Update that README shows is the one that compiles and runs.
func TestReadmeClient(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	source, err := os.ReadFile("example_client_test.go")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(readme), "```go\n// Update")
	require.True(t, found)
	text, _, _ := strings.Cut(rest, "```")
	assert.True(t, strings.Contains(string(source), "// Update"+text), "README.md and example_client_test.go have different texts")
}
