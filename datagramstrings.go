package queuednet

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// The fields without a fixed size: strings, blobs and plain bytes. Strings travel as
// the bytes they consist of, which Python's side of Panda3D takes for UTF-8; lengths
// count bytes. Only wide strings are recoded.

// AddString adds the length as 2 bytes, little-endian, then the bytes of s. A
// string over 65,535 bytes is an error. It is Panda3D's add_string.
func (d *Datagram) AddString(s string) {
	addCounted(d, "string", 2, s)
}

// AddString32 adds the length as 4 bytes, little-endian, then the bytes of s. A
// string over 4,294,967,295 bytes is an error. It is Panda3D's add_string32.
func (d *Datagram) AddString32(s string) {
	addCounted(d, "string32", 4, s)
}

// AddZString adds the bytes of s up to its first NUL, if it has one, then a NUL.
// It is Panda3D's add_z_string.
func (d *Datagram) AddZString(s string) {
	if d.err != nil {
		return
	}
	s, _, _ = strings.Cut(s, "\x00")
	d.data = append(append(d.data, s...), 0)
}

// AddFixedString adds exactly size bytes: those of s, cut silently or followed by
// zero bytes. A string that fills them all has no NUL after it, and one cut in
// the middle of a character is no longer UTF-8. A negative size is an error, and
// so is one that would make the datagram 2 GiB or longer. It is Panda3D's
// add_fixed_string.
func (d *Datagram) AddFixedString(s string, size int) {
	if !d.sizeFits("fixed_string", size) {
		return
	}
	b := d.room(size)
	clear(b[copy(b, s):])
}

// AddWString adds s in UTF-16: the number of 16-bit units as 4 bytes, then 2 bytes
// a unit, all little-endian. A character above U+FFFF takes two units, a surrogate
// pair, as on Panda3D for Windows; elsewhere Panda3D counts it as one and cuts it
// to its low 16 bits. What is not UTF-8 in s becomes U+FFFD. It is Panda3D's
// add_wstring.
func (d *Datagram) AddWString(s string) {
	if d.err != nil {
		return
	}
	data := append(d.data, 0, 0, 0, 0)
	for _, r := range s {
		if r <= math.MaxUint16 {
			data = binary.LittleEndian.AppendUint16(data, uint16(r))
			continue
		}
		high, low := utf16.EncodeRune(r)
		data = binary.LittleEndian.AppendUint16(data, uint16(high))
		data = binary.LittleEndian.AppendUint16(data, uint16(low))
	}
	// Only now is the count known, and with it whether the field may stay.
	start := len(d.data)
	size := len(data) - start - 4
	if d.fits("wstring", int64(size), 2*math.MaxUint32) {
		binary.LittleEndian.PutUint32(data[start:], uint32(size/2))
		d.data = data
	}
}

// AddBlob adds the length as 2 bytes, little-endian, then data. More than 65,535 bytes
// are an error. It is Panda3D's add_blob.
func (d *Datagram) AddBlob(data []byte) {
	addCounted(d, "blob", 2, data)
}

// AddDatagram adds another datagram as AddBlob adds its bytes, to be read with
// GetBlob. If other has an error, that is d's error from then on and nothing is
// added, so that no half of a message is sent inside another one. Nil is an
// error too. It takes the place of Panda3D's add_blob with another's get_message.
func (d *Datagram) AddDatagram(other *Datagram) {
	switch {
	case d.err != nil:
	case other == nil:
		d.err = &FieldError{Field: "nil datagram", Offset: len(d.data), Write: true}
		d.changed()
	case other.err != nil:
		d.err = other.err
		d.changed()
	default:
		d.AddBlob(other.data)
	}
}

// AddBlob32 adds the length as 4 bytes, little-endian, then data. More than
// 4,294,967,295 bytes are an error. It is Panda3D's add_blob32.
func (d *Datagram) AddBlob32(data []byte) {
	addCounted(d, "blob32", 4, data)
}

// addCounted adds a count, 2 or 4 bytes like the header of a frame, and the bytes
// of data.
func addCounted[T string | []byte](d *Datagram, field string, countSize int, data T) {
	if !d.fits(field, int64(len(data)), maxPayload(countSize)) {
		return
	}
	b := d.room(countSize + len(data))
	appendHeader(b[:0], countSize, len(data))
	copy(b[countSize:], data)
}

// GetString reads a length of 2 bytes, little-endian, and as many bytes as it says. It
// is Panda3D's get_string.
func (it *DatagramIterator) GetString() string {
	return string(it.takeCounted("string", 2, 1))
}

// GetString32 reads a length of 4 bytes, little-endian, and as many bytes as it says.
// It is Panda3D's get_string32.
func (it *DatagramIterator) GetString32() string {
	return string(it.takeCounted("string32", 4, 1))
}

// GetZString reads up to the next NUL and goes past it. No NUL in what is left is
// an error. It is Panda3D's get_z_string.
func (it *DatagramIterator) GetZString() string {
	n := bytes.IndexByte(it.left(), 0)
	if n < 0 {
		it.take("z_string", int64(it.RemainingSize())+1)
		return ""
	}
	return string(it.take("z_string", int64(n)+1)[:n])
}

// GetFixedString reads exactly size bytes and returns those before the first NUL,
// all of them if there is none. A negative size is an error. It is Panda3D's
// get_fixed_string.
func (it *DatagramIterator) GetFixedString(size int) string {
	b, _, _ := bytes.Cut(it.take("fixed_string", int64(size)), []byte{0})
	return string(b)
}

// GetWString reads UTF-16: the number of 16-bit units as 4 bytes, then 2 bytes a
// unit, all little-endian. Half of a surrogate pair alone becomes U+FFFD. It is
// Panda3D's get_wstring.
func (it *DatagramIterator) GetWString() string {
	b := it.takeCounted("wstring", 4, 2)
	var text strings.Builder
	text.Grow(len(b) / 2)
	for ; len(b) >= 2; b = b[2:] {
		r := rune(binary.LittleEndian.Uint16(b))
		if utf16.IsSurrogate(r) {
			var low rune
			if len(b) >= 4 {
				low = rune(binary.LittleEndian.Uint16(b[2:]))
			}
			if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
				b = b[2:] // a pair
			}
		}
		text.WriteRune(r)
	}
	return text.String()
}

// GetBlob reads a length of 2 bytes, little-endian, and as many bytes as it says. They
// are the datagram's own memory; bytes.Clone keeps them. It is Panda3D's get_blob.
func (it *DatagramIterator) GetBlob() []byte {
	return it.takeCounted("blob", 2, 1)
}

// GetBlob32 reads a length of 4 bytes, little-endian, and as many bytes as it says.
// They are the datagram's own memory; bytes.Clone keeps them. It is Panda3D's
// get_blob32.
func (it *DatagramIterator) GetBlob32() []byte {
	return it.takeCounted("blob32", 4, 1)
}

// ExtractBytes reads n bytes. They are the datagram's own memory; bytes.Clone
// keeps them. A negative n is an error. It is Panda3D's extract_bytes.
func (it *DatagramIterator) ExtractBytes(n int) []byte {
	return it.take("bytes", int64(n))
}

// SkipBytes goes past n bytes. A negative n is an error. It is Panda3D's
// skip_bytes.
func (it *DatagramIterator) SkipBytes(n int) {
	it.take("bytes", int64(n))
}

// RemainingBytes returns the bytes that are left, none after an error, and leaves
// the cursor where it is. They are the datagram's own memory; bytes.Clone keeps
// them. It is Panda3D's get_remaining_bytes.
func (it *DatagramIterator) RemainingBytes() []byte {
	b := it.left()
	return b[:len(b):len(b)]
}

// takeCounted reads a count, as addCounted adds it, and returns as many units of
// unitSize bytes. The cursor goes past all of it, or stays.
func (it *DatagramIterator) takeCounted(field string, countSize int, unitSize int64) []byte {
	b := it.left()
	need := int64(countSize)
	if len(b) >= countSize {
		need += payloadLength(b, countSize) * unitSize
		if need <= int64(len(b)) {
			it.pos += uint64(need)
			return b[countSize:need:need]
		}
	}
	it.fail(field, need, len(b))
	return nil
}
