package dc

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDefects: what Panda3D does wrong with DC files, by the numbers of the reference.
// Number 29, odd escapes, is copied, because a text must mean the same to both.
func TestDefects(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"22 numbers beyond 32 bits": testBeyond32, "23 negative with a modulus": testNegativeModulus,
		"24 rounding to the modulus": testRoundedModulus, "25 default of a scaled range": testScaledDefault,
		"26 long char[]": testLongValues, "27 28 a second parsing": TestParseAgain,
		"30 hex": testUncheckedHex, "31 undefined names": testUndefined, "32 divisor of an array type": testArrayDivisor,
	} {
		t.Run(name, test)
	}
}

func testBeyond32(t *testing.T) {
	for declaration, values := range map[string][]any{
		"int32":       {int64(1 << 31), int64(-1<<31 - 1), 1e10, -1e10, math.NaN(), math.Inf(1), 2147483647.5},
		"uint32":      {int64(1 << 32), -1, 1e10, -1.0, math.NaN(), math.Inf(-1), 4294967295.5},
		"int32array":  {[]int64{1 << 31}, []float64{1e10}},
		"uint32array": {[]int64{1 << 32}, []float64{-1}},
		"int64":       {uint64(1 << 63), math.Ldexp(1, 63), math.NaN()},
		"uint64":      {-1, math.Ldexp(1, 64), -1.0},
		"int64 / 10":  {int64(math.MaxInt64), int64(math.MinInt64)},
		"uint8 / 300": {int64(1 << 62), uint64(math.MaxUint64)},
	} {
		f := field(t, "f("+declaration+" v)")
		for _, v := range values {
			_, err := f.Pack(nil, v)
			require.ErrorIs(t, err, ErrRange, "%s %v", declaration, v)
		}
	}
	// Ranges of 64 bits pass through a float64, which has no 1<<63 - 1.
	f := field(t, "f(int64 (-5 - 9223372036854775807) a, uint64 (0 - 18446744073709551615) b)")
	_, err := f.Pack(nil, int64(math.MaxInt64), uint64(math.MaxUint64))
	require.NoError(t, err)
	_, err = f.Pack(nil, -6, 0)
	require.ErrorIs(t, err, ErrRange)
}

func testNegativeModulus(t *testing.T) {
	f := field(t, "f(uint16 % 360 v)")
	_, err := f.Pack(nil, -10)
	require.ErrorIs(t, err, ErrRange)
	for _, pack := range []func() ([]byte, error){
		func() ([]byte, error) { return f.Pack(nil, -10.0) },
		func() ([]byte, error) { return f.ParseArgs("(-10)") },
		func() ([]byte, error) { return f.Pack(nil, 350) },
	} {
		data, err := pack()
		require.NoError(t, err)
		require.Equal(t, []byte{0x5e, 1}, data)
	}
}

func testRoundedModulus(t *testing.T) {
	f := field(t, "f(int16 % 360 / 10 v)")
	data, err := f.Pack(nil, 359.96)
	require.NoError(t, err)
	args, _, err := f.Unpack(data)
	require.NoError(t, err)
	require.Equal(t, []any{360.0}, args)
	args, _, err = f.Unpack([]byte{0, 0})
	require.NoError(t, err)
	require.Equal(t, []any{0.0}, args)
}

func testScaledDefault(t *testing.T) {
	data, err := field(t, "f(int16 (10-20) / 10 v)").Default()
	require.NoError(t, err)
	require.Equal(t, []byte{100, 0}, data)
}

func testLongValues(t *testing.T) {
	long := strings.Repeat("a", math.MaxUint16)
	for _, typ := range []string{"char v[]", "string v", "blob v", "uint8 v[]"} {
		f := field(t, "f("+typ+")")
		_, err := f.Pack(nil, long)
		require.NoError(t, err, typ)
		_, err = f.Pack(nil, long+"a")
		require.ErrorIs(t, err, ErrRange, typ)
	}
	_, err := field(t, "f(uint16array v)").Pack(nil, make([]uint16, 1<<15))
	require.ErrorIs(t, err, ErrRange)
	_, err = field(t, "f(blob32 v)").Pack(nil, long+"a")
	require.NoError(t, err)
}

func testUncheckedHex(t *testing.T) {
	f := field(t, "f(blob v = <0102ff>)")
	data, err := f.Default()
	require.NoError(t, err)
	_, err = f.Validate(data)
	require.ErrorIs(t, err, ErrData, "that a default is given in packed form does not make it valid")
}

func testUndefined(t *testing.T) {
	for _, text := range []string{
		"dclass A { f(Late v); }; struct Late { uint8 a; };", "dclass A : B { };", "struct S { S s[]; };",
		"dclass A { f(uint8 a, string a); };", "dclass A { g : f; f(uint8); };",
	} {
		_, err := Parse("a.dc", []byte(text))
		require.Error(t, err, text)
	}
}

func testArrayDivisor(t *testing.T) {
	f := field(t, "f(int16array / 10 v)")
	data, err := f.Pack(nil, []int{15})
	require.NoError(t, err)
	require.Equal(t, []byte{2, 0, 15, 0}, data)
	require.NotEqual(t, f.Class().File().Hash(), field(t, "f(int16array v)").Class().File().Hash())
}

// A []byte is a list of numbers where a divisor or modulus changes them, and else bytes.
func TestPackBytes(t *testing.T) {
	for declaration, want := range map[string][]byte{
		"uint8 v[]": {2, 0, 1, 5}, "uint8 % 3 v[]": {2, 0, 1, 2}, "uint8 / 10 v[]": {2, 0, 10, 50}, "int8 v[]": {2, 0, 1, 5},
		"uint8array v": {2, 0, 1, 5}, "int16array v": {4, 0, 1, 0, 5, 0}, "string v": {2, 0, 1, 5}, "blob v": {2, 0, 1, 5},
		"char v[]": {2, 0, 1, 5}, "uint16 v[2]": {1, 0, 5, 0},
	} {
		data, err := field(t, "f("+declaration+")").Pack(nil, []byte{1, 5})
		require.NoError(t, err, declaration)
		require.Equal(t, want, data, declaration)
	}
}

// A default that is not zero is reduced by a modulus, if that leaves it in the range.
func TestDefaultModulus(t *testing.T) {
	for declaration, want := range map[string]byte{
		"uint8 % 2 (3, 1)": 1, "uint8 % 4 (3-5)": 3, "uint8 % 2 (3-5)": 3, "int8 % 7 (-5 - -1, 2)": 2, "int8 % 7 (-5 - -1)": 0xfb,
		"int8 (5) / 10": 50, "int8 (5) / 10 % 5": 50,
	} {
		data, err := field(t, "f("+declaration+" v)").Default()
		require.NoError(t, err, declaration)
		require.Equal(t, []byte{want}, data, declaration)
	}
}
