package dc

import "reflect"

// Pack appends the packed arguments to dst. If there is an error, which is a
// *ValueError, it returns dst as it was. The package documentation says which Go
// types a DC type takes.
func (f *Field) Pack(dst []byte, args ...any) ([]byte, error) {
	p := f.Packer(dst)
	for _, arg := range args {
		p.Value(arg)
	}
	return p.Finish()
}

// Value packs a value of any Go type that [Field.Pack] takes. One with a method PackDC, as
// the dc command generates, packs itself.
func (p *Packer) Value(v any) {
	switch v := v.(type) {
	case int:
		p.Int(int64(v))
	case int8:
		p.Int(int64(v))
	case int16:
		p.Int(int64(v))
	case int32:
		p.Int(int64(v))
	case int64:
		p.Int(v)
	case uint:
		p.Uint(uint64(v))
	case uint8:
		p.Uint(uint64(v))
	case uint16:
		p.Uint(uint64(v))
	case uint32:
		p.Uint(uint64(v))
	case uint64:
		p.Uint(v)
	case float32:
		p.Float(float64(v))
	case float64:
		p.Float(v)
	case bool:
		p.bool(v)
	case string:
		p.String(v)
	case interface{ PackDC(*Packer) }: // generated
		v.PackDC(p)
	default:
		p.list(v)
	}
}

// bool packs a bool as 0 or 1.
func (p *Packer) bool(v bool) {
	if v {
		p.Uint(1)
	} else {
		p.Uint(0)
	}
}

// list packs what is no basic value.
func (p *Packer) list(v any) {
	switch v := v.(type) {
	case nil:
		if p.target() != nil {
			p.fail(&fault{ErrType, "nil is no value"})
		}
	case []byte:
		p.byteSlice(v)
	case []any:
		pushAll(p, v, p.Value)
	case []string:
		pushAll(p, v, p.String)
	case []float64:
		pushAll(p, v, p.Float)
	case []uint32:
		pushAll(p, v, func(v uint32) { p.Uint(uint64(v)) })
	case []uint16:
		pushAll(p, v, func(v uint16) { p.Uint(uint64(v)) })
	case []int16:
		pushAll(p, v, func(v int16) { p.Int(int64(v)) })
	case []int32:
		pushAll(p, v, func(v int32) { p.Int(int64(v)) })
	case []int64:
		pushAll(p, v, p.Int)
	case []int:
		pushAll(p, v, func(v int) { p.Int(int64(v)) })
	case []Uint32Uint8:
		pushAll(p, v, p.Pair)
	default:
		p.reflected(reflect.ValueOf(v))
	}
}

// byteSlice packs bytes: as they are where a string may stand, else as a list of numbers,
// which a divisor or modulus changes.
func (p *Packer) byteSlice(v []byte) {
	t := p.target()
	if t == nil {
		return
	}
	bytes := takesBytes(t.kind) || t.elem == nil
	if t.kind == Array {
		e := t.elem
		bytes = e.size == 1 && e.kind.isNumber() && e.divisor == 1 && !e.hasModulus
	}
	if !bytes {
		pushAll(p, v, func(v byte) { p.Uint(uint64(v)) })
		return
	}
	p.Bytes(v)
}

func takesBytes(k Kind) bool {
	return k == String || k == Blob || k == Blob32 || k == Uint8Array
}

// pushAll packs the elements of a list.
func pushAll[V any](p *Packer, values []V, pack func(V)) {
	p.Push()
	for _, v := range values {
		if p.err != nil {
			return
		}
		pack(v)
	}
	p.Pop()
}

// Pair packs an element of a uint32uint8array.
func (p *Packer) Pair(v Uint32Uint8) {
	p.Push()
	p.Uint(uint64(v.A))
	p.Uint(uint64(v.B))
	p.Pop()
}
