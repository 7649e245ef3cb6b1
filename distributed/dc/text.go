package dc

import (
	"encoding/hex"
	"math"
	"strconv"
)

// FormatArgs returns the arguments at the beginning of data as text, as Panda3D's
// DCField.formatData does. With names every value that has a name has "name = " before
// it. Reals have 6 digits, so the text of one need not give the same bytes again. Strings
// need not be UTF-8.
func (f *Field) FormatArgs(data []byte, names bool) (string, error) {
	n, err := f.validate(data, true)
	if err != nil {
		return "", err
	}
	text, _ := f.value.appendText(nil, data[:n], names)
	return string(text), nil
}

// ParseArgs packs arguments that are given as text, such as `(1, 2.5, "a")` for a method
// and `7` for a data field, as Panda3D's DCField.parseString does. A value `<00ff>` is
// taken as the packed form, unchecked. The error is a [*ValueError]; for wrong syntax
// ErrSyntax is in it.
func (f *Field) ParseArgs(text string) (data []byte, err error) {
	return parseValue(f, f.value, text, false)
}

// parseValue packs a value that is given as text; with raw it need not be UTF-8.
func parseValue(f *Field, value *Parameter, text string, raw bool) (data []byte, err error) {
	p := &parser{lexer: newLexer("", text)}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *Error:
			data, err = nil, &ValueError{Field: f, Err: ErrSyntax,
				Detail: strconv.Itoa(r.Line) + ":" + strconv.Itoa(r.Column) + ": " + r.Message}
		default:
			panic(r)
		}
	}()
	packer := newPacker(f, nil, []*Parameter{value})
	packer.raw = raw
	p.packValue(&packer)
	if t := p.look(0); t.kind != tokEOF {
		p.errorAt(t, "expected the end of the text, found %v", t)
	}
	if data, err = packer.Finish(); err != nil {
		return nil, err
	}
	return data, nil
}

// appendText appends the text of the value at the beginning of data, which has been
// validated, and returns what follows it.
func (p *Parameter) appendText(dst, data []byte, names bool) (text, rest []byte) {
	if names && p.name != "" && p.typ.kind != Method {
		dst = append(append(dst, p.name...), " = "...)
	}
	return p.typ.appendText(dst, data, names)
}

func (t *Type) appendText(dst, data []byte, names bool) (text, rest []byte) {
	switch {
	case t.kind == Char:
		return appendQuoted(dst, data[:1], '"'), data[1:]
	case t.kind.isNumber():
		return t.appendNumber(dst, data), data[t.size:]
	case t.kind == Struct:
		dst, data = appendMembers(append(dst, '{'), data, t.members, names)
		return append(dst, '}'), data
	case t.kind == Method:
		dst, data = appendMembers(append(dst, '('), data, t.members, names)
		return append(dst, ')'), data
	case t.kind == Switch:
		return t.switched.appendText(dst, data, names)
	}
	list, rest := t.body(data)
	switch {
	case t.kind == String || t.isText():
		return appendQuoted(dst, list, '"'), rest
	case t.kind == Blob || t.kind == Blob32:
		dst = hex.AppendEncode(append(dst, '<'), data[:len(data)-len(rest)])
		return append(dst, '>'), rest
	}
	dst = append(dst, '[')
	for i := 0; t.more(i, list); i++ {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst, list = t.elem.appendText(dst, list, names)
	}
	return append(dst, ']'), rest
}

func appendMembers(dst, data []byte, members []*Parameter, names bool) (text, rest []byte) {
	for i, m := range members {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst, data = m.appendText(dst, data, names)
	}
	return dst, data
}

func (s *SwitchType) appendText(dst, data []byte, names bool) (text, rest []byte) {
	dst, rest = s.key.appendText(append(dst, '('), data, names)
	c := s.find(data[:len(data)-len(rest)])
	if len(c.fields) > 0 {
		dst, rest = appendMembers(append(dst, ", "...), rest, c.fields, names)
	}
	return append(dst, ')'), rest
}

// appendNumber appends a number as C++ prints it.
func (t *Type) appendNumber(dst, data []byte) []byte {
	v := t.bits(data)
	switch {
	case t.kind == Float64 || t.divisor != 1:
		return appendFloat(dst, t.float(data))
	case t.kind.signed():
		return strconv.AppendInt(dst, int64(v), 10)
	}
	return strconv.AppendUint(dst, v, 10)
}

// appendFloat appends a real with 6 digits.
func appendFloat(dst []byte, v float64) []byte {
	switch {
	case math.IsNaN(v) && math.Signbit(v):
		return append(dst, "-nan"...)
	case math.IsNaN(v):
		return append(dst, "nan"...)
	case math.IsInf(v, 1):
		return append(dst, "inf"...)
	case math.IsInf(v, -1):
		return append(dst, "-inf"...)
	}
	return strconv.AppendFloat(dst, v, 'g', 6, 64)
}

// appendQuoted appends a string as Panda3D quotes it.
func appendQuoted(dst, s []byte, mark byte) []byte {
	dst = append(dst, mark)
	for _, c := range s {
		switch {
		case c == mark || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ' || c > '~':
			dst = hex.AppendEncode(append(dst, `\x`...), []byte{c})
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, mark)
}
