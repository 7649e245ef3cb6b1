package dc

import (
	"math"
	"slices"
)

// parameterWithDefault reads a parameter and the default that may follow it.
func (p *parser) parameterWithDefault() (_ *Parameter, named bool) {
	parameter, named := p.parameter()
	if t := p.look(0); p.accept('=') {
		parameter.typ.defaultValue = p.value(t, parameter, "the default")
		parameter.typ.hasDefault, parameter.typ.inherits = true, false
	}
	return parameter, named
}

// parameter reads a type and perhaps a name. A struct or switch that is declared on the
// spot lends its name to a parameter without one, which is not named for that.
func (p *parser) parameter() (_ *Parameter, named bool) {
	defer p.deeper()()
	start := p.look(0)
	typ, name := p.typeName()
	typ.seal()
	for p.is('[') {
		typ = p.brackets(start, typ)
	}
	if named = p.isIdentifier(p.look(0)); named {
		name = p.take().text
		typ = p.afterName(start, typ)
	}
	typ.seal()
	p.checkWeight(start, typ)
	return &Parameter{name: name, typ: typ}, named
}

// afterName reads what may follow the name of a parameter.
func (p *parser) afterName(start token, typ *Type) *Type {
	for {
		switch t := p.look(0); {
		case p.is('['):
			typ = p.brackets(start, typ)
		case p.is('/') || p.is('%'):
			if typ.kind == Array || typ.class != nil || typ.switched != nil || typ.alias != "" {
				p.errorAt(t, "a divisor or modulus is allowed on a basic type only")
			}
			p.scale(typ, true)
		default:
			return typ
		}
	}
}

// typeName reads a type without the brackets that may follow it.
func (p *parser) typeName() (*Type, string) {
	t := p.look(0)
	switch {
	case p.isWord("struct"):
		p.take()
		c := p.class(true)
		return structType(c), c.name
	case p.isWord("switch"):
		p.take()
		s := p.switchType()
		return switchedType(s), s.name
	}
	if kind, ok := basicKind(t.text); ok && t.kind == tokName {
		p.take()
		return p.basicType(kind), ""
	}
	p.identifier("a type")
	typ := p.types[t.text]
	if typ == nil {
		switch thing := p.things[t.text].(type) {
		case *Class:
			typ = structType(thing)
		case *SwitchType:
			typ = switchedType(thing)
		default:
			p.errorAt(t, "there is no type %q yet", t.text)
		}
		typ.seal()
		typ = typ.renamed(t.text)
		p.types[t.text] = typ
	}
	use := *typ
	return &use, ""
}

// basicType reads the range, divisor and modulus of a basic type.
func (p *parser) basicType(kind Kind) *Type {
	typ := &Type{kind: kind, divisor: 1, elem: elemTypes[kind]}
	typ.setBasic()
	for {
		switch t := p.look(0); {
		case p.accept('('):
			declared := p.intervals(')', token.float)
			if !typ.setRanges(declared) {
				p.errorAt(t, "the range does not fit the type %v", kind)
			}
		case p.is('/') || p.is('%'):
			p.scale(typ, false)
		default:
			return typ
		}
	}
}

// scale reads a divisor or a modulus. Behind the name of a parameter Panda3D does not look
// whether the modulus still fits after a divisor.
func (p *parser) scale(typ *Type, afterName bool) {
	mark, t := p.take(), p.take()
	if typ.kind == String || typ.kind == Blob || typ.kind == Blob32 || typ.kind == Char {
		p.errorAt(mark, "a divisor or modulus is allowed on a numeric type only")
	}
	if mark.kind == '%' {
		if t.kind != tokUnsigned && t.kind != tokSigned && t.kind != tokReal {
			p.errorAt(t, "expected a modulus, found %v", t)
		}
		if !typ.setModulus(t.float()) {
			p.errorAt(t, "the modulus does not fit the type")
		}
		return
	}
	if t.kind != tokUnsigned {
		p.errorAt(t, "expected a divisor, found %v", t)
	}
	if t.number == 0 || t.number > math.MaxUint32 {
		p.errorAt(t, "a divisor must be from 1 to %d", uint32(math.MaxUint32))
	}
	if !typ.setDivisor(uint32(t.number)) && !afterName {
		p.errorAt(t, "with this divisor the modulus does not fit the type")
	}
}

// brackets reads the size of an array.
func (p *parser) brackets(start token, elem *Type) *Type {
	p.expect('[')
	sizes := p.intervals(']', func(t token) float64 {
		if t.kind == tokReal || t.kind == tokSigned && !t.negative || t.number > math.MaxUint32 {
			p.errorAt(t, "not a size of an array")
		}
		return t.float()
	})
	if slices.ContainsFunc(sizes, func(r Range) bool { return r.Min < 0 }) {
		p.errorAt(start, "a negative size of an array")
	}
	array := appendBrackets(elem, sizes)
	if array.depth() > maxDepth {
		p.errorAt(start, "types within types, more than %d deep", maxDepth)
	}
	return array
}

// intervals reads a range up to its closing mark.
func (p *parser) intervals(closing byte, bound func(token) float64) []Range {
	var ranges []Range
	for first := true; !p.accept(closing); first = false {
		if !first || p.is(',') {
			p.expect(',')
		}
		t := p.look(0)
		r := p.interval(bound)
		for _, q := range ranges {
			if r.Min <= q.Max && r.Max >= q.Min {
				p.errorAt(t, "the intervals of the range overlap")
			}
		}
		if r.Max < r.Min {
			p.errorAt(t, "the range is upside down")
		}
		if ranges = append(ranges, r); len(ranges) > maxIntervals {
			p.errorAt(t, "a range has more than %d intervals", maxIntervals)
		}
	}
	return ranges
}

// interval reads "1", "1-5", "1 - 5" or "'a'-'z'". As the sign belongs to the number,
// "1-5" is 1 and a negative number.
func (p *parser) interval(bound func(token) float64) Range {
	low := p.bound(bound)
	if p.accept('-') {
		return Range{low, p.bound(bound)}
	}
	switch t := p.look(0); t.kind {
	case tokUnsigned, tokSigned, tokReal:
		high := bound(p.take())
		if high >= 0 {
			p.errorAt(t, `expected "-" or ",", found a number`)
		}
		return Range{low, -high}
	}
	return Range{low, low}
}

// bound reads a number, or the byte of a string.
func (p *parser) bound(bound func(token) float64) float64 {
	switch t := p.take(); t.kind {
	case tokUnsigned, tokSigned, tokReal:
		return bound(t)
	case tokString:
		if len(t.text) != 1 {
			p.errorAt(t, "a string in a range must have one character")
		}
		return float64(t.text[0])
	default:
		p.errorAt(t, "expected a number, found %v", t)
		return 0
	}
}
