package dc

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// parse parses a text that is right.
func parse(t testing.TB, text string) *File {
	file, err := Parse("a.dc", []byte(text))
	require.NoError(t, err)
	return file
}

// field returns the field f of a dclass with one field that is declared so.
func field(t testing.TB, declaration string) *Field {
	f := parse(t, "struct S { int16 x; string name; }; dclass A { "+declaration+"; };").Class("A").Field("f")
	require.NotNil(t, f)
	return f
}

const mixed = "f(int16 / 10 x, S list[], switch (uint8 kind) { case 1: uint32 n; break; case 2: break; default: string s; } sw, blob b)"

func TestPacker(t *testing.T) {
	f := field(t, mixed)
	pack := func(dst []byte) ([]byte, error) {
		p := f.Packer(dst)
		p.Float(1.5)
		p.Push()
		for i := range 2 {
			p.Push()
			p.Int(int64(-i))
			p.String("ab")
			p.Pop()
		}
		p.Pop()
		p.Push()
		p.Uint(1)
		require.Zero(t, p.Case())
		p.Uint(9)
		p.Pop()
		p.Bytes([]byte{7})
		return p.Finish()
	}
	want, err := f.Pack([]byte("head"), 1.5, []any{[]any{0, "ab"}, []any{-1, "ab"}}, []any{1, 9}, []byte{7})
	require.NoError(t, err)
	got, err := pack([]byte("head"))
	require.NoError(t, err)
	require.Equal(t, want, got)

	u := f.Unpacker(want[4:])
	require.Equal(t, 1.5, u.Float())
	n := 0
	for u.Push(); u.More(); n++ {
		u.Push()
		require.Equal(t, int64(-n), u.Int())
		require.Equal(t, "ab", u.String())
		u.Pop()
	}
	u.Pop()
	require.Equal(t, 2, n)
	require.Equal(t, []any{uint8(1), uint32(9)}, u.Value())
	require.Equal(t, []byte{7}, u.Bytes())
	require.False(t, u.More())
	size, err := u.Finish()
	require.NoError(t, err)
	require.Equal(t, len(want)-4, size)
}

// packerErrors are wrong uses of a Packer of the field mixed.
var packerErrors = []struct {
	pack func(p *Packer)
	err  error
	text string
}{
	{func(p *Packer) {}, ErrType, "A.f, x: wrong type: too few values"},
	{func(p *Packer) { p.Float(4000) }, ErrRange, "A.f, x: out of range: 4000 does not fit int16/10"},
	{func(p *Packer) { p.Float(math.NaN()) }, ErrRange, "A.f, x"},
	{func(p *Packer) { p.String("a") }, ErrType, "A.f, x"},
	{func(p *Packer) { p.Push() }, ErrType, "A.f, x"},
	{func(p *Packer) { p.Pop() }, ErrType, "a Pop without a Push"},
	{func(p *Packer) { p.Float(1); p.Push() }, ErrType, "a Push without a Pop"},
	{func(p *Packer) { p.Float(1); p.Push(); p.Push(); p.Int(1); p.Pop() }, ErrType, "A.f, list[0].name: wrong type: too few"},
	{func(p *Packer) { p.Float(1); p.Push(); p.Push(); p.Int(1); p.String("\xff") }, ErrUTF8, "A.f, list[0].name: not UTF-8"},
	{func(p *Packer) {
		p.Float(1)
		p.Push()
		p.Push()
		p.Int(1)
		p.String("a")
		p.Int(2)
	}, ErrType, "A.f, list[0].2: wrong type: too many"},
	{func(p *Packer) {
		p.Float(1)
		p.Push()
		p.Pop()
		p.Push()
		p.Uint(2)
		p.Uint(2)
	}, ErrType, "A.f, sw.1: wrong type: too many"},
	{func(p *Packer) { p.Float(1); p.Push(); p.Pop(); p.Push(); p.Uint(300) }, ErrRange, "A.f, sw.kind: out of range"},
	{func(p *Packer) { p.Value(nil) }, ErrType, "nil is no value"},
	{func(p *Packer) { p.Value(make(chan int)) }, ErrType, "a Go value of type chan"},
	{func(p *Packer) { p.Float(1); p.Value(map[string]any{}) }, ErrType, "A.f, list: wrong type: a Go struct or map for array"},
	{func(p *Packer) { p.Float(1); p.Value([]any{map[string]any{"x": 1}}) }, ErrType, "A.f, list[0].name: wrong type: the Go value has nothing"},
}

// What the program does wrong is an error that says where, and dst stays as it was.
func TestPackerErrors(t *testing.T) {
	for _, test := range packerErrors {
		p := field(t, mixed).Packer([]byte("head"))
		test.pack(&p)
		if p.err != nil {
			p.Int(1) // nothing happens any more
		}
		data, err := p.Finish()
		var v *ValueError
		require.ErrorAs(t, err, &v, test.text)
		require.ErrorIs(t, err, test.err, test.text)
		if test.text != "A.f, x: wrong type: too few values" {
			require.Contains(t, err.Error(), test.text)
		}
		require.Equal(t, "head", string(data))
	}
}

func TestUnpackerErrors(t *testing.T) {
	f := field(t, mixed)
	data, err := f.Pack(nil, 1, []any{[]any{1, "a"}}, []any{2}, "b")
	require.NoError(t, err)
	for _, test := range []struct {
		unpack func(u *Unpacker)
		text   string
	}{
		{func(u *Unpacker) {}, "A.f, x: wrong type: not all has been unpacked"},
		{func(u *Unpacker) { u.Int() }, "an integer from int16"},
		{func(u *Unpacker) { u.Push() }, "a list from int16"},
		{func(u *Unpacker) { _ = u.String() }, "bytes from int16"},
		{func(u *Unpacker) { u.Pop() }, "a Pop without a Push"},
		{func(u *Unpacker) { u.Skip(); u.Float() }, "A.f, list: wrong type: a number from array"},
		{func(u *Unpacker) { u.Skip(); u.Push(); u.Pop() }, "A.f, list[0]: wrong type: not all has been unpacked"},
		{func(u *Unpacker) { u.Skip(); u.Push(); u.Push(); u.Skip(); u.Int() }, "A.f, list[0].name: wrong type: an integer from string"},
		{func(u *Unpacker) { u.Skip(); u.Push() }, "a Push without a Pop"},
		{func(u *Unpacker) {
			for range 5 {
				u.Skip()
			}
		}, "A.f, 4: wrong type: there is no further value"},
	} {
		u := f.Unpacker(data)
		test.unpack(&u)
		if u.err != nil {
			require.Zero(t, u.Uint())
		}
		_, err := u.Finish()
		require.ErrorIs(t, err, ErrType, test.text)
		require.Contains(t, err.Error(), test.text)
	}
	u := f.Unpacker(data[:3])
	require.Zero(t, u.Float(), "data that is wrong gives nothing")
	_, err = u.Finish()
	require.ErrorIs(t, err, ErrData)
}

// Numbers that a Go type cannot hold are errors of the Unpacker.
func TestUnpackerOverflow(t *testing.T) {
	f := field(t, "f(uint64 a, int8 b)")
	data, err := f.Pack(nil, uint64(math.MaxUint64), -1)
	require.NoError(t, err)
	u := f.Unpacker(data)
	require.Zero(t, u.Int())
	_, err = u.Finish()
	require.ErrorIs(t, err, ErrRange)
	u = f.Unpacker(data)
	require.Equal(t, uint64(math.MaxUint64), u.Uint())
	require.Zero(t, u.Uint())
	_, err = u.Finish()
	require.ErrorIs(t, err, ErrRange)
}

// Lists may be packed from all depths, also beyond those that need no memory.
func TestPackerDepth(t *testing.T) {
	f := field(t, "f(uint8 v"+strings.Repeat("[1]", 20)+")")
	p := f.Packer(nil)
	for range 20 {
		p.Push()
	}
	p.Int(7)
	for range 20 {
		p.Pop()
	}
	data, err := p.Finish()
	require.NoError(t, err)
	require.Equal(t, []byte{7}, data)
	u := f.Unpacker(data)
	for range 20 {
		u.Push()
	}
	require.Equal(t, int64(7), u.Int())
	for range 20 {
		u.Pop()
	}
	_, err = u.Finish()
	require.NoError(t, err)
}

// Validating allocates nothing, nor does packing and unpacking numbers one by one.
func TestAllocations(t *testing.T) {
	f := field(t, mixed)
	data, err := f.Pack(nil, 1, []any{[]any{1, "abcdefgh"}}, []any{3, "z"}, "b")
	require.NoError(t, err)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if _, err := f.Validate(data); err != nil {
			t.Fatal(err)
		}
	}))
	f = field(t, "f(int16 / 10 x, int16 % 360 / 10 h, uint8 v[])")
	buffer := make([]byte, 0, 64)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		p := f.Packer(buffer)
		p.Float(1.5)
		p.Float(370)
		p.Push()
		p.Uint(1)
		p.Pop()
		data, err = p.Finish()
		u := f.Unpacker(data)
		sum := u.Float() + u.Float()
		for u.Push(); u.More(); {
			sum += float64(u.Uint())
		}
		u.Pop()
		_, unpackErr := u.Finish()
		if sum != 12.5 || errors.Join(err, unpackErr) != nil {
			t.Fatal(sum, err, unpackErr)
		}
	}))
}

func BenchmarkValidate(b *testing.B) {
	f := field(b, "f(int16 / 10 x, int16 / 10 y, int16 % 360 / 10 h, int16 t)")
	text := field(b, mixed)
	long, err := text.Pack(nil, 1, []any{[]any{1, "abcdefgh"}}, []any{3, "z"}, "b")
	require.NoError(b, err)
	for name, c := range map[string]struct {
		f    *Field
		data []byte
	}{"position": {f, make([]byte, 8)}, "mixed": {text, long}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.f.Validate(c.data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPacker(b *testing.B) {
	f := field(b, "f(int16 / 10 x, int16 / 10 y, int16 % 360 / 10 h, int16 t)")
	buffer := make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		p := f.Packer(buffer)
		p.Float(1.5)
		p.Float(2.5)
		p.Float(90)
		p.Int(7)
		if _, err := p.Finish(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnpacker(b *testing.B) {
	f := field(b, "f(int16 / 10 x, int16 / 10 y, int16 % 360 / 10 h, int16 t)")
	data := make([]byte, 8)
	b.ReportAllocs()
	for b.Loop() {
		u := f.Unpacker(data)
		u.Float()
		u.Float()
		u.Float()
		u.Int()
		if _, err := u.Finish(); err != nil {
			b.Fatal(err)
		}
	}
}
