package dc

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Errors say where, and what was expected.
func TestParseErrors(t *testing.T) {
	for _, test := range []struct{ text, err string }{
		{"dclass A {\n  f(uint8) ram;\n  g(unit8);\n};", `a.dc:3:5: there is no type "unit8" yet`},
		{"dclass A { f(uint8) ram }", `a.dc:1:25: expected ';', found '}'`},
		{"dclass A : B { };", `a.dc:1:12: there is no class "B" yet`},
		{"dclass A {", `a.dc:1:11: expected a type, found the end of the text`},
		{"dclass A { f(int8 ram) ; };", `a.dc:1:19: expected ',', found "ram"`},
		{"dclass A { ram(int8); };", `a.dc:1:12: expected a type, found the keyword "ram"`},
		{"dclass A { f(int8 (1-300)); };", "a.dc:1:19: the range does not fit the type int8"},
		{"dclass A { f(int8 (5-1)); };", "a.dc:1:20: the range is upside down"},
		{"dclass A { f(int8 v = 1000); };", "a.dc:1:21: the default does not fit: 1000 does not fit int8"},
		{"dclass A { f(int8 a, int8 a); };", `a.dc:1:22: a second parameter has the name "a"`},
		{"dclass A { f(struct { uint8 a; uint8 a; } s); };", `a.dc:1:32: a second field has the name "a"`},
		{"dclass A { A(int8); };", `a.dc:1:12: a field must not have the name of its class, "A"`},
		{"dclass A { f(99999999999999999999); };", "a.dc:1:14: the number 99999999999999999999 is out of range"},
		{"dclass A { f(int8 / -5); };", "a.dc:1:21: expected a divisor, found a number"},
		{"dclass A { f(int8 % 'a'); };", "a.dc:1:21: expected a modulus, found a string"},
		{"dclass A { f(int8 v[1.5]); };", "a.dc:1:21: not a size of an array"},
		{"dclass A { f(int8 v[-1]); };", "a.dc:1:14: a negative size of an array"},
		{"\n/* a\n b", "a.dc:2:1: the comment is not closed"},
		{"dclass A { f(string s = 'a\n'); };", "a.dc:1:25: the string is not closed"},
		{"dclass A { f(blob b = <0g>); };", "a.dc:1:24: an odd number of hexadecimal digits, or a character that is none"},
		{"from a import b, ; ", `a.dc:1:18: expected a name, found ';'`},
		{"keyword a; from a import b", `a.dc:1:17: expected a name, found the keyword "a"`},
		{"import dclass", `a.dc:1:8: expected a name, found "dclass"`},
		{"switch S (uint8) { uint8 a; };", "a.dc:1:20: a field stands before the first case, or after a break"},
		{"struct S { uint8 a; }; struct S { };", `a.dc:1:24: "S" is declared a second time`},
		{"dclass A { f(uint8 v = {x = 1}); };", `a.dc:1:25: expected the field "v", found "x"`},
		{"hello", `a.dc:1:1: expected a declaration, found "hello"`},
		{"dclass A { f(); } \x00", `a.dc:1:19: expected a declaration, found '\x00'`},
	} {
		_, err := Parse("a.dc", []byte(test.text))
		require.ErrorContains(t, err, test.err, test.text)
	}
}

func TestParseFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	base, derived := write("base.dc", "dclass Base { f(uint8); };"), write("derived.dc", "\ndclass Derived : Base { g(uint8); };")
	file, err := ParseFiles(base, derived)
	require.NoError(t, err)
	require.Equal(t, 1, file.Class("Derived").Number())
	require.Equal(t, 1, file.Class("Derived").Field("g").Number())
	_, err = ParseFiles(derived, base)
	require.EqualError(t, err, derived+`:2:18: there is no class "Base" yet`)
	_, err = ParseFiles(base, filepath.Join(dir, "none.dc"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.Panics(t, func() { MustParse(Source{Name: "a.dc", Text: []byte("?")}) })
}

// A file that is parsed after an error, or a second time, is not affected by what was before.
func TestParseAgain(t *testing.T) {
	_, err := Parse("a.dc", []byte("dclass A { f(uint8) "))
	require.Error(t, err)
	first := parse(t, "dclass A { f(uint8); };")
	second := parse(t, "dclass A { f(uint8); };")
	require.Equal(t, first.Hash(), second.Hash())
	require.Zero(t, second.Class("A").Field("f").Number())
}

// A replaced field keeps its number, by which it is found; by its name it is not.
func TestReplacedField(t *testing.T) {
	file := parse(t, `dclass A { x(uint8) broadcast; y(uint8); };
		dclass B : A { x(uint16) clsend; };
		dclass C { z(uint8); }; struct S { uint8 q; };`)
	b := file.Class("B")
	require.Equal(t, 2, b.Field("x").Number())
	require.Equal(t, Uint8, b.FieldByNumber(0).Parameters()[0].Type().Kind())
	require.Equal(t, Uint16, b.FieldByNumber(2).Parameters()[0].Type().Kind())
	require.Equal(t, 1, b.Field("y").Number())
	require.Nil(t, b.FieldByNumber(3), "of another class")
	require.Nil(t, b.FieldByNumber(4), "of a struct")
	require.Nil(t, b.FieldByNumber(5))
	require.Nil(t, b.FieldByNumber(-1))
	require.Nil(t, b.Field("z"))
	require.Nil(t, file.ClassByNumber(3), "a struct")
	require.Nil(t, file.ClassByNumber(-1))
	require.Same(t, b, file.ClassByNumber(1))
	require.True(t, b.Inherits(file.Class("A")))
	require.False(t, b.Inherits(file.Class("C")))
	require.True(t, b.Field("x").IsClsend())
	require.False(t, b.Field("x").IsBroadcast())
}

// The keywords with a meaning are what the methods of a field say.
func TestKeywords(t *testing.T) {
	file := parse(t, `keyword p2p; keyword reflect; keyword own;
		dclass A { a() required; b() broadcast; c() ram; d() db; e() clsend; f() clrecv; g() ownsend; h() ownrecv; i() airecv;
		j() p2p; k() reflect; l() own own ram; m(); };`)
	is := []func(*Field) bool{(*Field).IsRequired, (*Field).IsBroadcast, (*Field).IsRAM, (*Field).IsDB, (*Field).IsClsend, (*Field).IsClrecv,
		(*Field).IsOwnsend, (*Field).IsOwnrecv, (*Field).IsAirecv, (*Field).IsP2P, (*Field).IsReflect}
	for i := range is {
		for j, f := range is {
			require.Equal(t, i == j, f(file.FieldByNumber(i)), "field %d, method %d", i, j)
		}
	}
	require.Equal(t, []string{"own", "ram"}, file.FieldByNumber(11).Keywords())
	require.True(t, file.FieldByNumber(11).HasKeyword("own"))
	require.Empty(t, file.FieldByNumber(12).Keywords())
}
