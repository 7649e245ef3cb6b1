package interop_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/queuednet/queuednet/distributed/dc"
	"github.com/stretchr/testify/require"
)

// A dcLine is a line of dc.py.
type dcLine struct {
	Dc   string
	Hash int64

	Field                     int
	Default                   bool
	Data, Text, Names, Parsed string
	Packed                    *string
	Used                      int
}

// TestDC: random DC files have the hash that Panda3D gives them, and their fields take
// the same bytes, in both directions, and as text.
func TestDC(t *testing.T) {
	python := findPanda3D(t)
	for i := range 30 {
		seed := strconv.Itoa(i)
		t.Run(seed, func(t *testing.T) {
			t.Parallel()
			output, err := exec.CommandContext(t.Context(), python, "dc.py", seed).Output()
			require.NoError(t, err)
			var file *dc.File
			for line := range bytes.Lines(output) {
				var l dcLine
				require.NoError(t, json.Unmarshal(line, &l))
				if l.Dc == "" {
					l.compare(t, file.FieldByNumber(l.Field))
					continue
				}
				file, err = dc.Parse("random.dc", []byte(l.Dc))
				if l.Hash < 0 {
					require.Error(t, err, l.Dc)
					return
				}
				require.NoError(t, err, l.Dc)
				require.Equal(t, uint32(l.Hash), file.Hash(), l.Dc)
			}
			require.NotNil(t, file)
		})
	}
}

// compare compares what both make of a value.
func (l dcLine) compare(t *testing.T, f *dc.Field) {
	data, err := hex.DecodeString(l.Data)
	require.NoError(t, err)
	if l.Default {
		value, err := f.Default()
		require.NoError(t, err, f)
		require.Equal(t, l.Data, hex.EncodeToString(value), f)
	}
	args, n, err := f.Unpack(data)
	if l.Used < 0 {
		require.Error(t, err, "%v: %s", f, l.Data)
		return
	}
	if l.Packed == nil {
		if err == nil {
			_, err = f.Pack(nil, args...)
		}
		require.Error(t, err, "%v: %s", f, l.Data)
		return
	}
	require.NoError(t, err, "%v: %s", f, l.Data)
	require.Equal(t, l.Used, n, "%v: %s", f, l.Data)
	packed, err := f.Pack(nil, args...)
	require.NoError(t, err, "%v: %s", f, l.Data)
	require.Equal(t, *l.Packed, hex.EncodeToString(packed), "%v: %s", f, l.Data)
	for _, names := range []bool{false, true} {
		text, err := f.FormatArgs(data, names)
		require.NoError(t, err)
		want := l.Text
		if names {
			want = l.Names
		}
		require.Equal(t, want, text, f)
	}
	if strings.Contains(l.Text, "n") {
		return // neither side reads nan and inf
	}
	parsed, err := f.ParseArgs(l.Text)
	if l.Parsed == "" && l.Data != "" && err != nil {
		return // a real with 6 digits may be out of range
	}
	require.NoError(t, err, "%v: %s", f, l.Text)
	require.Equal(t, l.Parsed, hex.EncodeToString(parsed), "%v: %s", f, l.Text)
}
