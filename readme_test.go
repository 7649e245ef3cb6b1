package queuednet

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
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

// Every exported type has an example that runs, by its name, so that pkg.go.dev shows it
// below the type.
func TestEveryTypeHasAnExample(t *testing.T) {
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var tests, sources []*ast.File
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		require.NoError(t, err)
		if strings.HasSuffix(name, "_test.go") {
			tests = append(tests, file)
		} else {
			sources = append(sources, file)
		}
	}
	examples := make(map[string]bool)
	for _, example := range doc.Examples(tests...) {
		assert.True(t, example.Output != "" || example.EmptyOutput, "Example%s does not run", example.Name)
		examples[example.Name] = true
	}
	for _, file := range sources {
		for name, object := range file.Scope.Objects {
			if object.Kind == ast.Typ && ast.IsExported(name) {
				assert.True(t, examples[name], "there is no Example%s", name)
			}
		}
	}
}

// The links of the documents lead somewhere: files exist, and headings.
func TestDocumentsLink(t *testing.T) {
	names, err := filepath.Glob("*.md")
	require.NoError(t, err)
	link := regexp.MustCompile(`\]\(([^)#]*)(?:#([^)]*))?\)`)
	for _, name := range names {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, match := range link.FindAllStringSubmatch(string(text), -1) {
			target, heading := match[1], match[2]
			if strings.Contains(target, "://") {
				continue
			}
			if target == "" {
				target = name
			}
			_, err := os.Stat(target)
			assert.NoError(t, err, name)
			if heading != "" {
				assert.Contains(t, headings(t, target), heading, "%s: %s", name, match[0])
			}
		}
	}
}

// headings returns what GitHub makes of a document's headings.
func headings(t *testing.T, name string) (anchors []string) {
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	gone := regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	for line := range strings.Lines(string(text)) {
		if title, found := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); found && strings.HasPrefix(line, "#") {
			anchor := gone.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
			anchors = append(anchors, strings.ReplaceAll(anchor, " ", "-"))
		}
	}
	return anchors
}
