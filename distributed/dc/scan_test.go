package dc

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
)

// An item is the Go side of the struct S; it has a field that S lacks.
type item struct {
	X     int16
	Name  string
	Other int
}

// An order is the Go side of the switch of mixed.
type order struct {
	Kind uint8
	N    uint32 `dc:"n"`
	Text string `dc:"s"`
}

func TestScan(t *testing.T) {
	f := field(t, mixed)
	data, err := f.Pack(nil, 1.5, []item{{X: 1, Name: "a"}, {X: 2}}, order{Kind: 1, N: 7}, []byte("b"))
	require.NoError(t, err)
	var (
		x     float32
		items []item
		sw    order
		b     string
	)
	n, err := f.Scan(append(data, 1), &x, &items, &sw, &b)
	require.NoError(t, err)
	require.Len(t, data, n)
	require.Equal(t, float32(1.5), x)
	require.Equal(t, []item{{X: 1, Name: "a"}, {X: 2}}, items)
	require.Equal(t, order{Kind: 1, N: 7}, sw)
	require.Equal(t, "b", b)

	var (
		anything any
		pair     [2]*item
		list     []any
		blob     []byte
	)
	_, err = f.Scan(data, nil, &pair, &list, &blob)
	require.NoError(t, err)
	require.Equal(t, item{X: 2}, *pair[1])
	require.Equal(t, []any{uint8(1), uint32(7)}, list)
	require.Equal(t, []byte("b"), blob)
	_, err = f.Scan(data, &anything, nil, nil, nil)
	require.NoError(t, err)
	require.Equal(t, 1.5, anything)
}

func TestScanNumbers(t *testing.T) {
	f := field(t, "f(uint16 a, int32 b, uint8 c, char d, uint32uint8array e, int16array g)")
	data, err := f.Pack(nil, 300, -5, true, 'x', []Uint32Uint8{{1, 2}}, [2]int{3, -4})
	require.NoError(t, err)
	type number int64
	var (
		a number
		b int
		c bool
		d byte
		e []struct {
			First  uint32
			Second uint8
		}
		g []int
	)
	_, err = f.Scan(data, &a, &b, &c, &d, &e, &g)
	require.NoError(t, err)
	require.Equal(t, []any{number(300), -5, true, byte('x'), uint32(1), uint8(2), []int{3, -4}},
		[]any{a, b, c, d, e[0].First, e[0].Second, g})
}

func TestScanErrors(t *testing.T) {
	f := field(t, "f(uint16 a, S list[], int16 / 10 c)")
	data, err := f.Pack(nil, 300, []any{[]any{1, "a"}}, 1.5)
	require.NoError(t, err)
	var (
		small   uint8
		text    string
		whole   int
		none    *int
		array   [2]item
		strange []struct{ Name int }
	)
	for _, test := range []struct {
		targets []any
		err     error
		text    string
	}{
		{[]any{&small, nil, nil}, ErrRange, "A.f, a: out of range: 300 is no uint8"},
		{[]any{&text, nil, nil}, ErrType, "A.f, a: wrong type: uint16 does not fit a string"},
		{[]any{nil, nil, &whole}, ErrType, "A.f, c: wrong type: int16/10 does not fit a int"},
		{[]any{nil, nil, none}, ErrType, "A.f, c: wrong type: the target is a *int and no pointer"},
		{[]any{nil, nil, 5}, ErrType, "the target is a int and no pointer"},
		{[]any{nil, &array, nil}, ErrRange, "A.f, list[1]"},
		{[]any{nil, &strange, nil}, ErrType, "string does not fit a int"},
		{[]any{nil}, ErrType, "A.f, list: wrong type: not all has been unpacked"},
		{[]any{nil, nil, nil, nil}, ErrType, "A.f, 3: wrong type: there is no further value"},
	} {
		n, err := f.Scan(data, test.targets...)
		require.ErrorIs(t, err, test.err, test.text)
		require.ErrorContains(t, err, test.text)
		require.Zero(t, n)
	}
}

func TestFits(t *testing.T) {
	f := field(t, "f(uint16 a, int16/10 b, string c, S d, uint8 e[], blob f, switch (char k) { case 'a': S x; break; default: string y; } g, char h[])")
	fits := map[string][]any{
		"a": {0, uint8(0), true, 1.5, any(nil), new(int)},
		"b": {1.5, float32(0)},
		"c": {"", []byte{}},
		"d": {item{}, []any{}, &item{}},
		"e": {[]byte{}, []int{}, []float64{}, [4]uint8{}},
		"f": {[]byte{}, "", []int{}},
		"g": {[]any{}, struct{ X item }{}},
		"h": {"", []byte{}},
	}
	unfit := map[string][]any{
		"a": {"", []int{}, item{}, make(chan int)},
		"b": {0, ""},
		"c": {0, item{}, []string{}},
		"d": {0, "", []int{}, struct{ Name int }{}},
		"e": {0, "", item{}, []string{}},
		"f": {0, item{}},
		"g": {0, []int{}, struct{ Y int }{}, struct{ K string }{}.K, struct{ X int }{}},
		"h": {0, []item{}},
	}
	for _, p := range f.Parameters() {
		for _, v := range fits[p.Name()] {
			typ := reflect.TypeOf(v)
			if typ == nil {
				typ = reflect.TypeFor[any]()
			}
			require.NoError(t, p.Type().Fits(typ), "%v %v", p, typ)
		}
		for _, v := range unfit[p.Name()] {
			require.Error(t, p.Type().Fits(reflect.TypeOf(v)), "%v %T", p, v)
		}
	}
}
