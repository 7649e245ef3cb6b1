package queuednet

import (
	"encoding/binary"
	"math"
)

// A DatagramIterator reads the fields of a datagram in order. It is Panda3D's
// DatagramIterator.
//
// Errors are sticky, so that a message can be read without a check at every
// field: once a field does not fit into what is left, [DatagramIterator.Err] tells
// which one and where; from then on every getter returns a zero value, nothing is
// left to read, and the cursor stays where that field begins. It is never past the
// end. Check Err once, before acting on what was read.
//
// A length that is read from the datagram is compared with the bytes that are
// there before anything is allocated, so no peer can make the program allocate by
// claiming a length.
//
// An iterator reads the bytes that the datagram had when the iterator was made,
// in the datagram's memory: do not use it once the datagram has been cleared,
// assigned to or filled anew. The numbers and strings that it returned stay good;
// byte slices are views into that memory, and bytes.Clone keeps them.
//
// It is a value: a copy reads on by itself. The zero value has nothing to read. It
// is not safe for use by several goroutines at once.
type DatagramIterator struct {
	// The compiler keeps at most four words in registers. To copy a fifth would cost as
	// much as reading several fields.
	dg     *Datagram
	pos    uint64      // of the next byte to read; from the first error on marked, see failedMark
	end    uint64      // how long the datagram was
	failed *FieldError // the first error; for a field of fixed size nil until Err is asked
}

// NewDatagramIterator returns an iterator at the first byte of the datagram. If
// the datagram has an error (see [Datagram.Err]), that is the iterator's error
// too, and nothing can be read: half a message must not pass for a whole one.
// It is Panda3D's DatagramIterator(datagram).
func NewDatagramIterator(dg *Datagram) DatagramIterator {
	if dg.err != nil {
		return DatagramIterator{dg: dg, pos: failedMark, end: uint64(len(dg.data)), failed: dg.err}
	}
	return DatagramIterator{dg: dg, end: uint64(len(dg.data))}
}

// NewDatagramIteratorAt returns an iterator that begins offset bytes into the
// datagram, its length at most. A larger offset is an error of the iterator, as is
// a negative one, and leaves it at the first byte with nothing to read. For the
// rest see [NewDatagramIterator]. It is Panda3D's DatagramIterator(datagram, offset).
func NewDatagramIteratorAt(dg *Datagram, offset int) DatagramIterator {
	it := NewDatagramIterator(dg)
	it.take("offset", int64(offset))
	return it
}

// Err returns the error of the first field that could not be read, or nil. It is
// a [*FieldError], which is an io.ErrUnexpectedEOF to errors.Is. Panda3D has an
// assertion in its place.
func (it *DatagramIterator) Err() error {
	if it.pos < failedMark {
		return nil
	}
	if it.failed == nil {
		failed := fixedFields[uint8(it.pos>>fieldShift)]
		failed.Offset, failed.Have = it.CurrentIndex(), int(it.end)-it.CurrentIndex()
		it.failed = &failed
	}
	return it.failed
}

// CurrentIndex returns how many bytes lie before the cursor. It is Panda3D's
// get_current_index.
func (it *DatagramIterator) CurrentIndex() int {
	return int(it.pos & posMask)
}

// RemainingSize returns how many bytes are left to read. After an error it is 0, so
// that a loop which reads while something remains ends. It is Panda3D's
// get_remaining_size.
func (it *DatagramIterator) RemainingSize() int {
	return len(it.left())
}

// left returns the bytes that are left to read. If the datagram has become shorter
// since, against the rules, there are none.
func (it *DatagramIterator) left() []byte {
	if it.pos >= it.end || it.end > uint64(len(it.dg.data)) {
		return nil
	}
	return it.dg.data[it.pos:it.end]
}

// next returns the n bytes of a field of fixed size and goes past them. If there are
// fewer, it notes which field failed, unless there is an earlier error, and returns
// zeros.
//
// The compiler inlines it into the getters, and these into the program, as long
// as nothing is called here. With pos stored once, whatever happened, it also
// keeps pos in a register from field to field where the program stores nothing
// in between that might be it.
func (it *DatagramIterator) next(n uint64, field fixedField) []byte {
	b := zeros[:n]
	pos := it.pos
	end := pos + n
	if end <= it.end && it.end <= uint64(len(it.dg.data)) {
		b = it.dg.data[pos:end:end]
	} else if end = pos; pos < failedMark {
		end |= failedMark | uint64(field)<<fieldShift
	}
	it.pos = end
	return b
}

var zeros [8]byte

// take returns the next n bytes and goes past them. If there are fewer, it records that
// the field does not fit. n is an int64, as a length read from a datagram may be more
// than an int holds on a 32-bit system.
func (it *DatagramIterator) take(field string, n int64) []byte {
	b := it.left()
	if n < 0 || n > int64(len(b)) {
		it.fail(field, n, len(b))
		return nil
	}
	it.pos += uint64(n)
	return b[:n:n]
}

// fail records an error, unless there is an earlier one, and leaves nothing to
// read.
func (it *DatagramIterator) fail(field string, need int64, have int) {
	if it.pos < failedMark {
		it.failed = &FieldError{Field: field, Offset: int(it.pos), Need: int(min(need, math.MaxInt)), Have: have}
		it.pos |= failedMark
	}
}

// GetBool reads one byte; any but 0 is true. It is Panda3D's get_bool.
func (it *DatagramIterator) GetBool() bool {
	return it.next(1, fieldBool)[0] != 0
}

// GetInt8 reads one byte, in two's complement. It is Panda3D's get_int8.
func (it *DatagramIterator) GetInt8() int8 {
	return int8(it.next(1, fieldInt8)[0])
}

// GetUint8 reads one byte. It is Panda3D's get_uint8.
func (it *DatagramIterator) GetUint8() uint8 {
	return it.next(1, fieldUint8)[0]
}

// GetInt16 reads 2 bytes, little-endian. It is Panda3D's get_int16.
func (it *DatagramIterator) GetInt16() int16 {
	return int16(binary.LittleEndian.Uint16(it.next(2, fieldInt16)))
}

// GetUint16 reads 2 bytes, little-endian. It is Panda3D's get_uint16.
func (it *DatagramIterator) GetUint16() uint16 {
	return binary.LittleEndian.Uint16(it.next(2, fieldUint16))
}

// GetInt32 reads 4 bytes, little-endian. It is Panda3D's get_int32.
func (it *DatagramIterator) GetInt32() int32 {
	return int32(binary.LittleEndian.Uint32(it.next(4, fieldInt32)))
}

// GetUint32 reads 4 bytes, little-endian. It is Panda3D's get_uint32.
func (it *DatagramIterator) GetUint32() uint32 {
	return binary.LittleEndian.Uint32(it.next(4, fieldUint32))
}

// GetInt64 reads 8 bytes, little-endian. It is Panda3D's get_int64.
func (it *DatagramIterator) GetInt64() int64 {
	return int64(binary.LittleEndian.Uint64(it.next(8, fieldInt64)))
}

// GetUint64 reads 8 bytes, little-endian. It is Panda3D's get_uint64.
func (it *DatagramIterator) GetUint64() uint64 {
	return binary.LittleEndian.Uint64(it.next(8, fieldUint64))
}

// GetFloat32 reads 4 bytes, little-endian IEEE 754. It is Panda3D's get_float32.
func (it *DatagramIterator) GetFloat32() float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(it.next(4, fieldFloat32)))
}

// GetFloat64 reads 8 bytes, little-endian IEEE 754. It is Panda3D's get_float64.
func (it *DatagramIterator) GetFloat64() float64 {
	return math.Float64frombits(binary.LittleEndian.Uint64(it.next(8, fieldFloat64)))
}

// GetStdfloat reads a float32, or a float64 if [Datagram.SetStdfloatDouble] of
// the datagram says so at that moment. It is Panda3D's get_stdfloat.
func (it *DatagramIterator) GetStdfloat() float64 {
	if it.dg != nil && it.dg.stdfloatDouble {
		return math.Float64frombits(binary.LittleEndian.Uint64(it.next(8, fieldStdfloatDouble)))
	}
	return float64(math.Float32frombits(binary.LittleEndian.Uint32(it.next(4, fieldStdfloat))))
}

// GetBEInt16 reads 2 bytes, big-endian. It is Panda3D's get_be_int16.
func (it *DatagramIterator) GetBEInt16() int16 {
	return int16(binary.BigEndian.Uint16(it.next(2, fieldBEInt16)))
}

// GetBEUint16 reads 2 bytes, big-endian. It is Panda3D's get_be_uint16.
func (it *DatagramIterator) GetBEUint16() uint16 {
	return binary.BigEndian.Uint16(it.next(2, fieldBEUint16))
}

// GetBEInt32 reads 4 bytes, big-endian. It is Panda3D's get_be_int32.
func (it *DatagramIterator) GetBEInt32() int32 {
	return int32(binary.BigEndian.Uint32(it.next(4, fieldBEInt32)))
}

// GetBEUint32 reads 4 bytes, big-endian. It is Panda3D's get_be_uint32.
func (it *DatagramIterator) GetBEUint32() uint32 {
	return binary.BigEndian.Uint32(it.next(4, fieldBEUint32))
}

// GetBEInt64 reads 8 bytes, big-endian. It is Panda3D's get_be_int64.
func (it *DatagramIterator) GetBEInt64() int64 {
	return int64(binary.BigEndian.Uint64(it.next(8, fieldBEInt64)))
}

// GetBEUint64 reads 8 bytes, big-endian. It is Panda3D's get_be_uint64.
func (it *DatagramIterator) GetBEUint64() uint64 {
	return binary.BigEndian.Uint64(it.next(8, fieldBEUint64))
}

// GetBEFloat32 reads 4 bytes, big-endian IEEE 754. It is Panda3D's get_be_float32.
func (it *DatagramIterator) GetBEFloat32() float32 {
	return math.Float32frombits(binary.BigEndian.Uint32(it.next(4, fieldBEFloat32)))
}

// GetBEFloat64 reads 8 bytes, big-endian IEEE 754. It is Panda3D's get_be_float64.
func (it *DatagramIterator) GetBEFloat64() float64 {
	return math.Float64frombits(binary.BigEndian.Uint64(it.next(8, fieldBEFloat64)))
}

// PeekInt16 returns what GetInt16 would, and leaves the cursor where it
// is. Fewer than 2 bytes are an error here too. It is Panda3D's peek_int16.
func (it *DatagramIterator) PeekInt16() int16 {
	pos := it.pos
	value := it.GetInt16()
	it.back(pos)
	return value
}

// PeekUint16 returns what GetUint16 would, and leaves the cursor where it
// is. Fewer than 2 bytes are an error here too. It is Panda3D's peek_uint16.
func (it *DatagramIterator) PeekUint16() uint16 {
	pos := it.pos
	value := it.GetUint16()
	it.back(pos)
	return value
}

// back goes back to a position, unless there was an error.
func (it *DatagramIterator) back(pos uint64) {
	if it.pos < failedMark {
		it.pos = pos
	}
}

// A fixedField is a kind of field that has a fixed size. The getters of such fields
// only note which field failed, and leave it to Err to make an error of it: without a
// call or a pointer for the failure, the compiler inlines them.
type fixedField uint8

const (
	fieldBool fixedField = iota
	fieldInt8
	fieldUint8
	fieldInt16
	fieldUint16
	fieldInt32
	fieldUint32
	fieldInt64
	fieldUint64
	fieldFloat32
	fieldFloat64
	fieldStdfloat
	fieldStdfloatDouble
	fieldBEInt16
	fieldBEUint16
	fieldBEInt32
	fieldBEUint32
	fieldBEInt64
	fieldBEUint64
	fieldBEFloat32
	fieldBEFloat64
)

// fixedFields holds the error of each kind as far as it is known beforehand: without
// Offset and Have.
var fixedFields = [...]FieldError{
	fieldBool:           {Field: "bool", Need: 1},
	fieldInt8:           {Field: "int8", Need: 1},
	fieldUint8:          {Field: "uint8", Need: 1},
	fieldInt16:          {Field: "int16", Need: 2},
	fieldUint16:         {Field: "uint16", Need: 2},
	fieldInt32:          {Field: "int32", Need: 4},
	fieldUint32:         {Field: "uint32", Need: 4},
	fieldInt64:          {Field: "int64", Need: 8},
	fieldUint64:         {Field: "uint64", Need: 8},
	fieldFloat32:        {Field: "float32", Need: 4},
	fieldFloat64:        {Field: "float64", Need: 8},
	fieldStdfloat:       {Field: "stdfloat", Need: 4},
	fieldStdfloatDouble: {Field: "stdfloat", Need: 8},
	fieldBEInt16:        {Field: "be_int16", Need: 2},
	fieldBEUint16:       {Field: "be_uint16", Need: 2},
	fieldBEInt32:        {Field: "be_int32", Need: 4},
	fieldBEUint32:       {Field: "be_uint32", Need: 4},
	fieldBEInt64:        {Field: "be_int64", Need: 8},
	fieldBEUint64:       {Field: "be_uint64", Need: 8},
	fieldBEFloat32:      {Field: "be_float32", Need: 4},
	fieldBEFloat64:      {Field: "be_float64", Need: 8},
}

// The first error changes the position of an iterator: failedMark puts it past any end,
// and the fixedField, if it was one, is stored above the position proper. No memory
// holds 1<<fieldShift bytes.
const (
	failedMark = 1 << 63
	fieldShift = 48
	posMask    = 1<<fieldShift - 1
)
