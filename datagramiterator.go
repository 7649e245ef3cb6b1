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
	// Four words are as many as the compiler keeps in registers: to copy one more
	// costs as much as reading several fields.
	dg     *Datagram
	pos    int         // of the next byte to read
	end    int         // how long the datagram was; from the first error on its complement, so that nothing is left
	failed *FieldError // the first error; of a field of fixed size, the one in fixedFields until Err is asked
}

// NewDatagramIterator returns an iterator at the first byte of the datagram. If
// the datagram has an error (see [Datagram.Err]), that is the iterator's error too,
// and nothing can be read: half a message must not pass for a whole one. The
// stdfloat setting is the datagram's. It is Panda3D's DatagramIterator(datagram).
func NewDatagramIterator(dg *Datagram) DatagramIterator {
	if dg.err != nil {
		return DatagramIterator{dg: dg, end: ^0, failed: dg.err}
	}
	return DatagramIterator{dg: dg, end: len(dg.data)}
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
	if it.failed == nil {
		return nil
	}
	if it.failed.Have == yetUnknown {
		failed := *it.failed
		failed.Offset, failed.Have = it.pos, ^it.end-it.pos
		it.failed = &failed
	}
	return it.failed
}

// CurrentIndex returns how many bytes lie before the cursor. It is Panda3D's
// get_current_index.
func (it *DatagramIterator) CurrentIndex() int {
	return it.pos
}

// RemainingSize returns how many bytes are left to read. After an error that is 0,
// so that a loop which reads while something remains comes to its end. It is
// Panda3D's get_remaining_size.
func (it *DatagramIterator) RemainingSize() int {
	return len(it.left())
}

// left returns the bytes that are left to read. A datagram that has become
// shorter since, against the rules, has none.
func (it *DatagramIterator) left() []byte {
	if it.pos >= it.end || it.end > len(it.dg.data) {
		return nil
	}
	return it.dg.data[it.pos:it.end]
}

// short records that a field of fixed size does not fit.
func (it *DatagramIterator) short(field fixedField) {
	it.fail(&fixedFields[field])
}

// fail records an error, unless there is an earlier one, and leaves nothing to
// read.
func (it *DatagramIterator) fail(err *FieldError) {
	if it.failed == nil {
		it.failed, it.end = err, ^it.end
	}
}

// take returns the next n bytes and goes past them. If there are not so many, it
// records that the field does not fit. n is an int64, as a length read from a
// datagram may be more than an int holds on a 32-bit system.
func (it *DatagramIterator) take(field string, n int64) []byte {
	b := it.left()
	if n < 0 || n > int64(len(b)) {
		it.fail(&FieldError{Field: field, Offset: it.pos, Need: int(min(n, math.MaxInt)), Have: len(b)})
		return nil
	}
	it.pos += int(n)
	return b[:n:n]
}

// GetBool reads one byte; any but 0 is true. It is Panda3D's get_bool.
func (it *DatagramIterator) GetBool() bool {
	b := it.left()
	if len(b) < 1 {
		it.short(fieldBool)
		return false
	}
	it.pos++
	return b[0] != 0
}

// GetInt8 reads one byte, in two's complement. It is Panda3D's get_int8.
func (it *DatagramIterator) GetInt8() int8 {
	b := it.left()
	if len(b) < 1 {
		it.short(fieldInt8)
		return 0
	}
	it.pos++
	return int8(b[0])
}

// GetUint8 reads one byte. It is Panda3D's get_uint8.
func (it *DatagramIterator) GetUint8() uint8 {
	b := it.left()
	if len(b) < 1 {
		it.short(fieldUint8)
		return 0
	}
	it.pos++
	return b[0]
}

// GetInt16 reads 2 bytes, little-endian. It is Panda3D's get_int16.
func (it *DatagramIterator) GetInt16() int16 {
	b := it.left()
	if len(b) < 2 {
		it.short(fieldInt16)
		return 0
	}
	it.pos += 2
	return int16(binary.LittleEndian.Uint16(b))
}

// GetUint16 reads 2 bytes, little-endian. It is Panda3D's get_uint16.
func (it *DatagramIterator) GetUint16() uint16 {
	b := it.left()
	if len(b) < 2 {
		it.short(fieldUint16)
		return 0
	}
	it.pos += 2
	return binary.LittleEndian.Uint16(b)
}

// GetInt32 reads 4 bytes, little-endian. It is Panda3D's get_int32.
func (it *DatagramIterator) GetInt32() int32 {
	b := it.left()
	if len(b) < 4 {
		it.short(fieldInt32)
		return 0
	}
	it.pos += 4
	return int32(binary.LittleEndian.Uint32(b))
}

// GetUint32 reads 4 bytes, little-endian. It is Panda3D's get_uint32.
func (it *DatagramIterator) GetUint32() uint32 {
	b := it.left()
	if len(b) < 4 {
		it.short(fieldUint32)
		return 0
	}
	it.pos += 4
	return binary.LittleEndian.Uint32(b)
}

// GetInt64 reads 8 bytes, little-endian. It is Panda3D's get_int64.
func (it *DatagramIterator) GetInt64() int64 {
	b := it.left()
	if len(b) < 8 {
		it.short(fieldInt64)
		return 0
	}
	it.pos += 8
	return int64(binary.LittleEndian.Uint64(b))
}

// GetUint64 reads 8 bytes, little-endian. It is Panda3D's get_uint64.
func (it *DatagramIterator) GetUint64() uint64 {
	b := it.left()
	if len(b) < 8 {
		it.short(fieldUint64)
		return 0
	}
	it.pos += 8
	return binary.LittleEndian.Uint64(b)
}

// GetFloat32 reads 4 bytes, little-endian IEEE 754. It is Panda3D's get_float32.
func (it *DatagramIterator) GetFloat32() float32 {
	b := it.left()
	if len(b) < 4 {
		it.short(fieldFloat32)
		return 0
	}
	it.pos += 4
	return math.Float32frombits(binary.LittleEndian.Uint32(b))
}

// GetFloat64 reads 8 bytes, little-endian IEEE 754. It is Panda3D's get_float64.
func (it *DatagramIterator) GetFloat64() float64 {
	b := it.left()
	if len(b) < 8 {
		it.short(fieldFloat64)
		return 0
	}
	it.pos += 8
	return math.Float64frombits(binary.LittleEndian.Uint64(b))
}

// GetStdfloat reads a float32, or a float64 if the datagram had its
// [Datagram.SetStdfloatDouble]. It is Panda3D's
// get_stdfloat.
func (it *DatagramIterator) GetStdfloat() float64 {
	b := it.left()
	if it.dg != nil && it.dg.stdfloatDouble {
		if len(b) < 8 {
			it.short(fieldStdfloatDouble)
			return 0
		}
		it.pos += 8
		return math.Float64frombits(binary.LittleEndian.Uint64(b))
	}
	if len(b) < 4 {
		it.short(fieldStdfloat)
		return 0
	}
	it.pos += 4
	return float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
}

// GetBEInt16 reads 2 bytes, big-endian. It is Panda3D's get_be_int16.
func (it *DatagramIterator) GetBEInt16() int16 {
	b := it.left()
	if len(b) < 2 {
		it.short(fieldBEInt16)
		return 0
	}
	it.pos += 2
	return int16(binary.BigEndian.Uint16(b))
}

// GetBEUint16 reads 2 bytes, big-endian. It is Panda3D's get_be_uint16.
func (it *DatagramIterator) GetBEUint16() uint16 {
	b := it.left()
	if len(b) < 2 {
		it.short(fieldBEUint16)
		return 0
	}
	it.pos += 2
	return binary.BigEndian.Uint16(b)
}

// GetBEInt32 reads 4 bytes, big-endian. It is Panda3D's get_be_int32.
func (it *DatagramIterator) GetBEInt32() int32 {
	b := it.left()
	if len(b) < 4 {
		it.short(fieldBEInt32)
		return 0
	}
	it.pos += 4
	return int32(binary.BigEndian.Uint32(b))
}

// GetBEUint32 reads 4 bytes, big-endian. It is Panda3D's get_be_uint32.
func (it *DatagramIterator) GetBEUint32() uint32 {
	b := it.left()
	if len(b) < 4 {
		it.short(fieldBEUint32)
		return 0
	}
	it.pos += 4
	return binary.BigEndian.Uint32(b)
}

// GetBEInt64 reads 8 bytes, big-endian. It is Panda3D's get_be_int64.
func (it *DatagramIterator) GetBEInt64() int64 {
	b := it.left()
	if len(b) < 8 {
		it.short(fieldBEInt64)
		return 0
	}
	it.pos += 8
	return int64(binary.BigEndian.Uint64(b))
}

// GetBEUint64 reads 8 bytes, big-endian. It is Panda3D's get_be_uint64.
func (it *DatagramIterator) GetBEUint64() uint64 {
	b := it.left()
	if len(b) < 8 {
		it.short(fieldBEUint64)
		return 0
	}
	it.pos += 8
	return binary.BigEndian.Uint64(b)
}

// GetBEFloat32 reads 4 bytes, big-endian IEEE 754. It is Panda3D's get_be_float32.
func (it *DatagramIterator) GetBEFloat32() float32 {
	b := it.left()
	if len(b) < 4 {
		it.short(fieldBEFloat32)
		return 0
	}
	it.pos += 4
	return math.Float32frombits(binary.BigEndian.Uint32(b))
}

// GetBEFloat64 reads 8 bytes, big-endian IEEE 754. It is Panda3D's get_be_float64.
func (it *DatagramIterator) GetBEFloat64() float64 {
	b := it.left()
	if len(b) < 8 {
		it.short(fieldBEFloat64)
		return 0
	}
	it.pos += 8
	return math.Float64frombits(binary.BigEndian.Uint64(b))
}

// PeekInt16 returns what GetInt16 would, and leaves the cursor where it
// is. Fewer than 2 bytes are an error here too. It is Panda3D's peek_int16.
func (it *DatagramIterator) PeekInt16() int16 {
	b := it.left()
	if len(b) < 2 {
		it.short(fieldInt16)
		return 0
	}
	return int16(binary.LittleEndian.Uint16(b))
}

// PeekUint16 returns what GetUint16 would, and leaves the cursor where it
// is. Fewer than 2 bytes are an error here too. It is Panda3D's peek_uint16.
func (it *DatagramIterator) PeekUint16() uint16 {
	b := it.left()
	if len(b) < 2 {
		it.short(fieldUint16)
		return 0
	}
	return binary.LittleEndian.Uint16(b)
}
