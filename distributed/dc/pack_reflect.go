package dc

import (
	"reflect"
	"strings"
	"sync"
)

// reflected packs a value of a type that Value does not know: a named one, a pointer, a
// struct, a map, or a slice or array.
func (p *Packer) reflected(v reflect.Value) {
	if p.err != nil {
		return
	}
	switch k := v.Kind(); {
	case (k == reflect.Pointer || k == reflect.Interface) && !v.IsNil():
		p.reflected(v.Elem())
	case v.CanInt():
		p.Int(v.Int())
	case v.CanUint():
		p.Uint(v.Uint())
	case v.CanFloat():
		p.Float(v.Float())
	case k == reflect.Bool:
		p.bool(v.Bool())
	case k == reflect.String:
		p.String(v.String())
	case k == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		p.byteSlice(v.Bytes())
	case k == reflect.Slice, k == reflect.Array:
		p.Push()
		for i := 0; i < v.Len() && p.err == nil; i++ {
			p.reflected(v.Index(i))
		}
		p.Pop()
	case k == reflect.Map && v.Type().Key().Kind() == reflect.String:
		p.named(func(name string, _ int) reflect.Value {
			return v.MapIndex(reflect.ValueOf(name).Convert(v.Type().Key()))
		})
	case k == reflect.Struct:
		p.named(structMember(v))
	default:
		if p.target() != nil {
			p.fail(faultf(ErrType, "a Go value of type %v", v.Kind()))
		}
	}
}

// named packs a struct or a switch whose parts are found by their names.
func (p *Packer) named(find func(name string, index int) reflect.Value) {
	t := p.target()
	if t == nil {
		return
	}
	if t.kind != Struct && t.kind != Switch && t.kind != Method {
		p.fail(faultf(ErrType, "a Go struct or map for %v", t.kind))
		return
	}
	p.Push()
	for p.err == nil && p.at.next() != nil {
		name := p.at.name()
		v := find(name, p.at.index)
		if !v.IsValid() {
			p.fail(faultf(ErrType, "the Go value has nothing of this name"))
			return
		}
		p.reflected(v)
	}
	p.Pop()
}

// structMember returns how to find the parts of a DC struct or switch in a Go struct.
func structMember(v reflect.Value) func(name string, index int) reflect.Value {
	return func(name string, index int) reflect.Value {
		if i := structIndex(v.Type(), name, index); i != nil {
			return v.FieldByIndex(i)
		}
		return reflect.Value{}
	}
}

// structFields has the fields of Go structs by the DC names that they stand for.
var structFields sync.Map // from reflect.Type to map[string][]int

// structIndex returns the index of the field of a Go struct that a DC name stands for:
// the one with the tag dc:"name", or else one whose name is the same without regard to
// case and underscores. A part without a name is the field in its place.
func structIndex(t reflect.Type, name string, index int) []int {
	if name == "" {
		if index < t.NumField() && t.Field(index).IsExported() {
			return []int{index}
		}
		return nil
	}
	known, ok := structFields.Load(t)
	if !ok {
		byName := map[string][]int{}
		for _, f := range reflect.VisibleFields(t) {
			if f.IsExported() && len(f.Index) == 1 {
				if tag := f.Tag.Get("dc"); tag != "" {
					byName["dc:"+tag] = f.Index
				} else {
					byName[plainName(f.Name)] = f.Index
				}
			}
		}
		known, _ = structFields.LoadOrStore(t, byName)
	}
	byName := known.(map[string][]int)
	if i := byName["dc:"+name]; i != nil {
		return i
	}
	return byName[plainName(name)]
}

// plainName returns a name without underscores, in lower case.
func plainName(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }
