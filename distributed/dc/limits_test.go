package dc

import (
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// lines returns a first line and then n that differ in their numbers.
func lines(first, format string, n int) string {
	for i := range n {
		first += "\n" + strings.NewReplacer("NEXT", strconv.Itoa(i+1), "THIS", strconv.Itoa(i)).Replace(format)
	}
	return first
}

// What a short text could make of itself is refused, or takes neither memory nor time.
func TestLimits(t *testing.T) {
	for name, test := range map[string]struct{ text, message string }{
		"structs of structs":       {lines("struct S0 { uint8 a; };", "struct SNEXT { STHIS a; STHIS b; };", 40), "more than 65536 values"},
		"structs of nothing":       {lines("struct S0 { };", "struct SNEXT { STHIS a[250]; };", 40), "more than 65536 values"},
		"diamonds":                 {lines("dclass C0 { f(uint8); };", "dclass CNEXT : CTHIS, CTHIS { };", 200), ""},
		"a long line of ancestors": {lines("dclass C0 { };", "dclass CNEXT : CTHIS { };", 1000), "ancestors"},
		"typedefs of typedefs":     {lines("typedef uint8 t0[];", "typedef tTHIS tNEXT[];", 1000), "deep"},
		"brackets":                 {"dclass A { f(uint8 v" + strings.Repeat("[]", 5000) + "); };", "deep"},
		"inline structs":           {"dclass A { f(" + strings.Repeat("struct { ", 5000), "deep"},
		"inline switches":          {"dclass A { f(" + strings.Repeat("switch (", 5000), "deep"},
		"nested values":            {"dclass A { f(uint8 v = " + strings.Repeat("{", 5000), "deep"},
		"counted values":           {"dclass A { f(uint8 v[] = [1 * 4000000000]); };", "1048576"},
		"counted bytes":            {"dclass A { f(blob v[] = [<" + strings.Repeat("00", 500) + "> * 4000000]); };", "1048576"},
		"counted nothing":          {"dclass A { f(string (0) v[3] = [<> * 4000000000]); };", "1048576"},
		"intervals":                {"dclass A { f(int32 (" + strings.Repeat("1,", 5000) + "1)); };", "overlap"},
		"many intervals":           {"dclass A { f(int32 (-1" + lines("", ", THIS0", 2000) + ")); };", "1000 intervals"},
		"large arrays":             {"dclass A { f(uint8 v[4000000000]); g(uint64 v[4000000000][4000000000]); };", ""},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			file, err := Parse("a.dc", []byte(test.text))
			if test.message != "" {
				require.ErrorContains(t, err, test.message)
			} else {
				require.NoError(t, err)
				for _, f := range file.fields {
					_, _ = f.Default()
					useValue(t, f, []byte{1, 2, 3})
				}
			}
			require.Less(t, time.Since(start), time.Minute) // without the limits some take hours
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
