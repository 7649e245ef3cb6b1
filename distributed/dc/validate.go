package dc

import (
	"encoding/binary"
	"strconv"
)

// Validate checks the arguments at the beginning of data as Unpack does, and returns how
// many bytes they take; what follows them is not looked at. It allocates nothing, unless
// it finds an error, which is a [*ValueError].
func (f *Field) Validate(data []byte) (n int, err error) { return f.validate(data, false) }

func (f *Field) validate(data []byte, raw bool) (n int, err error) {
	if all := f.value.typ; all.plain && uint64(len(data)) >= all.size {
		return int(all.size), nil
	}
	for i, p := range f.params {
		m, e := p.typ.validate(data[n:], raw)
		if e != nil {
			return 0, f.wrap(e, p.name, i)
		}
		n += m
	}
	return n, nil
}

// wrap completes the error of an argument.
func (f *Field) wrap(e *ValueError, name string, index int) error {
	e.within(pathName("", name, index))
	e.Field = f
	return e
}

// within puts the place of a value before the path of the error in it.
func (e *ValueError) within(place string) {
	if e.Path != "" && e.Path[0] != '[' {
		place += "."
	}
	e.Path = place + e.Path
}

// validate checks the value at the beginning of data and returns how many bytes it takes.
// With raw, text need not be UTF-8.
func (t *Type) validate(data []byte, raw bool) (int, *ValueError) {
	if t.plain {
		if uint64(len(data)) < t.size {
			return 0, short()
		}
		return int(t.size), nil
	}
	switch t.kind {
	case Array:
		return t.validateArray(data, raw)
	case Struct, Method:
		return validateMembers(t.members, data, 0, raw)
	case Switch:
		return t.switched.validate(data, raw)
	}
	if t.kind.isNumber() {
		if uint64(len(data)) < t.size {
			return 0, short()
		}
		return int(t.size), t.checkNumber(data).valueError(raw)
	}
	list, n, e := t.list(data)
	if e != nil {
		return 0, e
	}
	if t.kind == String || t.kind == Blob || t.kind == Blob32 {
		if !within(t.uints, uint64(len(list))) {
			return 0, t.outOfRange("a length of " + strconv.Itoa(len(list))).valueError(raw)
		}
		return n, t.checkText(list).valueError(raw)
	}
	if len(list)%int(t.elem.size) != 0 {
		return 0, &ValueError{Err: ErrData, Detail: "the length fits no number of elements"}
	}
	return n, nil
}

// list returns the bytes of a string or list, and how many it takes with its length.
func (t *Type) list(data []byte) ([]byte, int, *ValueError) {
	n := t.size
	switch t.prefix {
	case 2:
		if len(data) < 2 {
			return nil, 0, short()
		}
		n = uint64(binary.LittleEndian.Uint16(data))
	case 4:
		if len(data) < 4 {
			return nil, 0, short()
		}
		n = uint64(binary.LittleEndian.Uint32(data))
	}
	rest := data[t.prefix:]
	if n > uint64(len(rest)) {
		return nil, 0, short()
	}
	return rest[:n:n], int(t.prefix) + int(n), nil
}

// validateArray checks an array that is not plain.
func (t *Type) validateArray(data []byte, raw bool) (int, *ValueError) {
	if t.prefix == 0 {
		count, _ := t.oneSize()
		if t.isText() {
			if uint64(len(data)) < count {
				return 0, short()
			}
			return int(count), t.checkText(data[:count]).valueError(raw)
		}
		n := 0
		for i := uint64(0); i < count; i++ {
			m, e := t.elem.validate(data[n:], raw)
			if e != nil {
				e.within("[" + strconv.FormatUint(i, 10) + "]")
				return 0, e
			}
			n += m
		}
		return n, nil
	}
	list, n, e := t.list(data)
	if e != nil {
		return 0, e
	}
	count, e := t.countElements(list, raw)
	if e != nil {
		return 0, e
	}
	if !within(t.uints, uint64(count)) {
		return 0, t.outOfRange("a number of elements of " + strconv.Itoa(count)).valueError(raw)
	}
	if t.isText() {
		return n, t.checkText(list).valueError(raw)
	}
	return n, nil
}

// countElements checks the elements of an array and counts them.
func (t *Type) countElements(list []byte, raw bool) (int, *ValueError) {
	if size := t.elem.size; size > 0 && (t.elem.plain || t.isText()) {
		if uint64(len(list))%size != 0 {
			return 0, &ValueError{Err: ErrData, Detail: "the length fits no number of elements"}
		}
		return len(list) / int(size), nil
	}
	count := 0
	for n := 0; n < len(list); count++ {
		m, e := t.elem.validate(list[n:], raw)
		if e != nil {
			e.within("[" + strconv.Itoa(count) + "]")
			return 0, e
		}
		if m == 0 {
			return 0, &ValueError{Err: ErrData, Detail: "bytes for elements that take none"}
		}
		n += m
	}
	return count, nil
}

// validateMembers checks the parts of a struct. The first one has the number first.
func validateMembers(members []*Parameter, data []byte, first int, raw bool) (n int, e *ValueError) {
	for i, p := range members {
		m, e := p.typ.validate(data[n:], raw)
		if e != nil {
			e.within(pathName("", p.name, first+i))
			return 0, e
		}
		n += m
	}
	return n, nil
}

// validate checks a value of a switch.
func (s *SwitchType) validate(data []byte, raw bool) (int, *ValueError) {
	n, e := s.key.typ.validate(data, raw)
	if e != nil {
		e.within(pathName("", s.key.name, 0))
		return 0, e
	}
	c := s.find(data[:n])
	if c == nil {
		return 0, &ValueError{Path: pathName("", s.key.name, 0), Err: ErrRange, Detail: "no case has this key"}
	}
	m, e := validateMembers(c.fields, data[n:], 1, raw)
	if e != nil {
		return 0, e
	}
	return n + m, nil
}

func short() *ValueError { return &ValueError{Err: ErrData, Detail: "the data ends too early"} }

// valueError returns the error of a value, without the place of the value; with raw there
// is none for text that is not UTF-8.
func (f *fault) valueError(raw bool) *ValueError {
	if f == nil || raw && f.err == ErrUTF8 {
		return nil
	}
	return &ValueError{Err: f.err, Detail: f.detail}
}
