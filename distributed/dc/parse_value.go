package dc

import (
	"errors"
	"math"
)

// value reads a value and packs it as one of a parameter.
func (p *parser) value(t token, parameter *Parameter, what string) []byte {
	packer := newPacker(nil, nil, []*Parameter{parameter})
	packer.raw = true
	p.packValue(&packer)
	value, err := packer.Finish()
	if err != nil {
		var v *ValueError
		if errors.As(err, &v) && v.Detail != "" {
			p.errorAt(t, "%s does not fit: %s", what, v.Detail)
		}
		p.errorAt(t, "%s does not fit the type", what)
	}
	return value
}

// packValue reads a value and gives it to a packer, which keeps its first error; only
// wrong syntax ends the parsing.
func (p *parser) packValue(packer *Packer) {
	t := p.take()
	if t.kind == tokName && p.is('=') && !p.isKeyword(t) {
		if name := packer.at.name(); t.text != name {
			p.errorAt(t, "expected the field %q, found %q", name, t.text)
		}
		p.take()
		t = p.take()
	}
	switch t.kind {
	case tokString:
		packer.String(t.text)
	case '{':
		p.packList(packer, '}')
	case '[':
		p.packList(packer, ']')
	case '(':
		p.packList(packer, ')')
	case tokSigned, tokUnsigned, tokReal, tokHex:
		p.packCounted(packer, t)
	default:
		p.errorAt(t, "expected a value, found %v", t)
	}
}

// packList reads values up to the closing bracket. A comma may stand after the last one.
func (p *parser) packList(packer *Packer, closing byte) {
	defer p.deeper()()
	packer.Push()
	for !p.accept(closing) {
		if p.accept(',') {
			p.expect(closing)
			break
		}
		p.packValue(packer)
		if !p.is(closing) {
			p.expect(',')
			if p.accept(closing) {
				break
			}
			if p.is(',') {
				p.errorAt(p.look(0), "expected a value, found %v", p.look(0))
			}
		}
	}
	packer.Pop()
}

// packCounted packs a number or packed bytes as often as a count after it says.
func (p *parser) packCounted(packer *Packer, t token) {
	count := uint64(1)
	if p.accept('*') {
		c := p.take()
		if c.kind != tokUnsigned || c.number > math.MaxUint32 {
			p.errorAt(c, "expected a count, found %v", c)
		}
		count = c.number
	}
	for i := uint64(0); i < count && packer.err == nil; i++ {
		before := len(packer.dst)
		switch {
		case t.kind == tokHex:
			packer.literal(t.text)
		case t.kind == tokReal:
			packer.Float(t.real)
		default:
			packer.integer(t.number, t.negative)
		}
		if i > 0 {
			if p.expanded += max(1, len(packer.dst)-before); p.expanded > maxValue {
				p.errorAt(t, "counts make values of more than %d bytes", maxValue)
			}
		}
	}
}
