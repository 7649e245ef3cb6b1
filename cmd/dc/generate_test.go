package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// The code in testdata/world, which other tests use, is what the command generates.
func TestGenerate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "world_dc.go")
	_, _, err := command("generate", "-package", "world", "-o", path, "testdata/world/world.dc")
	require.NoError(t, err)
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	want, err := os.ReadFile("testdata/world/world_dc.go")
	require.NoError(t, err)
	require.Equal(t, string(want), string(got), "run go generate in cmd/dc/testdata/world")
	formatted, err := format.Source(got)
	require.NoError(t, err)
	require.Equal(t, string(formatted), string(got))
	stdout, _, err := command("generate", "-package", "world", "testdata/world/world.dc")
	require.NoError(t, err)
	require.Equal(t, string(want), stdout)
}

// The code for every file of the vectors, and for names that are hard on a generator,
// compiles.
func TestGeneratedCompiles(t *testing.T) {
	if testing.Short() {
		t.Skip("runs go build")
	}
	texts := map[string]string{"names": `
		struct X { uint8 _; uint8 __; uint8 type; uint8 PackDC; uint8 a_b; uint8 aB; };
		struct Dc { X x; };
		dclass a { f(X p, X u, X dc, X err, X n, X dst, X data, X byte, X bool, X error, X func, X v0[], X append); };
		dclass A { f(uint8 a, uint8 A, uint8 a_, uint8 _a); F(Dc dc); uint8 v; SetV(uint8); nil(uint8 nil, uint8 true); };
		dclass A_f { Handler(uint8 unpacker, uint8 packer); };
		dclass Handle { Field(uint8 o, uint8 ok, uint8 object, uint8 number, uint8 handled); };
		dclass DC { File(uint8[][][][][][][][][][][][] v0x); Hash(); };
		dclass used { f(A a, struct X { uint8 a; } x, struct X { uint8 b; } y, switch X (uint8 X) { case 1: uint8 A; break; case 2: string A; break; } z); };
	`, "backquote": "dclass A { f(string s = \"`\"); };"}
	vectors, err := os.ReadFile("../../distributed/dc/testdata/panda3d-dc.jsonl")
	require.NoError(t, err)
	for line := range bytes.Lines(vectors) {
		var v struct {
			Kind, File string
			OK, Valid  bool
			Dc         []string
		}
		require.NoError(t, json.Unmarshal(line, &v))
		if v.Kind == "file" && v.OK && v.Valid && len(v.Dc[0]) < 5000 &&
			(len(v.Dc[0]) > 500 || regexp.MustCompile("struct|switch|typedef").MatchString(v.Dc[0])) {
			texts[v.File] = v.Dc[0]
		}
	}
	require.Greater(t, len(texts), 20)
	var dirs []string
	overlay := map[string]map[string]string{"Replace": {}}
	for name, text := range texts {
		code, _, err := command("generate", "-package", "p", write(t, text))
		require.NoError(t, err, name)
		dir, err := filepath.Abs(fmt.Sprintf("testdata/generated_%s", name))
		require.NoError(t, err)
		path := filepath.Join(t.TempDir(), "p.go")
		require.NoError(t, os.WriteFile(path, []byte(code), 0o600))
		overlay["Replace"][filepath.Join(dir, "p.go")] = path
		dirs = append(dirs, dir)
	}
	list, err := json.Marshal(overlay)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "overlay.json")
	require.NoError(t, os.WriteFile(path, list, 0o600))
	out, err := exec.Command("go", append([]string{"build", "-overlay", path}, dirs...)...).CombinedOutput()
	require.NoError(t, err, string(out))
}
