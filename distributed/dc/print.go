package dc

import (
	"fmt"
	"math"
	"strconv"
)

// String returns the declaration of the type, such as "int16/10" or "uint8 [3]".
func (t *Type) String() string { return t.declare("", "") }

// String returns the declaration of the parameter, without its default, as Panda3D prints it.
func (p *Parameter) String() string {
	if p.typ.kind == Method {
		return p.name + p.typ.bare()
	}
	return p.typ.declare(p.name, "")
}

// String returns the declaration of the field with its keywords, without a semicolon.
func (f *Field) String() string {
	var s string
	switch f.kind {
	case Atomic:
		s = f.name + "(" + declareAll(f.params) + ")"
	case Data:
		s = f.params[0].withDefault()
	case Molecular:
		return f.name + listed(" : ", f.atomics, (*Field).Name)
	}
	for _, k := range f.keywords {
		s += " " + k
	}
	return s
}

// listed returns the names of values with commas between them, and first before them.
func listed[V any](first string, values []V, name func(V) string) string {
	s := ""
	for i, v := range values {
		if i == 0 {
			s = first + name(v)
		} else {
			s += ", " + name(v)
		}
	}
	return s
}

func declareAll(params []*Parameter) string { return listed("", params, (*Parameter).withDefault) }

// withDefault returns the declaration with the default that belongs to it.
func (p *Parameter) withDefault() string {
	s, t := p.String(), p.typ
	if !t.hasDefault || t.inherits {
		return s
	}
	if n, err := t.validate(t.defaultValue, true); err == nil && n == len(t.defaultValue) {
		text, _ := t.appendText(nil, t.defaultValue, false)
		if value, err := parseValue(nil, p, string(text), true); err == nil && string(value) == string(t.defaultValue) {
			return s + " = " + string(text)
		}
	}
	return fmt.Sprintf("%s = <%x>", s, t.defaultValue)
}

// declare returns the type with a name and brackets after it.
func (t *Type) declare(name, after string) string {
	if t.kind == Array && t.alias == "" {
		return t.elem.declare(name, after+"["+t.rangeText(false)+"]")
	}
	s := t.alias
	if s == "" {
		s = t.bare()
		after = t.lateDivisor() + after
	}
	if name+after != "" {
		s += " " + name + after
	}
	return s
}

// lateDivisor returns the divisor if it can only stand behind the name, because the modulus does not
// fit the type with it.
func (t *Type) lateDivisor() string {
	plain := &Type{kind: t.kind, divisor: t.divisor}
	if !t.hasModulus || plain.setModulus(t.modulus) {
		return ""
	}
	return "/" + strconv.FormatUint(uint64(t.divisor), 10)
}

// bare returns the declaration of a type that is no array and not known by a name.
func (t *Type) bare() string {
	switch t.kind {
	case Struct:
		return t.class.declare()
	case Switch:
		return t.switched.declare()
	case Method:
		return "(" + declareAll(t.members) + ")"
	}
	s, ranges := t.kind.String(), ""
	if len(t.declared) > 0 {
		ranges = "(" + t.rangeText(t.kind == Char) + ")"
	}
	late := t.lateDivisor() != ""
	first := &Type{kind: t.kind, divisor: t.divisor}
	if late || !first.setRanges(t.declared) { // a range that is allowed before the divisor only
		s, ranges = s+ranges, ""
	}
	modulus, divisor := "", ""
	if t.hasModulus {
		modulus = "%" + boundText(t.modulus)
	}
	if t.divisor != 1 && !late {
		divisor = "/" + strconv.FormatUint(uint64(t.divisor), 10)
	}
	if alone := (&Type{kind: t.kind, divisor: 1}); t.hasModulus && !alone.setModulus(t.modulus) {
		return s + divisor + modulus + ranges // .36 is no modulus of an integer, but for one in tenths
	}
	return s + modulus + divisor + ranges
}

// rangeText returns the range as it may stand in a DC file.
func (t *Type) rangeText(chars bool) string {
	bound := func(v float64) string {
		if chars && v >= 0 && v < 256 && v == math.Trunc(v) { // .7 rounds to another one
			return string(appendQuoted(nil, []byte{byte(v)}, '\''))
		}
		return boundText(v)
	}
	return listed("", t.declared, func(r Range) string {
		switch {
		case r.Min == r.Max:
			return bound(r.Min)
		case r.Max <= 0, r.Max >= 1<<63: // "1--5" is no range, and a number with a sign has 63 bits
			return bound(r.Min) + " - " + bound(r.Max)
		}
		return bound(r.Min) + "-" + bound(r.Max)
	})
}

// boundText returns a number that the lexer reads as the same one.
func boundText(v float64) string {
	if v == math.Trunc(v) && v > -1<<63 && v < 1<<64 {
		return strconv.FormatFloat(v, 'f', -1, 64) // an integer
	}
	return realText(v)
}

// declare returns the declaration in one line.
func (c *Class) declare() string {
	s := c.head() + " {"
	if c.constructor != nil {
		s += c.constructor.String() + "; "
	}
	for _, f := range c.own {
		s += f.String() + "; "
	}
	return s + "}"
}

// head returns the declaration up to its brace.
func (c *Class) head() string {
	s := "dclass"
	if c.isStruct {
		s = "struct"
	}
	if c.name != "" {
		s += " " + c.name
	}
	return s + listed(" : ", c.parents, (*Class).Name)
}
