package dc

import (
	"errors"
	"math"
	"slices"
)

// HasDefault says whether the declaration gives the field, or a part of it, a default.
func (f *Field) HasDefault() bool { return f.value.typ.explicitDefault() }

// Default returns the default value of the field, packed: that of the declaration,
// and otherwise zero, or the lowest value of the first interval of a range that has
// no zero; strings and arrays of the lowest size; the first case of a switch.
//
// It fails for a value of more than 1 MiB, and for a switch that has no value. A
// default that is declared in packed form, as in "blob b = <00ff>", is returned as
// it is, and need not be a valid value.
func (f *Field) Default() ([]byte, error) {
	value, err := f.value.typ.appendDefault(nil)
	if err != nil {
		return nil, &ValueError{Field: f, Err: ErrRange, Detail: err.Error()}
	}
	return value, nil
}

// explicitDefault says whether a default is declared for the type or a part of it.
func (t *Type) explicitDefault() bool {
	if t.hasDefault {
		return true
	}
	switch t.kind {
	case Array:
		return t.elem.explicitDefault()
	case Struct, Method:
		return anyDefault(t.members)
	case Switch:
		s := t.switched
		return s.key.typ.explicitDefault() ||
			slices.ContainsFunc(s.all(), func(c *Case) bool { return anyDefault(c.fields) })
	}
	return false
}

func anyDefault(members []*Parameter) bool {
	return slices.ContainsFunc(members, func(m *Parameter) bool { return m.typ.explicitDefault() })
}

var errDefaultSize = errors.New("the default value has more than 1 MiB")

// appendDefault packs the default value.
func (t *Type) appendDefault(dst []byte) ([]byte, error) {
	switch {
	case len(dst) > maxValue || t.least > maxValue:
		return dst, errDefaultSize
	case t.hasDefault:
		return append(dst, t.defaultValue...), nil
	case t.elem != nil:
		return t.appendDefaultList(dst)
	}
	switch t.kind {
	case Struct, Method:
		return appendDefaults(dst, t.members)
	case Switch:
		return t.appendDefaultSwitch(dst)
	}
	return t.appendLowest(dst), nil
}

// appendLowest packs the default of a number: zero if it may be. A modulus reduces another
// one, as in Panda3D, if it may be then.
func (t *Type) appendLowest(dst []byte) []byte {
	unscaled := *t // the ends of ranges are in packed units, those of the modulus too
	unscaled.divisor = 1
	switch {
	case len(t.ints) > 0 && !within(t.ints, 0):
		v := t.ints[0].min
		magnitude := uint64(v)
		if v < 0 {
			magnitude = -magnitude
		}
		if packed, f := unscaled.appendInteger(dst, magnitude, v < 0); f == nil {
			return packed
		}
		return t.appendBits(dst, uint64(v))
	case len(t.uints) > 0 && !within(t.uints, 0):
		if packed, f := unscaled.appendInteger(dst, t.uints[0].min, false); f == nil {
			return packed
		}
		return t.appendBits(dst, t.uints[0].min)
	case len(t.reals) > 0 && !within(t.reals, 0):
		if packed, f := unscaled.appendFloat(dst, t.reals[0].min); f == nil {
			return packed
		}
		return t.appendBits(dst, math.Float64bits(t.reals[0].min))
	}
	return t.appendBits(dst, 0)
}

func (t *Type) appendDefaultList(dst []byte) ([]byte, error) {
	start, n := len(dst), uint64(0)
	if len(t.uints) > 0 {
		n = t.uints[0].min
	}
	dst = append(dst, 0, 0, 0, 0)[:start+int(t.prefix)]
	for range n {
		var err error
		if dst, err = t.elem.appendDefault(dst); err != nil {
			return dst, err
		}
	}
	dst, f := t.closeList(dst, start, int(n), true)
	if f != nil {
		return dst, f.valueError(false)
	}
	return dst, nil
}

func appendDefaults(dst []byte, members []*Parameter) (_ []byte, err error) {
	for _, m := range members {
		if dst, err = m.typ.appendDefault(dst); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// appendDefaultSwitch packs the first case with its defaults, or, if a default is
// declared in the switch, the default of the key and of the case that it selects.
func (t *Type) appendDefaultSwitch(dst []byte) ([]byte, error) {
	s, start := t.switched, len(dst)
	if len(s.cases) > 0 && !t.explicitDefault() {
		c := s.cases[0]
		return appendDefaults(append(dst, c.value...), c.fields)
	}
	dst, err := s.key.typ.appendDefault(dst)
	if err != nil {
		return dst, err
	}
	c := s.find(dst[start:])
	if c == nil {
		return dst, errors.New("the default key of the switch has no case")
	}
	return appendDefaults(dst, c.fields)
}
