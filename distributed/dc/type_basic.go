package dc

import (
	"math"
	"slices"
)

// basicKind returns the kind of a basic type by its word.
func basicKind(word string) (Kind, bool) {
	i := slices.Index(kindNames[:Array], word)
	return Kind(max(i, 0)), i >= 0
}

// What a basic type has by its kind: the bits of a number; for the …array types, those
// of an element, and for strings and blobs those of the length.
var kindBits = [...]uint{Int8: 8, Int16: 16, Int32: 32, Int64: 64, Uint8: 8, Uint16: 16, Uint32: 32, Uint64: 64,
	Float64: 64, String: 16, Blob: 16, Blob32: 32, Int16Array: 16, Int32Array: 32, Uint16Array: 16, Uint32Array: 32, Int8Array: 8, Uint8Array: 8,
	Uint32Uint8Array: 40, Char: 8}

func (k Kind) signed() bool {
	return k <= Int64 || k == Int8Array || k == Int16Array || k == Int32Array
}

// isNumber says whether values are packed as one number.
func (k Kind) isNumber() bool { return k <= Float64 || k == Char }

// elements of the basic types that are also lists.
var elemTypes = map[Kind]*Type{
	Int8Array: basic(Int8), Int16Array: basic(Int16), Int32Array: basic(Int32),
	Uint8Array: basic(Uint8), Uint16Array: basic(Uint16), Uint32Array: basic(Uint32),
	String: basic(Char), Blob: basic(Uint8), Blob32: basic(Uint8),
	Uint32Uint8Array: structOf(&Parameter{typ: basic(Uint32)}, &Parameter{typ: basic(Uint8)}),
}

// basic returns a basic type that has no elements.
func basic(kind Kind) *Type {
	t := &Type{kind: kind, divisor: 1}
	t.setBasic()
	t.seal()
	return t
}

// structOf returns the type of an unnamed struct.
func structOf(members ...*Parameter) *Type {
	t := &Type{kind: Struct, divisor: 1, members: members}
	t.claimMembers(members)
	t.seal()
	return t
}

// setBasic sets what follows from the kind of a basic type.
func (t *Type) setBasic() {
	switch t.kind {
	case Blob32:
		t.prefix = 4
	case String, Blob, Int8Array, Int16Array, Int32Array, Uint8Array, Uint16Array, Uint32Array, Uint32Uint8Array:
		t.prefix = 2
	default:
		t.claimed, t.claimedSize = true, uint64(kindBits[t.kind]/8)
	}
}

// setDivisor sets the divisor, and the ranges anew, which are declared in units before it.
// What does not fit the type any more is no error in Panda3D; the result says whether the
// modulus still does.
func (t *Type) setDivisor(divisor uint32) bool {
	t.divisor = divisor
	if len(t.declared) > 0 {
		t.setRanges(t.declared)
	}
	return !t.hasModulus || t.setModulus(t.modulus)
}

// setModulus sets the modulus. The result says whether it fits the type.
func (t *Type) setModulus(modulus float64) bool {
	if modulus <= 0 || t.kind == Uint32Uint8Array {
		return false
	}
	t.hasModulus, t.modulus = true, modulus
	t.scaled = float64(modulus * float64(t.divisor))
	t.whole = floatToUint(math.Floor(t.scaled + 0.5))
	if t.kind == Uint64 || t.kind == Float64 {
		return true
	}
	bits := kindBits[t.kind]
	if t.kind.signed() {
		bits--
	}
	return t.whole-1 <= 1<<bits-1 // 0-1 is too large, too
}

// setRanges sets the range of a basic type. The result says whether it fits the type.
func (t *Type) setRanges(declared []Range) bool {
	t.declared = declared
	t.ints, t.uints, t.reals = nil, nil, nil
	fits := true
	for _, r := range declared {
		fits = t.addRange(r) && fits
	}
	switch t.kind {
	case String, Blob, Blob32:
		t.claimed = len(t.uints) == 1 && t.uints[0].min == t.uints[0].max
		t.prefix = 2
		if t.kind == Blob32 {
			t.prefix = 4
		}
		if t.claimed {
			t.prefix, t.claimedSize = 0, t.uints[0].min
		}
	case Uint32Uint8Array:
		return false
	}
	return fits
}

// addRange adds an interval in packed units. One that overlaps another after rounding
// is left out, as in Panda3D.
func (t *Type) addRange(r Range) bool {
	d := float64(t.divisor)
	low, high := math.Floor(float64(r.Min*d)+0.5), math.Floor(float64(r.Max*d)+0.5)
	bits := kindBits[t.kind]
	switch {
	case t.kind == Float64:
		t.reals = addInterval(t.reals, r.Min*d, r.Max*d)
		return true
	case t.kind.signed():
		t.ints = addInterval(t.ints, cutInt(low, bits), cutInt(high, bits))
		limit := math.Ldexp(1, int(bits)-1)
		return low >= -limit && high < limit || bits == 64 // a float64 has no 1<<63 - 1
	}
	t.uints = addInterval(t.uints, cutUint(low, bits), cutUint(high, bits))
	limit := math.Ldexp(1, int(bits))
	return low >= 0 && (high < limit || bits == 64)
}

// cutInt converts a bound of a range. One of a type of at most 32 bits keeps its low 32 bits only,
// as in Panda3D: it can be larger than the type if the divisor is written after the range.
func cutInt(f float64, bits uint) int64 {
	if bits <= 32 {
		return int64(int32(floatToInt(f)))
	}
	return floatToInt(f)
}

// cutUint does what cutInt does for a type without a sign.
func cutUint(f float64, bits uint) uint64 {
	if bits <= 32 {
		return uint64(uint32(floatToUint(f)))
	}
	return floatToUint(f)
}

// floatToInt converts a whole number; one out of range becomes the nearest.
func floatToInt(f float64) int64 {
	switch {
	case f >= math.MaxInt64:
		return math.MaxInt64
	case f >= math.MinInt64:
		return int64(f)
	}
	return math.MinInt64
}

// floatToUint converts a whole number; one out of range becomes the nearest.
func floatToUint(f float64) uint64 {
	switch {
	case f >= math.MaxUint64:
		return math.MaxUint64
	case f >= 0:
		return uint64(f)
	}
	return 0
}
