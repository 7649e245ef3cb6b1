package queuednet

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A datagramVector is one value that Panda3D encoded; see the README of the
// vectors for what each is.
type datagramVector struct {
	Method         string
	Value          string
	ValueHex       string `json:"value_hex"`
	ValueLen       int    `json:"value_len"` // of "a", repeated
	Bits           string
	StdfloatDouble bool `json:"stdfloat_double"`
	Codepoints     []rune
	Size           int
	Hex            string
	TotalLen       int    `json:"total_len"`
	HexHead        string `json:"hex_head"`
	HexTail        string `json:"hex_tail"`
}

func datagramVectors(t *testing.T) []datagramVector {
	t.Helper()
	file, err := os.Open("testdata/panda3d-datagrams.jsonl")
	require.NoError(t, err)
	defer file.Close()
	var vectors []datagramVector
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var v datagramVector
		require.NoError(t, json.Unmarshal(lines.Bytes(), &v))
		vectors = append(vectors, v)
	}
	require.Len(t, vectors, 277)
	return vectors
}

// field returns the kind of field that the vector is about, and the value.
func (v *datagramVector) field(t *testing.T) (testField, fieldValue) {
	t.Helper()
	name := strings.TrimPrefix(v.Method, "add_")
	text, err := hex.DecodeString(v.ValueHex)
	require.NoError(t, err)
	value := fieldValue{text: string(text), size: v.Size}
	switch {
	case v.ValueLen > 0:
		value.text = strings.Repeat("a", v.ValueLen)
	case name == "bool":
		if v.Value == "true" {
			value.bits = 1
		}
	case name == "wstring":
		value.text = string(v.Codepoints)
	case name == "pad_bytes":
		value.size, err = strconv.Atoi(v.Value)
	case v.Bits != "":
		value.bits, err = strconv.ParseUint(v.Bits, 16, 64)
	case strings.Contains(name, "uint"):
		value.bits, err = strconv.ParseUint(v.Value, 10, 64)
	case strings.Contains(name, "int"):
		var number int64
		number, err = strconv.ParseInt(v.Value, 10, 64)
		value.bits = uint64(number)
	}
	require.NoError(t, err)
	for _, field := range testFields {
		if field.name == name {
			return field, value
		}
	}
	require.Fail(t, "unknown field", name)
	return testField{}, fieldValue{}
}

func TestDatagramVectors(t *testing.T) {
	for _, v := range datagramVectors(t) {
		switch v.Method {
		case "sequence":
			var dg Datagram
			dg.SetStdfloatDouble(v.StdfloatDouble)
			addSequence(&dg)
			require.NoError(t, dg.Err())
			assert.Equal(t, v.Hex, hex.EncodeToString(dg.Message()))
			requireSequence(t, dg.Iterator())
		case "add_string_overlong", "add_blob_overlong":
			v.requireOverlong(t)
		default:
			v.requireField(t)
		}
	}
}

// requireOverlong asserts that what has no room in a length of 16 bits is refused.
func (v datagramVector) requireOverlong(t *testing.T) {
	t.Helper()
	var dg Datagram
	dg.SetStdfloatDouble(v.StdfloatDouble)
	name := strings.TrimSuffix(strings.TrimPrefix(v.Method, "add_"), "_overlong")
	dg.AddUint8(1)
	if name == "string" {
		dg.AddString(strings.Repeat("a", 65_536))
	} else {
		dg.AddBlob(bytes.Repeat([]byte("a"), 65_536))
	}
	assert.Equal(t, &FieldError{Field: name, Offset: 1, Need: 65_536, Have: 65_535, Write: true}, dg.Err())
	assert.Equal(t, v.HexHead, hex.EncodeToString(dg.Message()))
}

// requireField asserts that a field is written as Panda3D wrote it, and read again.
func (v datagramVector) requireField(t *testing.T) {
	t.Helper()
	var dg Datagram
	dg.SetStdfloatDouble(v.StdfloatDouble)
	field, value := v.field(t)
	wire := v.Hex
	if astral := strings.ContainsFunc(value.text, func(r rune) bool { return r > math.MaxUint16 }); field.name == "wstring" && astral {
		// Panda3D counts one unit and writes the low 16 bits. Here it is a pair;
		// what Panda3D wrote is read as what arrived.
		it := datagramOf(t, v.Hex).Iterator()
		assert.Equal(t, string(v.Codepoints[0]&math.MaxUint16), it.GetWString())
		assert.NoError(t, it.Err())
		wire = map[rune]string{0x1F43C: "020000003dd83cdc", 0x10000: "0200000000d800dc"}[v.Codepoints[0]]
	}

	field.add(&dg, value)
	require.NoError(t, dg.Err())
	got := hex.EncodeToString(dg.Message())
	if v.TotalLen > 0 {
		assert.Equal(t, v.TotalLen, dg.Length())
		assert.True(t, strings.HasPrefix(got, v.HexHead), "%s %s", v.Method, v.Value)
		assert.True(t, strings.HasSuffix(got, v.HexTail), "%s %s", v.Method, v.Value)
		wire = got
	}
	assert.Equal(t, wire, got, "%s %s", v.Method, v.Value)

	read := datagramOf(t, wire)
	read.SetStdfloatDouble(v.StdfloatDouble)
	it := read.Iterator()
	assert.Equal(t, field.want(value), field.get(&it, value), "%s %s", v.Method, v.Value)
	assert.NoError(t, it.Err())
	assert.Zero(t, it.RemainingSize())
}
