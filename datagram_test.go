package queuednet

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A fieldValue is what a test adds as a field: bits of a number, or text, or a
// size, whatever the field needs.
type fieldValue struct {
	bits uint64
	text string
	size int
}

// A testField is a kind of field: how it is added, how it is read, and what
// reading it must give. Floats are read as their bits, so that NaN equals itself.
type testField struct {
	name string // as in Panda3D's add_*, and in FieldError
	size int    // in bytes, 0 if that depends
	add  func(dg *Datagram, v fieldValue)
	get  func(it *DatagramIterator, v fieldValue) any
	want func(v fieldValue) any
}

// numberField is a testField for numbers, converted from and to bits.
func numberField[T any](name string, size int, add func(*Datagram, T), get func(*DatagramIterator) T, from func(uint64) T, to func(T) any) testField {
	return testField{
		name: name,
		size: size,
		add:  func(dg *Datagram, v fieldValue) { add(dg, from(v.bits)) },
		get:  func(it *DatagramIterator, _ fieldValue) any { return to(get(it)) },
		want: func(v fieldValue) any { return to(from(v.bits)) },
	}
}

func intField[T int8 | uint8 | int16 | uint16 | int32 | uint32 | int64 | uint64](name string, size int, add func(*Datagram, T), get func(*DatagramIterator) T) testField {
	return numberField(name, size, add, get, func(u uint64) T { return T(u) }, func(value T) any { return value })
}

func float32Field(name string, add func(*Datagram, float32), get func(*DatagramIterator) float32) testField {
	return numberField(name, 4, add, get,
		func(u uint64) float32 { return math.Float32frombits(uint32(u)) },
		func(value float32) any { return math.Float32bits(value) })
}

func float64Field(name string, add func(*Datagram, float64), get func(*DatagramIterator) float64) testField {
	return numberField(name, 8, add, get, math.Float64frombits, func(value float64) any { return math.Float64bits(value) })
}

// stringField is a testField for text and bytes.
func stringField(name string, add func(*Datagram, string), get func(*DatagramIterator) string, want func(string) string) testField {
	return testField{
		name: name,
		add:  func(dg *Datagram, v fieldValue) { add(dg, v.text) },
		get:  func(it *DatagramIterator, _ fieldValue) any { return get(it) },
		want: func(v fieldValue) any { return want(v.text) },
	}
}

func same(s string) string { return s }

func untilNUL(s string) string {
	s, _, _ = strings.Cut(s, "\x00")
	return s
}

// testFields are all the kinds of fields there are.
var testFields = []testField{
	numberField("bool", 1, (*Datagram).AddBool, (*DatagramIterator).GetBool, func(u uint64) bool { return u&1 != 0 }, func(value bool) any { return value }),
	intField("int8", 1, (*Datagram).AddInt8, (*DatagramIterator).GetInt8),
	intField("uint8", 1, (*Datagram).AddUint8, (*DatagramIterator).GetUint8),
	intField("int16", 2, (*Datagram).AddInt16, (*DatagramIterator).GetInt16),
	intField("uint16", 2, (*Datagram).AddUint16, (*DatagramIterator).GetUint16),
	intField("int32", 4, (*Datagram).AddInt32, (*DatagramIterator).GetInt32),
	intField("uint32", 4, (*Datagram).AddUint32, (*DatagramIterator).GetUint32),
	intField("int64", 8, (*Datagram).AddInt64, (*DatagramIterator).GetInt64),
	intField("uint64", 8, (*Datagram).AddUint64, (*DatagramIterator).GetUint64),
	float32Field("float32", (*Datagram).AddFloat32, (*DatagramIterator).GetFloat32),
	float64Field("float64", (*Datagram).AddFloat64, (*DatagramIterator).GetFloat64),
	numberField("stdfloat", 4, (*Datagram).AddStdfloat, (*DatagramIterator).GetStdfloat,
		func(u uint64) float64 { return float64(math.Float32frombits(uint32(u))) },
		func(value float64) any { return math.Float64bits(value) }),
	intField("be_int16", 2, (*Datagram).AddBEInt16, (*DatagramIterator).GetBEInt16),
	intField("be_uint16", 2, (*Datagram).AddBEUint16, (*DatagramIterator).GetBEUint16),
	intField("be_int32", 4, (*Datagram).AddBEInt32, (*DatagramIterator).GetBEInt32),
	intField("be_uint32", 4, (*Datagram).AddBEUint32, (*DatagramIterator).GetBEUint32),
	intField("be_int64", 8, (*Datagram).AddBEInt64, (*DatagramIterator).GetBEInt64),
	intField("be_uint64", 8, (*Datagram).AddBEUint64, (*DatagramIterator).GetBEUint64),
	float32Field("be_float32", (*Datagram).AddBEFloat32, (*DatagramIterator).GetBEFloat32),
	float64Field("be_float64", (*Datagram).AddBEFloat64, (*DatagramIterator).GetBEFloat64),
	stringField("string", (*Datagram).AddString, (*DatagramIterator).GetString, same),
	stringField("string32", (*Datagram).AddString32, (*DatagramIterator).GetString32, same),
	stringField("z_string", (*Datagram).AddZString, (*DatagramIterator).GetZString, untilNUL),
	stringField("wstring", (*Datagram).AddWString, (*DatagramIterator).GetWString,
		func(s string) string { return string([]rune(s)) }),
	stringField("blob", func(dg *Datagram, s string) { dg.AddBlob([]byte(s)) },
		func(it *DatagramIterator) string { return string(it.GetBlob()) }, same),
	stringField("blob32", func(dg *Datagram, s string) { dg.AddBlob32([]byte(s)) },
		func(it *DatagramIterator) string { return string(it.GetBlob32()) }, same),
	{
		name: "fixed_string",
		add:  func(dg *Datagram, v fieldValue) { dg.AddFixedString(v.text, v.size) },
		get:  func(it *DatagramIterator, v fieldValue) any { return it.GetFixedString(v.size) },
		want: func(v fieldValue) any { return untilNUL(v.text[:min(v.size, len(v.text))]) },
	},
	{
		name: "append_data",
		add:  func(dg *Datagram, v fieldValue) { dg.AppendData([]byte(v.text)) },
		get:  func(it *DatagramIterator, v fieldValue) any { return string(it.ExtractBytes(len(v.text))) },
		want: func(v fieldValue) any { return v.text },
	},
	{
		name: "pad_bytes",
		add:  func(dg *Datagram, v fieldValue) { dg.PadBytes(v.size) },
		get:  func(it *DatagramIterator, v fieldValue) any { return string(it.ExtractBytes(v.size)) },
		want: func(v fieldValue) any { return strings.Repeat("\x00", v.size) },
	},
}

// addSequence adds the fields of the vector of that name.
func addSequence(dg *Datagram) {
	dg.AddUint8(7)
	dg.AddInt16(-2)
	dg.AddString("hi")
	dg.AddBool(true)
	dg.AddFloat64(0.5)
	dg.AddBEUint32(1)
	dg.PadBytes(2)
	dg.AppendData([]byte{0xab, 0xcd})
	dg.AddZString("z")
}

func requireSequence(t *testing.T, it DatagramIterator) {
	t.Helper()
	assert.EqualValues(t, 7, it.GetUint8())
	assert.EqualValues(t, -2, it.GetInt16())
	assert.Equal(t, "hi", it.GetString())
	assert.True(t, it.GetBool())
	assert.Equal(t, 0.5, it.GetFloat64())
	assert.EqualValues(t, 1, it.GetBEUint32())
	it.SkipBytes(2)
	assert.Equal(t, []byte{0xab, 0xcd}, it.ExtractBytes(2))
	assert.Equal(t, "z", it.GetZString())
	require.NoError(t, it.Err())
	assert.Zero(t, it.RemainingSize())
}

// sampleValue has something for every kind of field.
var sampleValue = fieldValue{bits: 0xC1A2_B3C4_D5E6_F701, text: "hé\U0001F600\x00z", size: 3}

func TestDatagramErrorIsSticky(t *testing.T) {
	var dg Datagram
	dg.AddString("kept")
	dg.AddBlob(make([]byte, 65_536))
	first := dg.Err()
	require.Equal(t, &FieldError{Field: "blob", Offset: 6, Need: 65_536, Have: 65_535, Write: true}, first)
	assert.Contains(t, dg.String(), "datagram of 6 bytes (")
	for _, field := range testFields {
		field.add(&dg, sampleValue)
		assert.Equal(t, 6, dg.Length(), field.name)
	}
	dg.AddString(strings.Repeat("x", 65_536))
	dg.PadBytes(-1)
	assert.Same(t, first, dg.Err())
	assert.Same(t, first, dg.Clone().Err())

	dg.Clear()
	require.NoError(t, dg.Err())
	addSequence(&dg)
	requireSequence(t, dg.Iterator())

	dg.PadBytes(-1)
	require.Error(t, dg.Err())
	dg.Assign([]byte("new"))
	require.NoError(t, dg.Err())
	assert.Equal(t, "new", string(dg.Message()))
}

func TestDatagramImpossibleSizes(t *testing.T) {
	for _, size := range []int{-1, math.MinInt, math.MaxInt32 - 2, math.MaxInt32, math.MaxInt} {
		for name, add := range map[string]func(dg *Datagram){
			"bytes":        func(dg *Datagram) { dg.PadBytes(size) },
			"fixed_string": func(dg *Datagram) { dg.AddFixedString("text", size) },
		} {
			dg := NewDatagram([]byte("abc"))
			add(dg)
			assert.Equal(t, &FieldError{Field: name, Offset: 3, Need: size, Have: math.MaxInt32 - 3, Write: true}, dg.Err())
			assert.Equal(t, "abc", string(dg.Message()))
		}
	}
}

func TestDatagramLengthLimits(t *testing.T) {
	// Strings of 4 GiB are too much for a test; the check that refuses them is not.
	var dg Datagram
	assert.True(t, dg.fits("string32", math.MaxUint32, math.MaxUint32))
	assert.NoError(t, dg.Err())
	assert.False(t, dg.fits("string32", math.MaxUint32+1, math.MaxUint32))
	assert.Error(t, dg.Err())
	assert.False(t, dg.fits("string32", 1, math.MaxUint32))
}

func TestDatagramWString(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "00000000",
		"\uffff":                  "01000000ffff",
		"\U00010000\U0010FFFF":    "0400000000d800dcffdbffdf",
		"a\xffb\xed\xa0\x80":      "060000006100fdff6200fdfffdfffdff", // an encoded surrogate is not UTF-8
		string(utf8.RuneError):    "01000000fdff",
		"\x00":                    "010000000000",
		"e\u0301\U0001F1E9\u00e9": "0500000065000103" + "3cd8e9dd" + "e900",
	} {
		assert.Equal(t, want, built(t, func(dg *Datagram) { dg.AddWString(text) }), "%+q", text)
	}
}

func TestDatagramViewIsNotWrittenTo(t *testing.T) {
	// A receive buffer: a datagram in the middle, others round it.
	mutations := map[string]func(dg *Datagram){
		"Assign shorter": func(dg *Datagram) { dg.Assign([]byte("X")) },
		"Assign longer":  func(dg *Datagram) { dg.Assign([]byte("XXXXXXXXXXXX")) },
		"Assign nothing": func(dg *Datagram) { dg.Assign(nil); dg.AddUint8('X') },
		"Assign itself":  func(dg *Datagram) { dg.Assign(dg.Message()[1:]); dg.AddUint8('X') },
		"changed, Clear": func(dg *Datagram) { dg.SetStdfloatDouble(true); dg.Clear(); dg.AddUint8('X') },
	}
	for _, field := range testFields {
		mutations["add "+field.name] = func(dg *Datagram) { field.add(dg, sampleValue) }
		mutations["clear, add "+field.name] = func(dg *Datagram) { dg.Clear(); field.add(dg, sampleValue) }
	}
	for name, mutate := range mutations {
		buffer := []byte("before|datagram|after")
		dg := Datagram{data: buffer[7:15:15], memory: receiveBuffer}
		require.Equal(t, "datagram", string(dg.Message()))
		clone := dg.Clone()
		mutate(&dg)
		require.NoError(t, dg.Err())
		assert.Equal(t, "before|datagram|after", string(buffer), name)
		assert.Equal(t, "datagram", string(clone.Message()), name)
		if dg.Length() > 0 {
			dg.Message()[0] = '#' // it may be written to now
			dg.Clear()
			dg.AppendData([]byte("########"))
			assert.Equal(t, "datagram|after", string(buffer[7:]), "memory of its own after %s", name)
		}
	}
}

func TestDatagramViewBecomesOrdinary(t *testing.T) {
	contents := []byte("new")
	for name, leave := range map[string]func(dg *Datagram){
		"Clear":  func(dg *Datagram) { dg.Clear() },
		"Assign": func(dg *Datagram) { dg.Assign(contents) },
	} {
		buffer := []byte("datagram")
		dg := Datagram{data: buffer[:8:8], memory: receiveBuffer}
		assert.Zero(t, testing.AllocsPerRun(100, func() { // runs once more, to begin with
			leave(&dg)
			addSequence(&dg)
		}), "memory is reused after %s", name)
	}
}

func TestDatagramOwnMemory(t *testing.T) {
	source := []byte("abc")
	dg := NewDatagram(source)
	source[0] = 'X'
	assert.Equal(t, "abc", string(dg.Message()), "NewDatagram copies")
	dg.Assign(source)
	source[0] = 'Y'
	assert.Equal(t, "Xbc", string(dg.Message()), "Assign copies")

	dg.Assign([]byte("0123456789"))
	dg.Assign(dg.Message()[4:])
	assert.Equal(t, "456789", string(dg.Message()), "a part of itself")
	dg.AppendData(dg.Message()[:2])
	assert.Equal(t, "45678945", string(dg.Message()))

	// What a caller appends to a message must not come out of the datagram's room.
	message := dg.Message()
	dg.Clear()
	dg.AppendData([]byte("first"))
	_ = append(dg.Message(), "second"...)
	dg.AppendData([]byte("!"))
	assert.Equal(t, "first!", string(dg.Message()))
	assert.Equal(t, "first!", string(message[:6]), "Clear keeps the memory")
}

func TestDatagramClearReusesMemory(t *testing.T) {
	var dg Datagram
	addSequence(&dg)
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		dg.Clear()
		addSequence(&dg)
		dg.AddFixedString("fixed", 8)
		dg.AddWString("wide \U0001F600")
		dg.AddString32("string32")
		dg.Assign(dg.Message())
	}))
}

func TestDatagramPadBytesAreZero(t *testing.T) {
	dg := NewDatagram(bytes.Repeat([]byte{0xff}, 64))
	dg.Clear()
	dg.PadBytes(10)
	dg.AddFixedString("x", 10)
	assert.Equal(t, strings.Repeat("\x00", 10)+"x"+strings.Repeat("\x00", 9), string(dg.Message()))
}

func TestDatagramString(t *testing.T) {
	assert.Equal(t, "datagram of 0 bytes", new(Datagram).String())
	assert.Equal(t, "datagram of 1 byte", NewDatagram([]byte("a")).String())
	assert.Equal(t, "datagram of 5 bytes", NewDatagram([]byte("abcde")).String())
}

// failingWriter takes so many writes, then fails.
type failingWriter int

var errFailingWriter = errors.New("full")

func (w *failingWriter) Write(p []byte) (int, error) {
	if *w == 0 {
		return 0, errFailingWriter
	}
	*w--
	return len(p), nil
}

func TestDatagramDumpHex(t *testing.T) {
	dump := func(data []byte, indent int) string {
		var text strings.Builder
		require.NoError(t, NewDatagram(data).DumpHex(&text, indent))
		return text.String()
	}
	assert.Empty(t, dump(nil, 4))
	assert.Equal(t, "0000  1f 20 7e 7f ff "+strings.Repeat("   ", 11)+" . ~..\n", dump([]byte{0x1f, 0x20, 0x7e, 0x7f, 0xff}, 0))
	assert.Equal(t, dump([]byte("abc"), 0), dump([]byte("abc"), -3))
	long := strings.Split(dump(make([]byte, 65_537), 1), "\n")
	require.Len(t, long, 4098)
	assert.True(t, strings.HasPrefix(long[4095], " fff0  00 "))
	assert.True(t, strings.HasPrefix(long[4096], " 10000  00 "))

	for writes := range 3 {
		w := failingWriter(writes)
		assert.ErrorIs(t, NewDatagram(make([]byte, 48)).DumpHex(&w, 0), errFailingWriter)
	}
}

func built(t *testing.T, add func(dg *Datagram)) string {
	t.Helper()
	var dg Datagram
	add(&dg)
	require.NoError(t, dg.Err())
	return hex.EncodeToString(dg.Message())
}

// datagramOf returns a datagram of the bytes that the hexadecimal digits say.
func datagramOf(t testing.TB, digits string) *Datagram {
	t.Helper()
	data, err := hex.DecodeString(digits)
	require.NoError(t, err)
	return NewDatagram(data)
}

// requireShort asserts that it failed on a field at offset, and stayed there.
func requireShort(t *testing.T, it *DatagramIterator, want FieldError) {
	t.Helper()
	require.ErrorIs(t, it.Err(), io.ErrUnexpectedEOF)
	var fieldErr *FieldError
	require.ErrorAs(t, it.Err(), &fieldErr)
	assert.Equal(t, want, *fieldErr)
	assert.Equal(t, want.Offset, it.CurrentIndex())
	assert.Zero(t, it.RemainingSize())
	assert.Empty(t, it.RemainingBytes())
}
