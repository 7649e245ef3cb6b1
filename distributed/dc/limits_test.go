package dc

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What a short text could make of itself is refused, or takes neither memory nor time.
func TestLimits(t *testing.T) {
	doubled := "struct S0 { uint8 a; };\n"
	empty := "struct S0 { };\n"
	for i := range 40 {
		doubled += fmt.Sprintf("struct S%d { S%d a; S%d b; };\n", i+1, i, i)
		empty += fmt.Sprintf("struct S%d { S%d a[250]; };\n", i+1, i)
	}
	diamond := "dclass C0 { f(uint8); };\n"
	for i := range 200 {
		diamond += fmt.Sprintf("dclass C%d : C%d, C%d { };\n", i+1, i, i)
	}
	chain := "dclass C0 { };\n"
	wide := "dclass C0 {" + strings.Repeat("f(uint8);", 1) + "};"
	for i := range 1000 {
		chain += fmt.Sprintf("dclass C%d : C%d { };\n", i+1, i)
	}
	typedefs := "typedef uint8 t0[];\n"
	for i := range 1000 {
		typedefs += fmt.Sprintf("typedef t%d t%d[];\n", i, i+1)
	}
	for name, test := range map[string]struct{ text, message string }{
		"structs of structs":       {doubled, "more than 65536 values"},
		"structs of nothing":       {empty, "more than 65536 values"},
		"diamonds":                 {diamond, ""},
		"a long line of ancestors": {chain, "ancestors"},
		"wide":                     {wide, ""},
		"typedefs of typedefs":     {typedefs, "deep"},
		"brackets":                 {"dclass A { f(uint8 v" + strings.Repeat("[]", 5000) + "); };", "deep"},
		"inline structs":           {"dclass A { f(" + strings.Repeat("struct { ", 5000), "deep"},
		"inline switches":          {"dclass A { f(" + strings.Repeat("switch (", 5000), "deep"},
		"nested values":            {"dclass A { f(uint8 v = " + strings.Repeat("{", 5000), "deep"},
		"counted values":           {"dclass A { f(uint8 v[] = [1 * 4000000000]); };", "1048576"},
		"counted bytes":            {"dclass A { f(blob v = <" + strings.Repeat("00", 500) + "> * 4000000); };", ""},
		"counted nothing":          {"dclass A { f(string (0) v[3] = [<> * 4000000000]); };", ""},
		"intervals":                {"dclass A { f(int32 (" + strings.Repeat("1,", 5000) + "1)); };", "overlap"},
		"large arrays":             {"dclass A { f(uint8 v[4000000000]); g(uint64 v[4000000000][4000000000]); };", ""},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			file, err := Parse("a.dc", []byte(test.text))
			if test.message != "" {
				require.ErrorContains(t, err, test.message)
			}
			if err == nil {
				for _, f := range file.fields {
					_, _ = f.Default()
					useValue(t, f, []byte{1, 2, 3})
				}
			}
			require.Less(t, time.Since(start), 10*time.Second) // hangs otherwise, or for hours
		})
	}
}

// A length in the data reserves no memory.
func TestMemoryOfClaimedLengths(t *testing.T) {
	file, err := Parse("a.dc", []byte(`dclass A {
		blob32 a; uint64 b[4000000000]; string c[4000000000]; uint8 d[][4000000000]; float64 e[1000000][1000000];
		struct { blob32 x[]; } f[200000000]; };`))
	require.NoError(t, err)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, f := range file.Class("A").Fields() {
		for _, data := range []string{"", "\xff\xff\xff\xff", "\xff\xff\xff\x7f" + strings.Repeat("\x00", 1000)} {
			_, _, err := f.Unpack([]byte(data))
			require.Error(t, err)
			_, err = f.FormatArgs([]byte(data), false)
			require.Error(t, err)
		}
		_, err := f.Default()
		if f.name != "a" && f.name != "d" {
			require.ErrorIs(t, err, ErrRange)
		}
	}
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(20<<20))
}
