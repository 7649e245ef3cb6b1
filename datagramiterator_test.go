package queuednet

import (
	"io"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// requireNothingLeft asserts that every getter returns its zero value, and that
// none changes the error or the cursor.
func requireNothingLeft(t *testing.T, it *DatagramIterator) {
	t.Helper()
	err, pos := it.Err(), it.CurrentIndex()
	require.Error(t, err)
	for _, value := range []fieldValue{sampleValue, {}} {
		for _, field := range testFields {
			assert.Zero(t, field.get(it, value), field.name)
		}
	}
	it.SkipBytes(1)
	it.SkipBytes(0)
	it.SkipBytes(-1)
	assert.Nil(t, it.GetBlob())
	assert.Nil(t, it.GetBlob32())
	assert.Nil(t, it.ExtractBytes(0))
	assert.Zero(t, it.PeekInt16())
	assert.Zero(t, it.PeekUint16())
	assert.Empty(t, it.RemainingBytes())
	assert.Zero(t, it.RemainingSize())
	assert.Equal(t, pos, it.CurrentIndex())
	assert.Same(t, err, it.Err())
}

func TestDatagramIteratorCutAnywhere(t *testing.T) {
	// What a field needs, as far as the first bytes of it tell.
	need := map[string]func(have, full int) int{
		"string":   func(have, full int) int { return counted(2, have, full) },
		"string32": func(have, full int) int { return counted(4, have, full) },
		"wstring":  func(have, full int) int { return counted(4, have, full) },
		"blob":     func(have, full int) int { return counted(2, have, full) },
		"blob32":   func(have, full int) int { return counted(4, have, full) },
		"z_string": func(have, full int) int { return have + 1 },
	}
	errorName := map[string]string{"append_data": "bytes", "pad_bytes": "bytes"}
	for _, double := range []bool{false, true} {
		for _, field := range testFields {
			t.Run(field.name, func(t *testing.T) {
				var whole Datagram
				whole.SetStdfloatDouble(double)
				whole.AddUint8(7)
				field.add(&whole, sampleValue)
				whole.AddUint16(0xBEEF)
				full := whole.Length() - 3
				if field.size > 0 && field.name != "stdfloat" {
					require.Equal(t, field.size, full)
				}

				it := whole.Iterator()
				it.GetUint8()
				assert.Equal(t, field.want(sampleValue), field.get(&it, sampleValue))
				assert.EqualValues(t, 0xBEEF, it.GetUint16())
				require.NoError(t, it.Err())

				for have := range full {
					cut := NewDatagram(whole.Message()[:1+have])
					cut.SetStdfloatDouble(double)
					it := cut.Iterator()
					it.GetUint8()
					assert.Zero(t, field.get(&it, sampleValue))
					want := FieldError{Field: field.name, Offset: 1, Need: full, Have: have}
					if name, ok := errorName[field.name]; ok {
						want.Field = name
					}
					if f, ok := need[field.name]; ok {
						want.Need = f(have, full)
					}
					requireShort(t, &it, want)
					requireNothingLeft(t, &it)
				}
			})
		}
	}
}

// counted is what a field with a count before it needs, as far as one can tell.
func counted(countSize, have, full int) int {
	if have < countSize {
		return countSize
	}
	return full
}

func TestDatagramIteratorFirstErrorStays(t *testing.T) {
	// What comes after the field that failed would fit.
	it := datagramOf(t, "0102").Iterator()
	it.GetUint32()
	first := it.Err()
	assert.Zero(t, it.GetUint8())
	assert.Same(t, first, it.Err())
	requireNothingLeft(t, &it)

	// Not asked for the error in between.
	it = datagramOf(t, "0102").Iterator()
	it.GetUint32()
	it.GetString32()
	it.GetUint64()
	requireShort(t, &it, FieldError{Field: "uint32", Need: 4, Have: 2})

	it = datagramOf(t, "0102").Iterator()
	it.GetString()
	it.GetUint64()
	requireShort(t, &it, FieldError{Field: "string", Need: 2 + 0x0201, Have: 2})
}

func TestDatagramIteratorLoopEnds(t *testing.T) {
	it := NewDatagram(make([]byte, 10)).Iterator()
	rounds := 0
	for ; it.RemainingSize() > 0 && rounds < 100; rounds++ {
		it.GetUint32()
	}
	assert.Equal(t, 3, rounds, "the third does not fit and leaves nothing")
	requireShort(t, &it, FieldError{Field: "uint32", Offset: 8, Need: 4, Have: 2})
}

func TestDatagramIteratorPeek(t *testing.T) {
	it := datagramOf(t, "010203").Iterator()
	assert.EqualValues(t, 0x0201, it.PeekInt16())
	it.GetUint16()
	assert.Zero(t, it.PeekUint16())
	requireShort(t, &it, FieldError{Field: "uint16", Offset: 2, Need: 2, Have: 1})

	it = new(Datagram).Iterator()
	assert.Zero(t, it.PeekInt16())
	requireShort(t, &it, FieldError{Field: "int16", Need: 2})
}

func TestDatagramIteratorZeroValue(t *testing.T) {
	var it DatagramIterator
	assert.NoError(t, it.Err())
	assert.Zero(t, it.RemainingSize())
	assert.Zero(t, it.GetUint32())
	requireShort(t, &it, FieldError{Field: "uint32", Need: 4})
	requireNothingLeft(t, &it)
}

func TestDatagramIteratorOfFailedDatagram(t *testing.T) {
	var dg Datagram
	dg.AddUint32(7)
	dg.PadBytes(-1)
	require.Error(t, dg.Err())
	for _, it := range []DatagramIterator{dg.Iterator(), NewDatagramIteratorAt(&dg, 2), NewDatagramIteratorAt(&dg, 200)} {
		assert.Same(t, dg.Err(), it.Err())
		requireNothingLeft(t, &it)
	}
}

func TestDatagramIteratorSizes(t *testing.T) {
	for _, size := range []int{-1, math.MinInt, 4, math.MaxInt} {
		for name, get := range map[string]func(it *DatagramIterator){
			"fixed_string": func(it *DatagramIterator) { assert.Empty(t, it.GetFixedString(size)) },
			"bytes":        func(it *DatagramIterator) { assert.Nil(t, it.ExtractBytes(size)) },
			"bytes ":       func(it *DatagramIterator) { it.SkipBytes(size) },
		} {
			it := NewDatagramIteratorAt(NewDatagram([]byte("abcdef")), 3)
			get(&it)
			requireShort(t, &it, FieldError{Field: strings.TrimSpace(name), Offset: 3, Need: size, Have: 3})
			requireNothingLeft(t, &it)
		}
		it := NewDatagramIteratorAt(NewDatagram([]byte("abc")), size)
		requireShort(t, &it, FieldError{Field: "offset", Need: size, Have: 3})
		requireNothingLeft(t, &it)
	}
}

func TestDatagramIteratorCopyReadsOn(t *testing.T) {
	it := datagramOf(t, "010203").Iterator()
	it.GetUint8()
	other := it
	other.GetUint32()
	require.Error(t, other.Err())
	assert.EqualValues(t, 2, it.GetUint8())
	assert.EqualValues(t, 3, it.GetUint8())
	assert.NoError(t, it.Err())
}

func TestDatagramIteratorClaims(t *testing.T) {
	// Lengths up to 8 GiB over a handful of bytes.
	for name, get := range map[string]func(it *DatagramIterator){
		"string32": func(it *DatagramIterator) { assert.Empty(t, it.GetString32()) },
		"blob32":   func(it *DatagramIterator) { assert.Nil(t, it.GetBlob32()) },
		"wstring":  func(it *DatagramIterator) { assert.Empty(t, it.GetWString()) },
	} {
		for _, count := range []uint32{3, 1<<24 + 1, 1<<31 - 4, 1<<31 - 1, 1 << 31, 1<<31 + 1, math.MaxUint32 - 3, math.MaxUint32} {
			var dg Datagram
			dg.AddUint32(count)
			dg.AddUint16(0)
			it := dg.Iterator()
			before := heapAllocated()
			get(&it)
			assert.Less(t, heapAllocated()-before, uint64(8<<20))
			need := 4 + int64(count)
			if name == "wstring" {
				need += int64(count)
			}
			requireShort(t, &it, FieldError{Field: name, Need: int(min(need, math.MaxInt)), Have: 6})
		}
	}
}

func TestDatagramIteratorWString(t *testing.T) {
	for wire, want := range map[string]string{
		"00000000":                 "",
		"01000000fdff":             "\uFFFD",
		"0100000000d8":             "\uFFFD",           // half a pair, at the end
		"0100000000dc":             "\uFFFD",           // the other half
		"0200000000d86100":         "\uFFFDa",          // half a pair, then something else
		"0200000000dc00d8":         "\uFFFD\uFFFD",     // the wrong way round
		"0300000000d800d800dc":     "\uFFFD\U00010000", // half a pair, then a whole one
		"0400000000d800dcffdbffdf": "\U00010000\U0010FFFF",
		"020000000000ffff":         "\x00\uffff",
	} {
		it := datagramOf(t, wire+"aa").Iterator()
		assert.Equal(t, want, it.GetWString(), wire)
		assert.EqualValues(t, 0xaa, it.GetUint8(), wire)
		assert.NoError(t, it.Err())
	}
}

func TestDatagramIteratorViews(t *testing.T) {
	var dg Datagram
	dg.AddBlob([]byte("blob"))
	dg.AddBlob32([]byte("blob32"))
	dg.AppendData([]byte("bytes"))
	dg.AppendData([]byte("rest"))
	want := string(dg.Message())
	it := dg.Iterator()
	views := [][]byte{it.GetBlob(), it.GetBlob32(), it.ExtractBytes(5), it.RemainingBytes()}
	require.NoError(t, it.Err())
	for i, text := range []string{"blob", "blob32", "bytes", "rest"} {
		assert.Equal(t, text, string(views[i]))
		_ = append(views[i], "overwritten?"...)
	}
	assert.Equal(t, want, string(dg.Message()), "views have no room of their own")
	views[2][0] = 'B'
	assert.Contains(t, string(dg.Message()), "Bytes", "views are the datagram's memory")
}

func TestDatagramIteratorStringsStayGood(t *testing.T) {
	var dg Datagram
	dg.AddString("one")
	dg.AddZString("two")
	dg.AddFixedString("three", 5)
	it := dg.Iterator()
	one, two, three := it.GetString(), it.GetZString(), it.GetFixedString(5)
	dg.Clear()
	dg.AppendData([]byte(strings.Repeat("#", 64)))
	assert.Equal(t, []string{"one", "two", "three"}, []string{one, two, three})
}

func TestDatagramIteratorDoesNotAllocate(t *testing.T) {
	var dg Datagram
	for _, field := range testFields {
		if field.size > 0 {
			field.add(&dg, sampleValue)
		}
	}
	dg.AddBlob([]byte("blob"))
	dg.AddBlob32([]byte("blob32"))
	dg.AddUint8(1)
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		it := dg.Iterator()
		it.GetBool()
		it.GetInt8()
		it.GetUint8()
		it.GetInt16()
		it.GetUint16()
		it.GetInt32()
		it.GetUint32()
		it.GetInt64()
		it.GetUint64()
		it.GetFloat32()
		it.GetFloat64()
		it.GetStdfloat()
		it.GetBEInt16()
		it.GetBEUint16()
		it.GetBEInt32()
		it.GetBEUint32()
		it.GetBEInt64()
		it.GetBEUint64()
		it.GetBEFloat32()
		it.GetBEFloat64()
		it.GetBlob()
		it.GetBlob32()
		it.GetUint64() // fails: until it is asked for, the error costs nothing either
		if it.RemainingSize() != 0 {
			panic("a field was forgotten")
		}
	}))
}

func TestDatagramStdfloat(t *testing.T) {
	var dg Datagram
	dg.AddStdfloat(0.1)
	it := dg.Iterator()
	assert.Equal(t, float64(float32(0.1)), it.GetStdfloat(), "rounded to 4 bytes")

	dg.Clear()
	dg.SetStdfloatDouble(true)
	dg.AddStdfloat(0.1)
	it = dg.Iterator()
	assert.Equal(t, 0.1, it.GetStdfloat())
	require.NoError(t, it.Err())
}

// It is against the rules, but must not panic.
func TestDatagramIteratorOfADatagramThatShrank(t *testing.T) {
	var dg Datagram
	dg.AddUint32(1)
	dg.AddUint32(2)
	it := dg.Iterator()
	it.GetUint32()
	dg.Assign([]byte{3, 4})
	assert.Zero(t, it.RemainingSize())
	assert.Zero(t, it.GetUint16())
	assert.Empty(t, it.RemainingBytes())
	assert.ErrorIs(t, it.Err(), io.ErrUnexpectedEOF)
	assert.Equal(t, 4, it.CurrentIndex())
}

func TestFieldsHaveErrorNames(t *testing.T) {
	for _, field := range fixedFields {
		assert.NotEmpty(t, field.Field)
		assert.NotZero(t, field.Need)
	}

	it := new(Datagram).Iterator()
	it.GetBEUint16()
	assert.EqualError(t, it.Err(), "queuednet: cannot read be_uint16 at offset 0: needs 2 bytes, has 0")
	assert.ErrorIs(t, it.Err(), io.ErrUnexpectedEOF)
}

// Every method that adds a field has one that reads it, and both are tested.
func TestDatagramMethodsArePaired(t *testing.T) {
	getters := reflect.TypeFor[*DatagramIterator]()
	tested := 0
	for method := range reflect.TypeFor[*Datagram]().Methods() {
		name, ok := strings.CutPrefix(method.Name, "Add")
		if !ok || name == "Datagram" { // which GetBlob reads
			continue
		}
		_, ok = getters.MethodByName("Get" + name)
		assert.True(t, ok, "Get%s", name)
		tested++
	}
	assert.Equal(t, len(testFields)-2, tested, "all but AppendData and PadBytes are Add methods")
}
