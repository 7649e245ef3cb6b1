package conformance_test

import (
	"bytes"
	"encoding/hex"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/internal/testnet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// built returns what a datagram holds after add, in hexadecimal.
func built(t *testing.T, add func(dg *queuednet.Datagram)) string {
	t.Helper()
	var dg queuednet.Datagram
	add(&dg)
	require.NoError(t, dg.Err())
	return hex.EncodeToString(dg.Message())
}

// datagramOf returns a datagram of the bytes that the hexadecimal digits say.
func datagramOf(t testing.TB, digits string) *queuednet.Datagram {
	t.Helper()
	data, err := hex.DecodeString(digits)
	require.NoError(t, err)
	return queuednet.NewDatagram(data)
}

// requireShort asserts that it failed on a field at offset, and stayed there.
func requireShort(t *testing.T, it *queuednet.DatagramIterator, want queuednet.FieldError) {
	t.Helper()
	require.ErrorIs(t, it.Err(), io.ErrUnexpectedEOF)
	var fieldErr *queuednet.FieldError
	require.ErrorAs(t, it.Err(), &fieldErr)
	assert.Equal(t, want, *fieldErr)
	assert.Equal(t, want.Offset, it.CurrentIndex())
	assert.Zero(t, it.RemainingSize())
	assert.Empty(t, it.RemainingBytes())
}

var datagramRows = []row{
	{70, "bool", func(t *testing.T) {
		assert.Equal(t, "0100", built(t, func(dg *queuednet.Datagram) {
			dg.AddBool(true)
			dg.AddBool(false)
		}))
		it := datagramOf(t, "070001").Iterator()
		assert.True(t, it.GetBool())
		assert.False(t, it.GetBool())
		assert.True(t, it.GetBool())
		assert.NoError(t, it.Err())
	}},
	{71, "dump_hex", func(t *testing.T) {
		var text strings.Builder
		require.NoError(t, queuednet.NewDatagram([]byte("0123456789abcdef\x01Z")).DumpHex(&text, 2))
		assert.Equal(t, ""+
			"  0000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef\n"+
			"  0010  01 5a "+strings.Repeat("   ", 14)+" .Z\n", text.String())
	}},
	{72, "ints_little_endian", func(t *testing.T) {
		dg := new(queuednet.Datagram)
		dg.AddInt8(-77)
		dg.AddUint8(200)
		dg.AddInt16(-2)
		dg.AddUint16(14159)
		dg.AddInt32(-972965890)
		dg.AddUint32(0xDEADBEEF)
		dg.AddInt64(-1001001001001001)
		dg.AddUint64(0x0123456789ABCDEF)
		assert.Equal(t, "b3"+"c8"+"feff"+"4f37"+"feb701c6"+"efbeadde"+"d75fea4a9871fcff"+"efcdab8967452301",
			hex.EncodeToString(dg.Message()))
		it := dg.Iterator()
		assert.Equal(t, int8(-77), it.GetInt8())
		assert.Equal(t, uint8(200), it.GetUint8())
		assert.Equal(t, int16(-2), it.GetInt16())
		assert.Equal(t, uint16(14159), it.GetUint16())
		assert.Equal(t, int32(-972965890), it.GetInt32())
		assert.Equal(t, uint32(0xDEADBEEF), it.GetUint32())
		assert.Equal(t, int64(-1001001001001001), it.GetInt64())
		assert.Equal(t, uint64(0x0123456789ABCDEF), it.GetUint64())
		assert.NoError(t, it.Err())
		assert.Zero(t, it.RemainingSize())
	}},
	{73, "ints_big_endian", func(t *testing.T) {
		dg := new(queuednet.Datagram)
		dg.AddBEInt16(-2)
		dg.AddBEUint16(0x1234)
		dg.AddBEInt32(-2)
		dg.AddBEUint32(0x12345678)
		dg.AddBEInt64(-2)
		dg.AddBEUint64(0x0123456789ABCDEF)
		assert.Equal(t, "fffe1234"+"fffffffe12345678"+"fffffffffffffffe0123456789abcdef", hex.EncodeToString(dg.Message()))
		it := dg.Iterator()
		assert.Equal(t, int16(-2), it.GetBEInt16())
		assert.Equal(t, uint16(0x1234), it.GetBEUint16())
		assert.Equal(t, int32(-2), it.GetBEInt32())
		assert.Equal(t, uint32(0x12345678), it.GetBEUint32())
		assert.Equal(t, int64(-2), it.GetBEInt64())
		assert.Equal(t, uint64(0x0123456789ABCDEF), it.GetBEUint64())
		assert.NoError(t, it.Err())
		assert.Zero(t, it.RemainingSize())
	}},
	{74, "floats", func(t *testing.T) {
		dg := new(queuednet.Datagram)
		dg.AddFloat32(1.5)
		dg.AddFloat64(3.14159)
		dg.AddBEFloat32(1.5)
		dg.AddBEFloat64(1.5)
		assert.Equal(t, "0000c03f"+"6e861bf0f9210940"+"3fc00000"+"3ff8000000000000", hex.EncodeToString(dg.Message()))
		it := dg.Iterator()
		assert.Equal(t, float32(1.5), it.GetFloat32())
		assert.Equal(t, 3.14159, it.GetFloat64())
		assert.Equal(t, float32(1.5), it.GetBEFloat32())
		assert.Equal(t, 1.5, it.GetBEFloat64())
		assert.NoError(t, it.Err())
	}},
	{75, "stdfloat_flag", func(t *testing.T) {
		var dg queuednet.Datagram
		dg.AddStdfloat(1.5)
		assert.Equal(t, "0000c03f", hex.EncodeToString(dg.Message()))

		dg.Clear()
		dg.SetStdfloatDouble(true)
		dg.AddStdfloat(1.5)
		assert.Equal(t, "000000000000f83f", hex.EncodeToString(dg.Message()))
		it := dg.Iterator()
		assert.Equal(t, 1.5, it.GetStdfloat())
		assert.NoError(t, it.Err())

		assigned := dg
		assert.True(t, assigned.StdfloatDouble(), "assignment")
		assert.True(t, dg.Clone().StdfloatDouble(), "copy")
		dg.Assign([]byte("abc"))
		assert.True(t, dg.StdfloatDouble(), "new contents")
		dg.Clear()
		assert.True(t, dg.StdfloatDouble(), "clear")
	}},
	{76, "string", func(t *testing.T) {
		assert.Equal(t, "02006869", built(t, func(dg *queuednet.Datagram) { dg.AddString("hi") }))
		assert.Equal(t, "0000", built(t, func(dg *queuednet.Datagram) { dg.AddString("") }))

		var dg queuednet.Datagram
		dg.AddString(strings.Repeat("x", 65_535))
		require.NoError(t, dg.Err())
		assert.Equal(t, 65_537, dg.Length())

		dg.Clear()
		dg.AddString(strings.Repeat("x", 65_536))
		assert.Equal(t, &queuednet.FieldError{Field: "string", Need: 65_536, Have: 65_535, Write: true}, dg.Err())
		assert.Zero(t, dg.Length(), "nothing added")
	}},
	{77, "string32_blob32", func(t *testing.T) {
		assert.Equal(t, "020000006869", built(t, func(dg *queuednet.Datagram) { dg.AddString32("hi") }))
		assert.Equal(t, "0200000000ff", built(t, func(dg *queuednet.Datagram) { dg.AddBlob32([]byte{0x00, 0xff}) }))
	}},
	{78, "z_string", func(t *testing.T) {
		assert.Equal(t, "686900", built(t, func(dg *queuednet.Datagram) { dg.AddZString("hi") }))
		assert.Equal(t, "6100", built(t, func(dg *queuednet.Datagram) { dg.AddZString("a\x00b") }))
	}},
	{79, "fixed_string", func(t *testing.T) {
		assert.Equal(t, "6869000000", built(t, func(dg *queuednet.Datagram) { dg.AddFixedString("hi", 5) }))
		assert.Equal(t, "68656c", built(t, func(dg *queuednet.Datagram) { dg.AddFixedString("hello!", 3) }))

		it := queuednet.NewDatagram([]byte("hi\x00garbage")).Iterator()
		assert.Equal(t, "hi", it.GetFixedString(5))
		assert.Equal(t, 5, it.CurrentIndex())
		assert.Equal(t, "rbage", it.GetFixedString(5))
		assert.NoError(t, it.Err())
	}},
	{80, "wstring", func(t *testing.T) {
		assert.Equal(t, "020000006800e900", built(t, func(dg *queuednet.Datagram) { dg.AddWString("hé") }))
		it := datagramOf(t, "020000006800e900").Iterator()
		assert.Equal(t, "hé", it.GetWString())
		assert.NoError(t, it.Err())
	}},
	{81, "wstring_astral", func(t *testing.T) {
		const emoji = "\U0001F600"
		assert.Equal(t, "02000000"+"3dd8"+"00de", built(t, func(dg *queuednet.Datagram) { dg.AddWString(emoji) }), "a pair, counted as two")
		it := datagramOf(t, "020000003dd800de").Iterator()
		assert.Equal(t, emoji, it.GetWString())
		assert.NoError(t, it.Err())
	}},
	{82, "blob", func(t *testing.T) {
		assert.Equal(t, "020000ff", built(t, func(dg *queuednet.Datagram) { dg.AddBlob([]byte{0x00, 0xff}) }))
	}},
	{83, "round_trip", func(t *testing.T) {
		for _, double := range []bool{false, true} {
			var dg queuednet.Datagram
			dg.SetStdfloatDouble(double)
			dg.AddUint8(3)
			dg.AddUint16(14159)
			dg.AddUint32(0xDEADBEEF)
			dg.AddUint64(0x0123456789ABCDEF)
			dg.AddInt8(-77)
			dg.AddInt16(-1)
			dg.AddInt32(-972965890)
			dg.AddInt64(-1001001001001001)
			dg.AddString("this is a string")
			dg.AddString32("this is another string")
			dg.AddBlob([]byte("blob \x00\xf2\xa0\x00\x00"))
			dg.AddBlob32([]byte("\xc9\x8f\x00 blob32"))
			dg.AddStdfloat(800.2)
			dg.AddStdfloat(3.1415926)
			dg.AddStdfloat(2.7182818)
			require.NoError(t, dg.Err())

			it := dg.Iterator()
			assert.Equal(t, uint8(3), it.GetUint8())
			assert.Equal(t, uint16(14159), it.GetUint16())
			assert.Equal(t, uint32(0xDEADBEEF), it.GetUint32())
			assert.Equal(t, uint64(0x0123456789ABCDEF), it.GetUint64())
			assert.Equal(t, int8(-77), it.GetInt8())
			assert.Equal(t, int16(-1), it.GetInt16())
			assert.Equal(t, int32(-972965890), it.GetInt32())
			assert.Equal(t, int64(-1001001001001001), it.GetInt64())
			assert.Equal(t, "this is a string", it.GetString())
			assert.Equal(t, "this is another string", it.GetString32())
			assert.Equal(t, []byte("blob \x00\xf2\xa0\x00\x00"), it.GetBlob())
			assert.Equal(t, []byte("\xc9\x8f\x00 blob32"), it.GetBlob32())
			assert.InEpsilon(t, 800.2, it.GetStdfloat(), 1e-6)
			assert.InEpsilon(t, 3.1415926, it.GetStdfloat(), 1e-6)
			assert.InEpsilon(t, 2.7182818, it.GetStdfloat(), 1e-6)
			assert.NoError(t, it.Err())
			assert.Zero(t, it.RemainingSize())
		}
	}},
	{84, "copy", func(t *testing.T) {
		original := queuednet.NewDatagram([]byte("abc"))
		clone := original.Clone()
		clone.AddUint8('d')
		original.AddUint8('e')
		assert.Equal(t, "abcd", string(clone.Message()))
		assert.Equal(t, "abce", string(original.Message()))
	}},
	{85, "equality", func(t *testing.T) {
		a, b := queuednet.NewDatagram([]byte("abc")), queuednet.NewDatagram([]byte("abc"))
		b.SetStdfloatDouble(true)
		assert.True(t, a.Equal(b))
		assert.Zero(t, a.Compare(b))
		b.AddUint8(0)
		assert.False(t, a.Equal(b))
		assert.Negative(t, a.Compare(b))
		assert.Positive(t, b.Compare(a))
	}},
	{86, "empty_equality", func(t *testing.T) {
		var never queuednet.Datagram
		emptied := queuednet.NewDatagram([]byte("abc"))
		emptied.Clear()
		assert.True(t, never.Equal(emptied))
		assert.Zero(t, never.Compare(emptied))
	}},
	{87, "uint32_on_1_byte", func(t *testing.T) {
		it := datagramOf(t, "ff").Iterator()
		assert.Zero(t, it.GetUint32())
		requireShort(t, &it, queuednet.FieldError{Field: "uint32", Offset: 0, Need: 4, Have: 1})
	}},
	{88, "uint16_on_1_byte", func(t *testing.T) {
		it := datagramOf(t, "ff").Iterator()
		assert.Zero(t, it.GetUint16())
		requireShort(t, &it, queuednet.FieldError{Field: "uint16", Offset: 0, Need: 2, Have: 1})

		it = datagramOf(t, "ff").Iterator()
		assert.Zero(t, it.GetInt16())
		requireShort(t, &it, queuednet.FieldError{Field: "int16", Offset: 0, Need: 2, Have: 1})
	}},
	{89, "string_too_long", func(t *testing.T) {
		it := datagramOf(t, "01"+"0500"+"6869").Iterator()
		it.GetUint8()
		assert.Empty(t, it.GetString())
		requireShort(t, &it, queuednet.FieldError{Field: "string", Offset: 1, Need: 7, Have: 4})
	}},
	{90, "z_string_without_NUL", func(t *testing.T) {
		it := queuednet.NewDatagram([]byte("hi")).Iterator()
		assert.Empty(t, it.GetZString())
		requireShort(t, &it, queuednet.FieldError{Field: "z_string", Offset: 0, Need: 3, Have: 2})
	}},
	{91, "peek", func(t *testing.T) {
		it := datagramOf(t, "feff").Iterator()
		assert.Equal(t, uint16(0xfffe), it.PeekUint16())
		assert.Equal(t, int16(-2), it.PeekInt16())
		assert.Zero(t, it.CurrentIndex())
		assert.Equal(t, uint16(0xfffe), it.GetUint16())
	}},
	{92, "remaining_bytes", func(t *testing.T) {
		it := queuednet.NewDatagram([]byte("abc")).Iterator()
		it.GetUint8()
		assert.Equal(t, "bc", string(it.RemainingBytes()))
		assert.Equal(t, 1, it.CurrentIndex())
		it.SkipBytes(2)
		assert.Empty(t, it.RemainingBytes())
		assert.NoError(t, it.Err())
	}},
	{93, "offset", func(t *testing.T) {
		dg := queuednet.NewDatagram([]byte("abc"))
		it := queuednet.NewDatagramIteratorAt(dg, 1)
		assert.Equal(t, uint8('b'), it.GetUint8())

		it = queuednet.NewDatagramIteratorAt(dg, 3)
		assert.NoError(t, it.Err())
		assert.Zero(t, it.RemainingSize())

		it = queuednet.NewDatagramIteratorAt(dg, 4)
		requireShort(t, &it, queuednet.FieldError{Field: "offset", Need: 4, Have: 3})
	}},
	{94, "wstring_count", func(t *testing.T) {
		for _, count := range []uint32{1 << 31, 1<<31 + 1, math.MaxUint32} {
			var dg queuednet.Datagram
			dg.AddUint32(count)
			dg.AppendData(bytes.Repeat([]byte("x\x00"), 100))
			before := testnet.HeapAllocated()
			it := dg.Iterator()
			assert.Empty(t, it.GetWString())
			assert.Less(t, testnet.HeapAllocated()-before, uint64(16<<20), "allocated for a claim")
			need := min(4+2*int64(count), math.MaxInt)
			requireShort(t, &it, queuednet.FieldError{Field: "wstring", Need: int(need), Have: 204})
		}
	}},
}
