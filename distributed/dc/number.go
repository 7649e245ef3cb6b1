package dc

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
)

// A fault is what is wrong with a value: one of the errors of this package, and words.
type fault struct {
	err    error
	detail string
}

func faultf(err error, format string, args ...any) *fault {
	return &fault{err, fmt.Sprintf(format, args...)}
}

// appendInteger packs an integer, given by its magnitude, as a number.
func (t *Type) appendInteger(dst []byte, magnitude uint64, negative bool) ([]byte, *fault) {
	if !t.kind.isNumber() {
		return dst, faultf(ErrType, "a number for %v", t.kind)
	}
	high, low := bits.Mul64(magnitude, uint64(t.divisor))
	if t.hasModulus && t.whole != 0 {
		low, high = bits.Rem64(high, low, t.whole), 0
		if negative && low != 0 {
			low = t.whole - low
		}
		negative = false
	}
	negative = negative && (low != 0 || high != 0)
	if t.kind == Float64 {
		v := math.Ldexp(float64(high), 64) + float64(low)
		if negative {
			v = -v
		}
		return t.appendReal(dst, v)
	}
	if t.kind.signed() {
		limit := uint64(1) << (kindBits[t.kind] - 1)
		if high != 0 || low > limit || low == limit && !negative {
			return dst, t.outOfRange(signString(magnitude, negative))
		}
		v := int64(low)
		if negative {
			v = -v
		}
		if !within(t.ints, v) {
			return dst, t.outOfRange(signString(magnitude, negative))
		}
		low = uint64(v)
	} else if high != 0 || negative || low > math.MaxUint64>>(64-kindBits[t.kind]) || !within(t.uints, low) {
		return dst, t.outOfRange(signString(magnitude, negative))
	}
	return t.appendBits(dst, low), nil
}

// appendFloat packs a real as a number, rounded if it is an integer.
func (t *Type) appendFloat(dst []byte, v float64) ([]byte, *fault) {
	if !t.kind.isNumber() {
		return dst, faultf(ErrType, "a number for %v", t.kind)
	}
	scaled := float64(v * float64(t.divisor)) // the conversion keeps processors from adding 0.5 before they round
	if t.hasModulus {
		scaled = reduce(scaled, t.scaled)
	}
	if t.kind == Float64 {
		return t.appendReal(dst, scaled)
	}
	whole := math.Floor(scaled + 0.5)
	if t.kind.signed() {
		limit := math.Ldexp(1, int(kindBits[t.kind])-1)
		if !(whole >= -limit && whole < limit && within(t.ints, int64(whole))) {
			return dst, t.outOfRange(fmt.Sprint(v))
		}
		return t.appendBits(dst, uint64(int64(whole))), nil
	}
	limit := math.Ldexp(1, int(kindBits[t.kind]))
	if !(whole >= 0 && whole < limit && within(t.uints, uint64(whole))) {
		return dst, t.outOfRange(fmt.Sprint(v))
	}
	return t.appendBits(dst, uint64(whole)), nil
}

// reduce returns v modulo a number, as Panda3D computes it: at least 0, and less than the modulus.
func reduce(v, modulus float64) float64 {
	if v >= 0 {
		return math.Mod(v, modulus)
	}
	if v = modulus - math.Mod(-v, modulus); v == modulus {
		return 0
	}
	return v
}

// appendReal packs a float64, whose divisor and modulus have been applied.
func (t *Type) appendReal(dst []byte, v float64) ([]byte, *fault) {
	if !within(t.reals, v) {
		return dst, t.outOfRange(fmt.Sprint(v))
	}
	return t.appendBits(dst, math.Float64bits(v)), nil
}

// appendBits packs the low bits of a number.
func (t *Type) appendBits(dst []byte, v uint64) []byte {
	switch kindBits[t.kind] {
	case 8:
		return append(dst, byte(v))
	case 16:
		return binary.LittleEndian.AppendUint16(dst, uint16(v))
	case 32:
		return binary.LittleEndian.AppendUint32(dst, uint32(v))
	}
	return binary.LittleEndian.AppendUint64(dst, v)
}

// bits unpacks the bits of a number, with those of a negative one extended.
func (t *Type) bits(data []byte) uint64 {
	switch t.kind {
	case Int8:
		return uint64(int8(data[0]))
	case Int16:
		return uint64(int16(binary.LittleEndian.Uint16(data)))
	case Int32:
		return uint64(int32(binary.LittleEndian.Uint32(data)))
	case Uint8, Char:
		return uint64(data[0])
	case Uint16:
		return uint64(binary.LittleEndian.Uint16(data))
	case Uint32:
		return uint64(binary.LittleEndian.Uint32(data))
	}
	return binary.LittleEndian.Uint64(data)
}

// float unpacks a number.
func (t *Type) float(data []byte) float64 {
	v := t.bits(data)
	f := float64(v)
	switch {
	case t.kind == Float64:
		f = math.Float64frombits(v)
	case t.kind.signed():
		f = float64(int64(v))
	}
	if t.divisor != 1 {
		f /= float64(t.divisor)
	}
	return f
}

// checkNumber says whether the packed number is within the ranges.
func (t *Type) checkNumber(data []byte) *fault {
	v := t.bits(data)
	ok := true
	switch {
	case t.kind == Float64:
		ok = within(t.reals, math.Float64frombits(v))
	case t.kind.signed():
		ok = within(t.ints, int64(v))
	default:
		ok = within(t.uints, v)
	}
	switch {
	case !ok:
		return t.outOfRange(fmt.Sprint(t.float(data)))
	case t.kind == Char && v >= 0x80:
		return faultf(ErrUTF8, "the character 0x%x", v)
	}
	return nil
}

// outOfRange returns the fault of a number, or of the length of another value.
func (t *Type) outOfRange(value string) *fault {
	return faultf(ErrRange, "%s does not fit %v", value, t)
}

func signString(magnitude uint64, negative bool) string {
	if negative {
		return fmt.Sprintf("-%d", magnitude)
	}
	return fmt.Sprint(magnitude)
}
