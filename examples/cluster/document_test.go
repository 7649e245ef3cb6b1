package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The code that CLUSTER.md shows is the code that runs.
func TestDocumentHasTheCode(t *testing.T) {
	document, err := os.ReadFile("../../CLUSTER.md")
	require.NoError(t, err)
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var source strings.Builder
	for _, file := range append(files, "../../cluster/example_test.go") {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		source.WriteString(unindented(string(text)))
	}
	parts := strings.Split(string(document), "```go\n")[1:]
	require.Len(t, parts, 3)
	for _, part := range parts {
		code, _, found := strings.Cut(part, "```")
		require.True(t, found)
		assert.Contains(t, source.String(), unindented(code))
	}
}

// unindented leaves out how deep code is in the file.
func unindented(code string) string { return strings.ReplaceAll(code, "\t", "") }
