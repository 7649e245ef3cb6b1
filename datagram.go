package queuednet

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
)

// A Datagram is one message: a growing array of bytes, with a method for each kind of
// field that Panda3D knows. It has no type tags: whoever reads it must know the fields
// and their order. It is Panda3D's Datagram.
//
// The zero value is an empty datagram, ready to use.
//
// Errors are sticky, so that a message can be built without a check at every
// field: after the first field that could not be added, [Datagram.Err] tells
// which one, the Add methods add nothing more, and sending the datagram returns
// that error. [Datagram.Clear] and [Datagram.Assign] start afresh.
//
// Assigning a Datagram to another copies a slice header, not the bytes: the two
// share memory, and adding to one may overwrite what was added to the other.
// [Datagram.Clone] makes an independent copy. (A Panda3D datagram is copied when
// one of its copies is modified.)
//
// A datagram that the library hands out during a drain may lie in its receive buffers,
// where it may only be read. The methods see to that: adding to such a datagram,
// clearing it or assigning to it moves it to memory of its own first.
//
// A Datagram is not safe for use by several goroutines at once.
type Datagram struct {
	data           []byte
	err            *FieldError
	stdfloatDouble bool

	memory memory
}

// memory says whose memory the data is. It also says whether the program has changed
// anything else, so that the loop that hands datagrams out needs one look at its own.
//
// Memory of a receive buffer is read by others. Its capacity is its length, so that
// append never writes there; a method that would write in place gives the memory up
// instead.
type memory uint8

const (
	ownMemory memory = iota
	receiveBuffer
	receiveBufferChanged // and something beside the data is not as it came
)

// changed is called when something other than the data was set.
func (d *Datagram) changed() {
	if d.memory == receiveBuffer {
		d.memory = receiveBufferChanged
	}
}

// NewDatagram returns a datagram that holds a copy of data.
// It is Panda3D's Datagram(bytes).
func NewDatagram(data []byte) *Datagram {
	return &Datagram{data: bytes.Clone(data)}
}

// Clear makes the datagram empty, forgets its error, and keeps its memory for the
// fields that follow. The stdfloat setting stays. It is Panda3D's clear.
func (d *Datagram) Clear() {
	if d.memory != ownMemory {
		d.data, d.memory = nil, ownMemory
	}
	d.data = d.data[:0]
	d.err = nil
}

// Assign replaces the contents by a copy of data, and forgets the error. The stdfloat
// setting stays. It is Panda3D's assign.
func (d *Datagram) Assign(data []byte) {
	d.Clear()
	d.data = append(d.data, data...)
}

// Message returns the contents, which are whole only if [Datagram.Err] is nil: after an error they
// end before the field that could not be added. To put a datagram into another one,
// [Datagram.AddDatagram] keeps the error. They are the datagram's own memory, valid until the
// datagram is next changed; those of a datagram that the library hands out during a drain are valid
// as long as that datagram. bytes.Clone keeps them. It is Panda3D's get_message, get_data and
// get_array.
func (d *Datagram) Message() []byte {
	return d.data[:len(d.data):len(d.data)]
}

// Length returns how many bytes the datagram holds. It is Panda3D's get_length.
func (d *Datagram) Length() int {
	return len(d.data)
}

// Err returns the error of the first field that could not be added, a
// [*FieldError], or nil. Panda3D has an assertion in its place.
func (d *Datagram) Err() error {
	if d.err == nil {
		return nil
	}
	return d.err
}

// SetStdfloatDouble chooses whether a stdfloat of this datagram takes 8 bytes
// instead of 4. It is not transmitted: both ends must agree. Set it before
// adding, and on a received datagram before reading the stdfloat. It is Panda3D's
// set_stdfloat_double.
func (d *Datagram) SetStdfloatDouble(double bool) {
	d.stdfloatDouble = double
	d.changed()
}

// StdfloatDouble reports whether a stdfloat takes 8 bytes instead of 4. It is
// Panda3D's get_stdfloat_double.
func (d *Datagram) StdfloatDouble() bool {
	return d.stdfloatDouble
}

// Equal reports whether both hold the same bytes. It does not look at errors and the
// stdfloat setting. Nil counts as an empty datagram. It is Panda3D's ==, except that
// two empty datagrams are equal whatever their past.
func (d *Datagram) Equal(other *Datagram) bool {
	return d.Compare(other) == 0
}

// Compare orders datagrams by their bytes, like bytes.Compare: it returns a negative
// number if d comes first, and 0 if they are equal. Nil counts as an empty datagram. It
// takes the place of Panda3D's < operator.
func (d *Datagram) Compare(other *Datagram) int {
	if other == nil {
		other = new(Datagram)
	}
	return bytes.Compare(d.data, other.data)
}

// Clone returns a copy that shares nothing with the datagram, with the same
// error and stdfloat setting. It is Panda3D's copy constructor.
func (d *Datagram) Clone() *Datagram {
	return &Datagram{data: bytes.Clone(d.data), err: d.err, stdfloatDouble: d.stdfloatDouble}
}

// Iterator returns an iterator at the first byte; see [NewDatagramIterator].
func (d *Datagram) Iterator() DatagramIterator {
	return NewDatagramIterator(d)
}

// String says how long the datagram is, for messages; [Datagram.DumpHex] shows its
// contents. It is Panda3D's output.
func (d *Datagram) String() string {
	text := "datagram of " + count(len(d.data), "byte")
	if d.err != nil {
		text += fmt.Sprintf(" (%v)", d.err)
	}
	return text
}

// DumpHex writes the contents as text for people, 16 bytes a line: indent spaces,
// the offset, the bytes in hexadecimal, the same as ASCII. It returns the first
// error of w. It is Panda3D's dump_hex, and writes the same text.
func (d *Datagram) DumpHex(w io.Writer, indent int) error {
	prefix := bytes.Repeat([]byte{' '}, max(indent, 0))
	var line []byte
	for offset := 0; offset < len(d.data); offset += 16 {
		chunk := d.data[offset:min(offset+16, len(d.data))]
		line = append(line[:0], prefix...)
		line = fmt.Appendf(line, "%04x  ", offset)
		for i := range 16 {
			if i < len(chunk) {
				line = fmt.Appendf(line, "%02x ", chunk[i])
			} else {
				line = append(line, "   "...)
			}
		}
		line = append(line, ' ')
		for _, c := range chunk {
			if c < ' ' || c > '~' {
				c = '.'
			}
			line = append(line, c)
		}
		line = append(line, '\n')
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	return nil
}

// The methods that add a number are written so that they only store a new length in the
// datagram, as append to a variable itself does. That takes three quarters of the time:
// reading back a pointer or a capacity that was just stored, for each field, costs
// more.

// AddBool adds one byte, 0 or 1. It is Panda3D's add_bool.
func (d *Datagram) AddBool(value bool) {
	var b byte
	if value {
		b = 1
	}
	d.AddUint8(b)
}

// AddInt8 adds one byte, in two's complement. It is Panda3D's add_int8.
func (d *Datagram) AddInt8(value int8) {
	d.AddUint8(uint8(value))
}

// AddUint8 adds one byte. It is Panda3D's add_uint8.
func (d *Datagram) AddUint8(value uint8) {
	if d.err == nil {
		d.data = append(d.data, value)
	}
}

// AddInt16 adds 2 bytes, little-endian. It is Panda3D's add_int16.
func (d *Datagram) AddInt16(value int16) {
	d.AddUint16(uint16(value))
}

// AddUint16 adds 2 bytes, little-endian. It is Panda3D's add_uint16.
func (d *Datagram) AddUint16(value uint16) {
	if d.err == nil {
		d.data = append(d.data, byte(value), byte(value>>8))
	}
}

// AddInt32 adds 4 bytes, little-endian. It is Panda3D's add_int32.
func (d *Datagram) AddInt32(value int32) {
	d.AddUint32(uint32(value))
}

// AddUint32 adds 4 bytes, little-endian. It is Panda3D's add_uint32.
func (d *Datagram) AddUint32(value uint32) {
	if d.err == nil {
		d.data = append(d.data, byte(value), byte(value>>8), byte(value>>16), byte(value>>24))
	}
}

// AddInt64 adds 8 bytes, little-endian. It is Panda3D's add_int64.
func (d *Datagram) AddInt64(value int64) {
	d.AddUint64(uint64(value))
}

// AddUint64 adds 8 bytes, little-endian. It is Panda3D's add_uint64.
func (d *Datagram) AddUint64(value uint64) {
	if d.err == nil {
		d.data = append(d.data, byte(value), byte(value>>8), byte(value>>16), byte(value>>24), byte(value>>32), byte(value>>40), byte(value>>48), byte(value>>56))
	}
}

// AddFloat32 adds 4 bytes, little-endian IEEE 754. It is Panda3D's add_float32.
func (d *Datagram) AddFloat32(value float32) {
	d.AddUint32(math.Float32bits(value))
}

// AddFloat64 adds 8 bytes, little-endian IEEE 754. It is Panda3D's add_float64.
func (d *Datagram) AddFloat64(value float64) {
	d.AddUint64(math.Float64bits(value))
}

// AddStdfloat adds a float32, rounded from value, or a float64 if
// [Datagram.SetStdfloatDouble] says so. It is Panda3D's add_stdfloat.
func (d *Datagram) AddStdfloat(value float64) {
	if d.stdfloatDouble {
		d.AddFloat64(value)
	} else {
		d.AddFloat32(float32(value))
	}
}

// AddBEInt16 adds 2 bytes, big-endian. It is Panda3D's add_be_int16.
func (d *Datagram) AddBEInt16(value int16) {
	d.AddBEUint16(uint16(value))
}

// AddBEUint16 adds 2 bytes, big-endian. It is Panda3D's add_be_uint16.
func (d *Datagram) AddBEUint16(value uint16) {
	if d.err == nil {
		d.data = append(d.data, byte(value>>8), byte(value))
	}
}

// AddBEInt32 adds 4 bytes, big-endian. It is Panda3D's add_be_int32.
func (d *Datagram) AddBEInt32(value int32) {
	d.AddBEUint32(uint32(value))
}

// AddBEUint32 adds 4 bytes, big-endian. It is Panda3D's add_be_uint32.
func (d *Datagram) AddBEUint32(value uint32) {
	if d.err == nil {
		d.data = append(d.data, byte(value>>24), byte(value>>16), byte(value>>8), byte(value))
	}
}

// AddBEInt64 adds 8 bytes, big-endian. It is Panda3D's add_be_int64.
func (d *Datagram) AddBEInt64(value int64) {
	d.AddBEUint64(uint64(value))
}

// AddBEUint64 adds 8 bytes, big-endian. It is Panda3D's add_be_uint64.
func (d *Datagram) AddBEUint64(value uint64) {
	if d.err == nil {
		d.data = append(d.data, byte(value>>56), byte(value>>48), byte(value>>40), byte(value>>32), byte(value>>24), byte(value>>16), byte(value>>8), byte(value))
	}
}

// AddBEFloat32 adds 4 bytes, big-endian IEEE 754. It is Panda3D's add_be_float32.
func (d *Datagram) AddBEFloat32(value float32) {
	d.AddBEUint32(math.Float32bits(value))
}

// AddBEFloat64 adds 8 bytes, big-endian IEEE 754. It is Panda3D's add_be_float64.
func (d *Datagram) AddBEFloat64(value float64) {
	d.AddBEUint64(math.Float64bits(value))
}

// PadBytes adds n zero bytes. A negative n is an error, and so is one that would
// make the datagram 2 GiB or longer. It is Panda3D's pad_bytes.
func (d *Datagram) PadBytes(n int) {
	if d.sizeFits("bytes", n) {
		clear(d.room(n))
	}
}

// AppendData adds the bytes as they are, with no length before them. It is
// Panda3D's append_data.
func (d *Datagram) AppendData(data []byte) {
	if d.err == nil {
		d.data = append(d.data, data...)
	}
}

// room adds n bytes without asking, for the caller to fill.
func (d *Datagram) room(n int) []byte {
	start, end := len(d.data), len(d.data)+n
	if end > cap(d.data) {
		d.data = slices.Grow(d.data, n)
	}
	d.data = d.data[:end]
	return d.data[start:end]
}

// sizeFits reports whether a field of size bytes may be added: no size that the
// program gives may make the datagram's length overflow an int, on 32-bit
// systems either.
func (d *Datagram) sizeFits(field string, size int) bool {
	return d.fits(field, int64(size), max(0, math.MaxInt32-int64(len(d.data))))
}

// fits reports whether a field whose contents take need bytes may be added, where
// most is the limit. If not, it records the error, unless there is one already.
func (d *Datagram) fits(field string, need, most int64) bool {
	if d.err != nil {
		return false
	}
	if 0 <= need && need <= most {
		return true
	}
	d.err = &FieldError{Field: field, Offset: len(d.data), Need: int(need), Have: int(most), Write: true}
	d.changed()
	return false
}
