package queuednet_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each recipe of COOKBOOK.md compiles, together with what testdata/cookbook.txt declares.
func TestCookbookCompiles(t *testing.T) {
	cookbook, err := os.ReadFile("COOKBOOK.md")
	require.NoError(t, err)
	program, err := os.ReadFile("testdata/cookbook.txt")
	require.NoError(t, err)
	packages := newCookbookImporter(t)
	recipes := regexp.MustCompile("(?ms)^## (.*?)$|^```go$(.*?)^```$").FindAllStringSubmatch(string(cookbook), -1)
	title, count := "", 0
	for _, recipe := range recipes {
		if recipe[1] != "" {
			title = recipe[1]
			continue
		}
		count++
		for _, fault := range packages.faults(sourceOf(string(program), recipe[2])) {
			t.Errorf("%s: %v", title, fault)
		}
	}
	assert.Greater(t, count, 15)
}

// sourceOf makes a file of a recipe: its declarations, and its statements in a function.
func sourceOf(program, recipe string) string {
	recipe = regexp.MustCompile(`(?m)\{ … \}|^\s*…$`).ReplaceAllStringFunc(recipe, func(s string) string {
		return strings.NewReplacer("…", "").Replace(s)
	})
	declared := regexp.MustCompile(`(?ms)^(?:func|type) [^\n]*\{$.*?^\}$`)
	declarations := strings.Join(declared.FindAllString(recipe, -1), "\n")
	for _, name := range regexp.MustCompile(`(?m)^(?:func|type) (\w+)`).FindAllStringSubmatch(declarations, -1) {
		program = regexp.MustCompile(`(?m)^(?:func|type|var) `+name[1]+`\b.*$`).ReplaceAllString(program, "")
	}
	statements := declared.ReplaceAllString(recipe, "")
	return program + declarations + "\nfunc recipe() { for range 1 {\n" + statements + "\n} }\n"
}

// A cookbookImporter has the packages of this module and those that they use. The modules
// beside it are read from their sources; what these require is unknown, and what is said
// about it is not checked.
type cookbookImporter struct {
	fset     *token.FileSet
	compiled types.Importer
	modules  map[string]*types.Package
}

func newCookbookImporter(t *testing.T) *cookbookImporter {
	list := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}",
		".", "./datagramfile", "./inspect", "./queuednettest", "./record", "./simulate", "expvar", "os/exec", "os/signal", "testing/synctest")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, errors.ErrUnsupported) {
		t.Skip("there is no go command: ", err)
	}
	require.NoError(t, err)
	files := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		if path, file, found := strings.Cut(strings.TrimSpace(line), " "); found {
			files[path] = file
		}
	}
	fset := token.NewFileSet()
	return &cookbookImporter{fset: fset, modules: make(map[string]*types.Package),
		compiled: importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
			if files[path] == "" {
				return nil, fmt.Errorf("%s is unknown", path)
			}
			return os.Open(files[path])
		})}
}

// Import implements types.Importer.
func (i *cookbookImporter) Import(path string) (*types.Package, error) {
	dir := strings.TrimPrefix(path, "github.com/queuednet/queuednet/")
	if dir != "websocket" && dir != "prometheus" {
		return i.compiled.Import(path)
	}
	if i.modules[dir] == nil {
		sources, err := build.ImportDir(dir, 0)
		if err != nil {
			return nil, err
		}
		var files []*ast.File
		for _, name := range sources.GoFiles {
			file, err := parser.ParseFile(i.fset, dir+"/"+name, nil, 0)
			if err != nil {
				return nil, err
			}
			files = append(files, file)
		}
		config := types.Config{Importer: i, IgnoreFuncBodies: true, Error: func(error) {}}
		i.modules[dir], _ = config.Check(path, i.fset, files, nil)
	}
	return i.modules[dir], nil
}

// faults returns why a file does not compile. What it does not use, and declares twice,
// belongs to the form of a recipe.
func (i *cookbookImporter) faults(source string) (faults []error) {
	file, err := parser.ParseFile(i.fset, "recipe.go", source, 0)
	if err != nil {
		return []error{err}
	}
	config := types.Config{Importer: i, Error: func(err error) {
		var fault types.Error
		if errors.As(err, &fault) && !fault.Soft && !strings.HasPrefix(fault.Msg, "could not import github.com/p") {
			faults = append(faults, fmt.Errorf("%s: %s", strings.TrimSpace(strings.Split(source, "\n")[i.fset.Position(fault.Pos).Line-1]), fault.Msg))
		}
	}}
	config.Check("recipe", i.fset, []*ast.File{file}, nil)
	return faults
}
