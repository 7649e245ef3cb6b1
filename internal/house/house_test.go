package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	root   = "../.."
	module = "github.com/queuednet/queuednet"
)

// A source is a file of Go that somebody has written.
type source struct {
	name string // from the root of the repository
	set  *token.FileSet
	file *ast.File
}

// sources returns the files of all modules. Generated ones are left out, and so is
// what the go command does not look at.
func sources(t *testing.T) []source {
	t.Helper()
	all, err := parsed()
	require.NoError(t, err)
	require.Greater(t, len(all), 300, "the files are elsewhere")
	return all
}

var parsed = sync.OnceValues(func() (all []source, err error) {
	err = filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != root && (entry.Name() == "testdata" || strings.HasPrefix(entry.Name(), ".")):
			return fs.SkipDir
		case entry.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, parser.ParseComments)
		if err != nil || ast.IsGenerated(file) {
			return err
		}
		relative, err := filepath.Rel(root, name)
		all = append(all, source{filepath.ToSlash(relative), set, file})
		return err
	})
	return all, err
})

func (s source) isTest() bool { return strings.HasSuffix(s.name, "_test.go") }

// lines returns how many lines a part of the file takes.
func (s source) lines(n ast.Node) int {
	return s.set.Position(n.End()).Line - s.set.Position(n.Pos()).Line + 1
}

// A file or a function that has grown longer does two things: divide it by them. Only an
// example may be longer, because pkg.go.dev shows one function of it.
func TestLengths(t *testing.T) {
	const maxFile, maxFunction, maxExample = 400, 50, 70
	for _, s := range sources(t) {
		assert.LessOrEqual(t, s.set.File(s.file.Pos()).LineCount(), maxFile, "lines of %s", s.name)
		for _, declaration := range s.file.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok {
				limit := maxFunction
				if s.isTest() && strings.HasPrefix(f.Name.Name, "Example") {
					limit = maxExample
				}
				assert.LessOrEqual(t, s.lines(f), limit, "lines of %s in %s", f.Name.Name, s.name)
			}
		}
	}
}

// The leaves know nothing of this module but each other's like: neither
// connections nor what is above them.
func TestLeaves(t *testing.T) {
	leaves := []string{"internal/poller", "internal/sockopt", "internal/testmode"}
	found := make(map[string]bool)
	for _, s := range sources(t) {
		folder := path.Dir(s.name)
		if s.isTest() || !slices.Contains(leaves, folder) {
			continue
		}
		found[folder] = true
		for _, imported := range s.imports(t) {
			assert.Falsef(t, strings.HasPrefix(imported, module), "%s imports %s", s.name, imported)
			assert.NotContainsf(t, strings.Split(imported, "/")[0], ".", "%s imports %s", s.name, imported)
		}
	}
	assert.Len(t, found, len(leaves))
}

func (s source) imports(t *testing.T) []string {
	t.Helper()
	var paths []string
	for _, spec := range s.file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		require.NoError(t, err)
		paths = append(paths, imported)
	}
	return paths
}

// Each layer of the root knows only what is below it.
func TestNevers(t *testing.T) {
	for pattern, never := range map[string][]string{
		"receive_*.go": {"stream", "packets", "rendezvous", "carrier", "engine"},
		"carrier*.go":  {"receiveQueue", "connectionQueue", "QueuedConnectionReader", "QueuedConnectionListener"},
		"engine*.go":   {"receiveQueue", "connectionQueue", "QueuedConnectionReader", "QueuedConnectionListener"},
		"block.go":     {"Connection", "QueuedConnectionManager"},
		"frame.go":     {"Connection", "QueuedConnectionManager"},
		"rate.go":      {"Connection", "QueuedConnectionManager"},
		"gate.go":      {"Connection", "QueuedConnectionManager"},
	} {
		matched := 0
		for _, s := range sources(t) {
			if ok, _ := path.Match(pattern, s.name); !ok || s.isTest() {
				continue
			}
			matched++
			ast.Inspect(s.file, func(n ast.Node) bool {
				if name, ok := n.(*ast.Ident); ok {
					assert.NotContainsf(t, never, name.Name, "%s names it", s.set.Position(name.Pos()))
				}
				return true
			})
		}
		assert.NotZero(t, matched, pattern)
	}
}

// What differs between systems lies in packages of its own, so that the root's
// files hold everywhere.
func TestNoSystemsInTheRoot(t *testing.T) {
	for _, s := range sources(t) {
		if path.Dir(s.name) != "." || s.isTest() {
			continue
		}
		for _, system := range []string{"_linux.go", "_unix.go", "_windows.go", "_darwin.go", "_js.go", "_wasip1.go"} {
			assert.False(t, strings.HasSuffix(s.name, system), s.name)
		}
		for _, group := range s.file.Comments {
			assert.False(t, strings.HasPrefix(group.List[0].Text, "//go:build"), s.name)
		}
	}
}
