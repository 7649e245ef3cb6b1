package dc

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A vector is a line of testdata/panda3d-dc.jsonl or panda3d-random.jsonl, recorded from
// Panda3D's DCFile and DCPacker. The first has chosen files, and cases where this package
// is meant to differ; the second has corners of the grammar, and random files and values.
type vector struct {
	ID, Kind, File, Class, Field  string
	Dc                            []string
	OK, Valid                     bool
	Hash                          string
	Keywords                      []string
	Imports                       []Import
	Classes                       []vectorClass
	Args                          any
	Hex, Error, Text, Quirk, Want string
	Consumed                      int
	Explicit, Names               bool
}

type vectorClass struct {
	Position, Number int
	Name             string
	Struct           bool
	Parents          []string
	Fields           []vectorField
	Inherited        []int
}

type vectorField struct {
	Number             int
	Name, Kind         string
	Keywords, Elements []string
	Atomics            []int
	Text               string
	Default            *string
}

// readVectors returns the lines, and the files that they declare, by name.
func readVectors(t testing.TB) ([]vector, map[string]*File) {
	chosen, err := os.ReadFile("testdata/panda3d-dc.jsonl")
	require.NoError(t, err)
	random, err := os.ReadFile("testdata/panda3d-random.jsonl")
	require.NoError(t, err)
	var vectors []vector
	files := map[string]*File{}
	for line := range bytes.Lines(append(chosen, random...)) {
		var v vector
		d := json.NewDecoder(bytes.NewReader(line))
		d.UseNumber()
		require.NoError(t, d.Decode(&v))
		vectors = append(vectors, v)
		if v.Kind == "file" && v.OK && v.Valid {
			files[v.File], err = parseTexts(v.Dc)
			require.NoError(t, err, v.ID)
		}
	}
	return vectors, files
}

func parseTexts(texts []string) (*File, error) {
	var sources []Source
	for i, text := range texts {
		sources = append(sources, Source{Name: strconv.Itoa(i) + ".dc", Text: []byte(text)})
	}
	return ParseSources(sources...)
}

func TestVectors(t *testing.T) {
	vectors, files := readVectors(t)
	require.Greater(t, len(vectors), 1003+2000)
	tests := map[string]func(*testing.T, vector, *Field){
		"pack": vectorPack, "unpack": vectorUnpack, "default": vectorDefault,
		"format": vectorFormat, "parse": vectorParse, "validate": vectorValidate,
	}
	for _, v := range vectors {
		t.Run(v.ID, func(t *testing.T) {
			if v.Kind == "file" {
				vectorFile(t, v)
				return
			}
			field := files[v.File].Class(v.Class).Field(v.Field)
			require.NotNil(t, field)
			tests[v.Kind](t, v, field)
		})
	}
}

func vectorFile(t *testing.T, v vector) {
	file, err := parseTexts(v.Dc)
	if !v.OK || !v.Valid {
		var e *Error
		require.ErrorAs(t, err, &e)
		require.Positive(t, e.Line)
		require.Positive(t, e.Column)
		return
	}
	require.NoError(t, err)
	require.Equal(t, v.Hash, fmt.Sprintf("0x%08x", file.Hash()))
	require.Equal(t, v.Keywords, append([]string{}, file.Keywords()...))
	require.Len(t, file.Imports(), len(v.Imports))
	for i, want := range v.Imports {
		require.Equal(t, want.Module, file.Imports()[i].Module)
		require.Equal(t, want.Symbols, append([]string{}, file.Imports()[i].Symbols...))
	}
	require.Len(t, file.Classes(), len(v.Classes))
	for i, want := range v.Classes {
		vectorFileClass(t, want, file.Classes()[i])
	}
	again, err := Parse("again", []byte(file.String()))
	require.NoError(t, err, file.String())
	require.Equal(t, file.Hash(), again.Hash(), file.String())
	require.Equal(t, file.String(), again.String())
}

func vectorFileClass(t *testing.T, want vectorClass, c *Class) {
	require.Equal(t, want.Position, c.Position())
	require.Equal(t, want.Number, c.Number())
	require.Equal(t, want.Name, c.Name())
	require.Equal(t, want.Struct, c.IsStruct())
	require.Len(t, c.Parents(), len(want.Parents))
	for i, p := range c.Parents() {
		require.Equal(t, want.Parents[i], p.Name())
	}
	inherited := []int{}
	for _, f := range c.InheritedFields() {
		inherited = append(inherited, f.Number())
		require.Same(t, f, c.FieldByNumber(f.Number()))
	}
	require.Equal(t, want.Inherited, inherited)
	require.Len(t, c.Fields(), len(want.Fields))
	for i, f := range c.Fields() {
		vectorFileField(t, want.Fields[i], f)
	}
}

func vectorFileField(t *testing.T, want vectorField, f *Field) {
	require.Equal(t, want.Number, f.Number())
	require.Equal(t, want.Name, f.Name())
	kind := map[string]FieldKind{"atomic": Atomic, "molecular": Molecular, "parameter": Data}[want.Kind]
	require.Equal(t, kind, f.Kind())
	require.Equal(t, want.Keywords, append([]string{}, f.Keywords()...))
	for i, a := range f.Atomics() {
		require.Equal(t, want.Atomics[i], a.Number())
	}
	if kind == Atomic && want.Elements != nil {
		require.Len(t, f.Parameters(), len(want.Elements))
		for i, p := range f.Parameters() {
			if element := strings.SplitN(want.Elements[i], " = ", 2)[0]; !strings.Contains(element, "switch") {
				require.Equal(t, normal(element), normal(p.String()))
			}
		}
	}
	if want.Default != nil {
		value, err := f.Default()
		require.NoError(t, err)
		require.Equal(t, *want.Default, hex.EncodeToString(value))
	}
}

// normal removes the blanks, in which the declarations of Panda3D and this package differ.
func normal(declaration string) string {
	return strings.NewReplacer(" ", "", "\n", "").Replace(declaration)
}

func vectorPack(t *testing.T, v vector, f *Field) {
	value := vectorValue(t, v.Args)
	args := []any{value}
	if f.Kind() != Data {
		args = value.([]any)
	}
	data, err := f.Pack([]byte("head"), args...)
	require.Equal(t, "head", string(data[:4]))
	switch {
	case v.Want == "error or 2 bytes" && err == nil:
	case v.Error != "" || v.Want == "error":
		if v.Error != "type" || !errors.Is(err, ErrType) { // a wrong number of elements is ErrRange
			require.ErrorIs(t, err, ErrRange)
		}
		require.Len(t, data, 4)
	default:
		require.NoError(t, err)
		require.Equal(t, v.Hex, hex.EncodeToString(data[4:]))
	}
}

// vectorValue makes Go values of the JSON ones.
func vectorValue(t *testing.T, v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i
		}
		if u, err := strconv.ParseUint(v.String(), 10, 64); err == nil {
			return u
		}
		f, err := v.Float64()
		require.NoError(t, err)
		return f
	case []any:
		list := []any{}
		for _, e := range v {
			list = append(list, vectorValue(t, e))
		}
		return list
	case map[string]any:
		if text, ok := v["float"].(string); ok {
			f, err := strconv.ParseFloat(text, 64)
			require.NoError(t, err)
			return f
		}
		data, err := hex.DecodeString(v["bytes"].(string))
		require.NoError(t, err)
		return data
	}
	return v
}

func vectorUnpack(t *testing.T, v vector, f *Field) {
	data, err := hex.DecodeString(v.Hex)
	require.NoError(t, err)
	args, n, err := f.Unpack(data)
	validated, validateErr := f.Validate(data)
	require.Equal(t, err, validateErr)
	require.Equal(t, n, validated)
	if v.Error != "" {
		want := map[string]error{"data": ErrData, "range": ErrRange, "crash": ErrUTF8}[v.Error]
		if !errors.Is(err, ErrRange) || v.Error != "data" { // a wrong number of elements
			require.ErrorIs(t, err, want)
		}
		return
	}
	require.NoError(t, err)
	require.Equal(t, v.Consumed, n)
	want := vectorValue(t, v.Args)
	if f.Kind() == Data {
		want = []any{want}
	}
	require.True(t, sameValue(reflect.ValueOf(want), reflect.ValueOf(args)), "want %v\ngot  %v", want, args)
	again, err := f.Pack(nil, args...)
	require.NoError(t, err)
	if !moduli(f.value.typ) {
		require.Equal(t, v.Hex[:2*n], hex.EncodeToString(again))
	}
}

// sameValue compares the values of a vector, whose integers are int64 or uint64, with
// unpacked ones.
func sameValue(want, got reflect.Value) bool {
	for want.Kind() == reflect.Interface {
		want = want.Elem()
	}
	for got.Kind() == reflect.Interface {
		got = got.Elem()
	}
	switch {
	case want.CanInt() && got.CanInt():
		return want.Int() == got.Int()
	case want.CanInt() && got.CanUint():
		return want.Int() >= 0 && uint64(want.Int()) == got.Uint()
	case want.CanUint() && got.CanUint():
		return want.Uint() == got.Uint()
	case want.CanFloat() && got.CanFloat():
		return want.Float() == got.Float() || math.IsNaN(want.Float()) && math.IsNaN(got.Float())
	case want.Kind() == reflect.String && got.Kind() == reflect.String:
		return want.String() == got.String()
	case got.Kind() == reflect.Struct: // a Uint32Uint8
		return want.Len() == 2 && sameValue(want.Index(0), got.Field(0)) && sameValue(want.Index(1), got.Field(1))
	case want.Kind() != reflect.Slice || got.Kind() != reflect.Slice || want.Len() != got.Len():
		return false
	}
	for i := range want.Len() {
		if !sameValue(want.Index(i), got.Index(i)) {
			return false
		}
	}
	return true
}

func vectorDefault(t *testing.T, v vector, f *Field) {
	want := v.Hex
	if v.Quirk != "" {
		want = v.Want
	}
	data, err := f.Default()
	require.NoError(t, err)
	require.Equal(t, want, hex.EncodeToString(data))
	require.Equal(t, v.Explicit, f.HasDefault())
}

func vectorFormat(t *testing.T, v vector, f *Field) {
	data, err := hex.DecodeString(v.Hex)
	require.NoError(t, err)
	text, err := f.FormatArgs(data, v.Names)
	require.NoError(t, err)
	require.Equal(t, v.Text, text)
}

func vectorParse(t *testing.T, v vector, f *Field) {
	data, err := f.ParseArgs(v.Text)
	switch v.Error {
	case "":
		require.NoError(t, err)
		require.Equal(t, v.Hex, hex.EncodeToString(data))
	case "parse":
		require.ErrorIs(t, err, ErrSyntax)
	default:
		require.Error(t, err)
		require.NotErrorIs(t, err, ErrSyntax)
	}
}

func vectorValidate(t *testing.T, v vector, f *Field) {
	data, err := hex.DecodeString(v.Hex)
	require.NoError(t, err)
	n, err := f.Validate(data)
	require.Equal(t, v.OK, err == nil && n == len(data))
}
