package dc

import "math"

// Unpack unpacks the arguments at the beginning of data. It also returns how many bytes
// they take; what follows them is not looked at. The result shares no memory with data.
// The error is a [*ValueError]; with one there are no arguments.
func (f *Field) Unpack(data []byte) (args []any, n int, err error) {
	if n, err = f.Validate(data); err != nil {
		return nil, 0, err
	}
	args, _ = unpackMembers(make([]any, 0, len(f.params)), f.params, data[:n])
	return args, n, nil
}

// unpackMembers appends the values of the parts of a struct, which have been validated,
// and returns what follows them.
func unpackMembers(values []any, members []*Parameter, data []byte) ([]any, []byte) {
	for _, p := range members {
		v, rest := p.typ.unpack(data)
		values, data = append(values, v), rest
	}
	return values, data
}

// unpack returns the value at the beginning of data, which has been validated, and what
// follows it.
func (t *Type) unpack(data []byte) (any, []byte) {
	switch {
	case t.kind.isNumber():
		return t.number(data), data[t.size:]
	case t.kind == Struct || t.kind == Method:
		v, rest := unpackMembers(make([]any, 0, len(t.members)), t.members, data)
		return v, rest
	case t.kind == Switch:
		return t.switched.unpack(data)
	}
	list, rest := t.body(data)
	switch {
	case t.kind == String || t.isText():
		return string(list), rest
	case t.kind == Blob || t.kind == Blob32:
		return append([]byte{}, list...), rest
	}
	return t.elements(list), rest
}

// body returns the bytes of a string or list that has been validated, and what follows it.
func (t *Type) body(data []byte) (list, rest []byte) {
	if t.kind == Array && t.prefix == 0 {
		n := t.skip(data)
		return data[:n:n], data[n:]
	}
	list, n, _ := t.list(data)
	return list, data[n:]
}

// skip returns how many bytes a value takes that has been validated.
func (t *Type) skip(data []byte) int {
	n, _ := t.validate(data, true)
	return n
}

// number returns a number as the Go type of its kind, or as a float64.
func (t *Type) number(data []byte) any {
	if t.divisor != 1 {
		return t.float(data)
	}
	v := t.bits(data)
	switch t.kind {
	case Int8:
		return int8(v)
	case Int16:
		return int16(v)
	case Int32:
		return int32(v)
	case Int64:
		return int64(v)
	case Uint8:
		return uint8(v)
	case Uint16:
		return uint16(v)
	case Uint32:
		return uint32(v)
	case Uint64:
		return v
	case Char:
		return string([]byte{byte(v)})
	}
	return math.Float64frombits(v)
}

// elements returns the elements of a list as a slice.
func (t *Type) elements(list []byte) any {
	e := t.elem
	if t.kind == Uint32Uint8Array {
		return collect(t, list, func(e *Type, data []byte) (Uint32Uint8, []byte) {
			return Uint32Uint8{uint32(e.members[0].typ.bits(data)), data[4]}, data[5:]
		})
	}
	if e.kind == Float64 || e.kind.isNumber() && e.divisor != 1 {
		return collect(t, list, func(e *Type, data []byte) (float64, []byte) { return e.float(data), data[e.size:] })
	}
	switch e.kind {
	case Int8:
		return collect(t, list, integer[int8])
	case Int16:
		return collect(t, list, integer[int16])
	case Int32:
		return collect(t, list, integer[int32])
	case Int64:
		return collect(t, list, integer[int64])
	case Uint8:
		return append([]byte{}, list...)
	case Uint16:
		return collect(t, list, integer[uint16])
	case Uint32:
		return collect(t, list, integer[uint32])
	case Uint64:
		return collect(t, list, integer[uint64])
	case String:
		return collect(t, list, func(e *Type, data []byte) (string, []byte) {
			s, rest := e.body(data)
			return string(s), rest
		})
	case Blob, Blob32:
		return collect(t, list, func(e *Type, data []byte) ([]byte, []byte) {
			b, rest := e.body(data)
			return append([]byte{}, b...), rest
		})
	}
	return collect(t, list, (*Type).unpack)
}

func integer[N int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64](e *Type, data []byte) (N, []byte) {
	return N(e.bits(data)), data[e.size:]
}

// collect returns the elements of a list.
func collect[V any](t *Type, list []byte, unpack func(*Type, []byte) (V, []byte)) []V {
	values := make([]V, 0, uint64(len(list))/max(1, t.elem.least))
	for t.more(len(values), list) {
		var v V
		v, list = unpack(t.elem, list)
		values = append(values, v)
	}
	return values
}

// more says whether a list has an element with this index, the rest of its bytes given.
func (t *Type) more(index int, rest []byte) bool {
	if t.kind == Array && t.prefix == 0 {
		n, _ := t.oneSize()
		return uint64(index) < n
	}
	return len(rest) > 0
}

// unpack returns the key and the fields of its case.
func (s *SwitchType) unpack(data []byte) (any, []byte) {
	key, rest := s.key.typ.unpack(data)
	c := s.find(data[:len(data)-len(rest)])
	v, rest := unpackMembers(append(make([]any, 0, 1+len(c.fields)), key), c.fields, rest)
	return v, rest
}
