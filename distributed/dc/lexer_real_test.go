package dc

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// Reals are what Panda3D makes of their digits, to the last bit.
func TestParseReal(t *testing.T) {
	for text, want := range map[string]uint64{
		"0.05": 0x3fa999999999999b, "1.499": 0x3ff7fbe76c8b4395, ".5": 0x3fe0000000000000, "5.": 0x4014000000000000,
		"-0.05": 0xbfa999999999999b, "+1.5e3": 0x4097700000000000, "1.e-400": 0, "1.e400": 0x7ff0000000000000, "1.e99999999999999999999": 0x7ff0000000000000,
	} {
		require.Equal(t, want, math.Float64bits(parseReal(text)), text)
	}
}

// What is printed is read as the same real.
func TestRealText(t *testing.T) {
	for i := range 2000 {
		v := math.Float64frombits(rand.Uint64())
		if i%2 == 0 {
			v, _ = strconv.ParseFloat(strconv.FormatFloat(rand.Float64()*math.Pow10(rand.IntN(12)), 'f', rand.IntN(8), 64), 64)
		}
		if math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		text := realText(v)
		require.Equal(t, v, parseReal(text), "%v %s", v, text)
	}
}
