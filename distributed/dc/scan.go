package dc

import (
	"fmt"
	"reflect"
)

// Scan unpacks like Unpack and stores the arguments in the variables that targets point
// to, one for each argument. Numbers go into any Go number that can hold them (a scaled
// one or a float64 only into a float), and 0 and 1 also into a bool; a struct or a switch
// into a Go struct by names, where a part without a counterpart is skipped, or into a []any; an
// array into a slice, or into a Go array of its length. A nil target skips its argument.
// What Unpack would return goes into an any.
//
// On an error some of the variables may have been set.
func (f *Field) Scan(data []byte, targets ...any) (n int, err error) {
	u := f.Unpacker(data)
	for _, target := range targets {
		if target == nil {
			u.Skip()
			continue
		}
		v := reflect.ValueOf(target)
		if v.Kind() != reflect.Pointer || v.IsNil() {
			u.fail(ErrType, fmt.Sprintf("the target is a %T and no pointer", target))
			break
		}
		u.scan(v.Elem())
	}
	return u.Finish()
}

// scan unpacks a value into a variable.
func (u *Unpacker) scan(v reflect.Value) {
	t := u.target()
	if t == nil {
		return
	}
	if err := t.Fits(v.Type()); err != nil {
		u.fail(ErrType, err.Error())
		return
	}
	switch k := v.Kind(); {
	case k == reflect.Interface:
		v.Set(reflect.ValueOf(u.Value()))
	case k == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		u.scan(v.Elem())
	case v.CanInt():
		if i := u.Int(); v.OverflowInt(i) {
			u.overflow(i, v)
		} else {
			v.SetInt(i)
		}
	case v.CanUint():
		if i := u.Uint(); v.OverflowUint(i) {
			u.overflow(i, v)
		} else {
			v.SetUint(i)
		}
	case v.CanFloat():
		v.SetFloat(u.Float())
	case k == reflect.Bool:
		v.SetBool(u.Int() != 0)
	case k == reflect.String:
		v.SetString(u.String())
	case k == reflect.Struct:
		u.scanStruct(v)
	case t.hasBytes() && v.Type().Elem().Kind() == reflect.Uint8 && k == reflect.Slice:
		v.SetBytes(append([]byte{}, u.Bytes()...))
	default:
		u.scanList(v)
	}
}

// overflow notes that the integer that was unpacked last does not fit its variable.
func (u *Unpacker) overflow(i any, v reflect.Value) {
	if u.err == nil {
		u.at.index-- // the path of the error is its own
		u.fail(ErrRange, fmt.Sprintf("%d is no %v", i, v.Type()))
	}
}

// scanList unpacks a list into a slice or a Go array.
func (u *Unpacker) scanList(v reflect.Value) {
	if v.Kind() == reflect.Slice {
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	}
	i := 0
	for u.Push(); u.More(); i++ {
		if v.Kind() == reflect.Slice {
			v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
		} else if i >= v.Len() {
			u.fail(ErrRange, fmt.Sprintf("more elements than a %v has", v.Type()))
			return
		}
		u.scan(v.Index(i))
	}
	if v.Kind() == reflect.Array && i < v.Len() {
		u.fail(ErrRange, fmt.Sprintf("fewer elements than a %v has", v.Type()))
	}
	u.Pop()
}

// scanStruct unpacks a struct, a switch or the pairs of a list into a Go struct.
func (u *Unpacker) scanStruct(v reflect.Value) {
	for u.Push(); u.More(); {
		if i := structIndex(v.Type(), u.at.name(), u.at.index); i != nil {
			u.scan(v.FieldByIndex(i))
		} else {
			u.Skip()
		}
	}
	u.Pop()
}

// hasBytes says whether values can be unpacked as bytes.
func (t *Type) hasBytes() bool {
	return takesBytes(t.kind) || t.kind == Array && t.elem.kind.isNumber() && t.elem.size == 1
}

// Fits says, with an error if not, whether [Field.Scan] can store values of the type in
// variables of a Go type. Integers may still turn out too large for it.
func (t *Type) Fits(v reflect.Type) error {
	ok := false
	switch k := v.Kind(); k {
	case reflect.Interface:
		ok = v.NumMethod() == 0
	case reflect.Pointer:
		return t.Fits(v.Elem())
	case reflect.Float32, reflect.Float64:
		ok = t.kind.isNumber() && t.kind != Char
	case reflect.String:
		ok = t.kind == Char || t.kind == String || t.kind == Blob || t.kind == Blob32 || t.isText()
	case reflect.Struct:
		return t.fitsStruct(v)
	case reflect.Slice, reflect.Array:
		if t.kind == String || t.isText() {
			ok = k == reflect.Slice && v.Elem().Kind() == reflect.Uint8
			break
		}
		if t.elem != nil {
			return t.elem.Fits(v.Elem())
		}
		return t.fitsList(v)
	case reflect.Bool:
		ok = t.isInteger()
	default:
		ok = t.isInteger() && k >= reflect.Int && k <= reflect.Uint64
	}
	if !ok {
		return fmt.Errorf("%v does not fit a %v", t, v)
	}
	return nil
}

// isInteger says whether Unpack gives integers.
func (t *Type) isInteger() bool {
	return t.kind.isNumber() && t.kind != Float64 && t.divisor == 1
}

// fitsStruct says whether the parts of a struct or switch fit those of a Go struct.
func (t *Type) fitsStruct(v reflect.Type) error {
	if t.kind != Switch {
		if t.kind != Struct && t.kind != Method {
			return fmt.Errorf("%v does not fit a %v", t, v)
		}
		return fitMembers(v, t.members, 0)
	}
	s := t.switched
	err := fitMembers(v, []*Parameter{s.key}, 0)
	for _, c := range s.all() {
		if err == nil {
			err = fitMembers(v, c.fields, 1)
		}
	}
	return err
}

// fitMembers says whether members fit the fields of a Go struct. The first has the number
// first in its list.
func fitMembers(v reflect.Type, members []*Parameter, first int) error {
	for i, p := range members {
		index := structIndex(v, p.name, first+i)
		if index == nil {
			continue
		}
		if err := p.typ.Fits(v.FieldByIndex(index).Type); err != nil {
			return fmt.Errorf("%v.%s: %w", v, v.FieldByIndex(index).Name, err)
		}
	}
	return nil
}

// fitsList says whether the parts of a struct or switch fit the elements of a slice.
func (t *Type) fitsList(v reflect.Type) error {
	if v.Kind() == reflect.Slice && v.Elem().Kind() == reflect.Interface && v.Elem().NumMethod() == 0 && t.isList() {
		return nil
	}
	return fmt.Errorf("%v does not fit a %v", t, v)
}
