package dc

import (
	"encoding/binary"
	"math"
	"strconv"
	"unicode/utf8"
)

// A Packer packs the arguments of a field one by one, without allocating. What is in an
// array, a struct or a switch stands between Push and Pop; the key of a switch comes
// first. The first error sticks, and Finish returns it.
//
//	p := field.Packer(dst)
//	p.Float(1.5)
//	p.Push()
//	p.Uint(7)
//	p.Uint(8)
//	p.Pop()
//	dst, err := p.Finish()
type Packer struct {
	field *Field
	dst   []byte
	start int  // of the arguments in dst
	raw   bool // strings need not be UTF-8: those of DC files
	err   error

	at     packFrame
	around stack[packFrame]
}

// A packFrame is a list of values that is being packed.
type packFrame struct {
	cursor
	start int // of the list in dst
}

// Packer returns a Packer that appends to dst.
func (f *Field) Packer(dst []byte) Packer { return newPacker(f, dst, f.params) }

func newPacker(f *Field, dst []byte, members []*Parameter) Packer {
	return Packer{field: f, dst: dst, start: len(dst), at: packFrame{cursor: cursor{members: members}}}
}

// target returns the type of the next value for a method that packs it; it is nil, and
// the error noted, if there is none.
func (p *Packer) target() *Type {
	if p.err != nil {
		return nil
	}
	t := p.at.next()
	if t == nil {
		p.fail(&fault{ErrType, "too many values"})
	}
	return t
}

// done goes on behind a value, or notes what is wrong with it.
func (p *Packer) done(dst []byte, f *fault) {
	if f != nil {
		p.fail(f)
		return
	}
	p.dst = dst
	p.at.index++
	if s := p.at.typ; s != nil && s.kind == Switch && p.at.index == 1 {
		c := s.switched.find(dst[p.at.start:])
		if c == nil {
			p.fail(&fault{ErrRange, "no case has this key"})
			return
		}
		p.at.choose(c)
	}
}

// Int packs an integer.
func (p *Packer) Int(v int64) {
	if v >= 0 {
		p.Uint(uint64(v))
		return
	}
	t := p.target()
	if t == nil {
		return
	}
	if t.kind.isNumber() && !t.kind.signed() && t.kind != Float64 && t.divisor == 1 {
		p.fail(t.outOfRange(strconv.FormatInt(v, 10))) // also with a modulus, as in Panda3D
		return
	}
	p.done(t.appendInteger(p.dst, -uint64(v), true))
}

// Uint packs an integer that is not negative.
func (p *Packer) Uint(v uint64) { p.integer(v, false) }

// integer packs an integer. A negative one for an unsigned type may have a modulus, as
// the texts of values allow.
func (p *Packer) integer(magnitude uint64, negative bool) {
	if t := p.target(); t != nil {
		p.done(t.appendInteger(p.dst, magnitude, negative))
	}
}

// Float packs a real; for a type of integers it is rounded.
func (p *Packer) Float(v float64) {
	if t := p.target(); t != nil {
		p.done(t.appendFloat(p.dst, v))
	}
}

// String packs a string, a blob, a char[], an int8[] or uint8[], or a single byte.
func (p *Packer) String(v string) {
	if t := p.target(); t != nil {
		p.done(appendBytes(t, p.dst, v, p.raw))
	}
}

// Bytes packs what String does, and a uint8array. No divisor or modulus changes the bytes.
func (p *Packer) Bytes(v []byte) {
	if t := p.target(); t != nil {
		p.done(appendBytes(t, p.dst, v, p.raw))
	}
}

// literal takes the next value in its packed form, without looking at it.
func (p *Packer) literal(v string) {
	if t := p.target(); t != nil {
		p.done(append(p.dst, v...), nil)
	}
}

// appendBytes packs what String packs.
func appendBytes[S []byte | string](t *Type, dst []byte, v S, raw bool) ([]byte, *fault) {
	switch t.kind {
	case Int8, Uint8, Char:
		return appendByte(t, dst, v)
	case String, Blob, Blob32:
	case Uint8Array:
		if _, text := any(v).(string); text {
			return dst, faultf(ErrType, "a string for %v", t.kind) // as in Panda3D
		}
	case Array:
		if t.elem.kind != Char && t.elem.kind != Uint8 && t.elem.kind != Int8 {
			return dst, faultf(ErrType, "a string for %v", t)
		}
	default:
		return dst, faultf(ErrType, "a string for %v", t.kind)
	}
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)[:start+int(t.prefix)]
	dst = append(dst, v...)
	return t.closeList(dst, start, len(v), raw)
}

// appendByte packs a number that is given as a string of one byte.
func appendByte[S []byte | string](t *Type, dst []byte, v S) ([]byte, *fault) {
	switch len(v) {
	case 0:
		return dst, faultf(ErrType, "an empty string for %v", t.kind)
	case 1:
		dst = append(dst, v[0])
		return dst, t.checkNumber(dst[len(dst)-1:])
	}
	return dst, t.outOfRange("a string of " + strconv.Itoa(len(v)) + " bytes")
}

// closeList checks the n elements of a list that begins, with the room for its length, at
// start of dst, and fills in the length.
func (t *Type) closeList(dst []byte, start, n int, raw bool) ([]byte, *fault) {
	list := dst[start+int(t.prefix):]
	if t.kind == Array || t.kind == String || t.kind == Blob || t.kind == Blob32 {
		if !within(t.uints, uint64(n)) {
			return dst, t.outOfRange("a length of " + strconv.Itoa(n))
		}
		if f := t.checkText(list); f != nil && !(raw && f.err == ErrUTF8) {
			return dst, f
		}
	}
	switch t.prefix {
	case 2:
		if len(list) > math.MaxUint16 {
			return dst, t.outOfRange(strconv.Itoa(len(list)) + " bytes")
		}
		binary.LittleEndian.PutUint16(dst[start:], uint16(len(list)))
	case 4:
		if uint64(len(list)) > math.MaxUint32 {
			return dst, t.outOfRange(strconv.Itoa(len(list)) + " bytes")
		}
		binary.LittleEndian.PutUint32(dst[start:], uint32(len(list)))
	}
	return dst, nil
}

// checkText checks the bytes of a string, a char[], a uint8[] or an int8[].
func (t *Type) checkText(list []byte) *fault {
	if (t.kind == String || t.isText()) && !utf8.Valid(list) {
		return &fault{ErrUTF8, ""}
	}
	if t.kind == Array && !t.elem.plain && t.elem.kind.isNumber() && t.elem.size == 1 {
		for i := range list {
			if e := t.elem; !within(e.uints, uint64(list[i])) || !within(e.ints, int64(int8(list[i]))) {
				return e.outOfRange(strconv.Itoa(int(list[i])))
			}
		}
	}
	return nil
}
