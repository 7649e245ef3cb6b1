package dc

import (
	"math"
	"strconv"
)

// An Unpacker unpacks the arguments of a field one by one, without allocating, except for
// the strings that it returns. What is in an array, a struct or a switch stands between Push and Pop;
// the key of a switch comes first. All of the data is validated at the beginning, so what
// a method returns is right even if a later argument is wrong. The first error sticks:
// after it every method returns zero, and Finish returns the error.
//
//	u := field.Unpacker(data)
//	x := u.Float()
//	for u.Push(); u.More(); {
//		sum += u.Uint()
//	}
//	u.Pop()
//	n, err := u.Finish()
type Unpacker struct {
	field *Field
	n     int // bytes of the arguments
	err   error

	at     unpackFrame
	around stack[unpackFrame]
}

// An unpackFrame is a list of values that is being unpacked.
type unpackFrame struct {
	cursor
	rest  []byte // what has not been unpacked; of an array, its own bytes only
	after []byte // what follows an array
}

// Unpacker returns an Unpacker of the arguments at the beginning of data.
func (f *Field) Unpacker(data []byte) Unpacker {
	u := Unpacker{field: f, at: unpackFrame{cursor: cursor{members: f.params}}}
	if u.n, u.err = f.Validate(data); u.err == nil {
		u.at.rest = data[:u.n]
	}
	return u
}

// target returns the type of the next value, or nil.
func (u *Unpacker) target() *Type {
	if u.err != nil {
		return nil
	}
	if !u.More() {
		u.fail(ErrType, "there is no further value")
		return nil
	}
	return u.at.next()
}

// More says whether the list that the last Push has begun, or the list of arguments, has
// another value.
func (u *Unpacker) More() bool {
	if u.err != nil {
		return false
	}
	if u.at.typ != nil && u.at.typ.elem != nil {
		return u.at.typ.more(u.at.index, u.at.rest)
	}
	return u.at.missing()
}

// done goes on behind a value of n bytes.
func (u *Unpacker) done(n int) {
	value := u.at.rest[:n]
	u.at.rest = u.at.rest[n:]
	u.at.index++
	if t := u.at.typ; t != nil && t.kind == Switch && u.at.index == 1 {
		u.at.choose(t.switched.find(value))
	}
}

// Int unpacks an integer.
func (u *Unpacker) Int() int64 {
	t, v := u.integer()
	if t != nil && !t.kind.signed() && v > math.MaxInt64 {
		u.fail(ErrRange, strconv.FormatUint(v, 10)+" is no int64")
		return 0
	}
	return int64(v)
}

// Uint unpacks an integer that is not negative.
func (u *Unpacker) Uint() uint64 {
	t, v := u.integer()
	if t != nil && t.kind.signed() && int64(v) < 0 {
		u.fail(ErrRange, strconv.FormatInt(int64(v), 10)+" is negative")
		return 0
	}
	return v
}

// integer unpacks the bits of an integer.
func (u *Unpacker) integer() (*Type, uint64) {
	t := u.target()
	if t == nil {
		return nil, 0
	}
	if !t.kind.isNumber() || t.kind == Float64 || t.divisor != 1 {
		u.fail(ErrType, "an integer from "+t.kind.String())
		return nil, 0
	}
	v := t.bits(u.at.rest)
	u.done(int(t.size))
	return t, v
}

// Float unpacks a number.
func (u *Unpacker) Float() float64 {
	t := u.target()
	if t == nil {
		return 0
	}
	if !t.kind.isNumber() {
		u.fail(ErrType, "a number from "+t.kind.String())
		return 0
	}
	v := t.float(u.at.rest)
	u.done(int(t.size))
	return v
}

// String unpacks a string, a blob, a char, a char[], an int8[] or a uint8[].
func (u *Unpacker) String() string { return string(u.Bytes()) }

// Bytes unpacks what String does. The result is part of the data; it must not be changed.
func (u *Unpacker) Bytes() []byte {
	t := u.target()
	if t == nil {
		return nil
	}
	switch {
	case t.kind == Char:
		v := u.at.rest[:1:1]
		u.done(1)
		return v
	case t.hasBytes():
		list, rest := t.body(u.at.rest)
		u.done(len(u.at.rest) - len(rest))
		return list
	}
	u.fail(ErrType, "bytes from "+t.kind.String())
	return nil
}

// Pair unpacks an element of a uint32uint8array.
func (u *Unpacker) Pair() Uint32Uint8 {
	u.Push()
	v := Uint32Uint8{uint32(u.Uint()), uint8(u.Uint())}
	u.Pop()
	return v
}

// Value unpacks a value as [Field.Unpack] does.
func (u *Unpacker) Value() any {
	t := u.target()
	if t == nil {
		return nil
	}
	v, rest := t.unpack(u.at.rest)
	u.done(len(u.at.rest) - len(rest))
	return v
}

// Skip goes on behind a value.
func (u *Unpacker) Skip() {
	if t := u.target(); t != nil {
		u.done(t.skip(u.at.rest))
	}
}

// Push begins an array, a struct, a switch, or another value that is a list.
func (u *Unpacker) Push() {
	t := u.target()
	if t == nil {
		return
	}
	if !t.isList() {
		u.fail(ErrType, "a list from "+t.kind.String())
		return
	}
	u.around.push(u.at)
	list, after := u.at.rest, []byte(nil)
	if t.elem != nil {
		list, after = t.body(u.at.rest)
	}
	u.at = unpackFrame{cursor: cursor{typ: t, members: t.members}, rest: list, after: after}
}

// Pop ends what the last Push has begun; all of it must have been unpacked.
func (u *Unpacker) Pop() {
	switch {
	case u.err != nil:
		return
	case u.around.depth == 0:
		u.fail(ErrType, "a Pop without a Push")
		return
	case u.More():
		u.fail(ErrType, "not all has been unpacked")
		return
	}
	rest := u.at.rest
	if u.at.typ.elem != nil {
		rest = u.at.after
	}
	u.at = u.around.pop()
	u.done(len(u.at.rest) - len(rest))
}

// Case returns which case of [SwitchType.Cases] the key has selected, once the key of a
// switch has been unpacked; -1 is the default case.
func (u *Unpacker) Case() int { return u.at.chosenIndex() }

// Finish returns how many bytes the arguments take; all of them must have been unpacked.
func (u *Unpacker) Finish() (n int, err error) {
	switch {
	case u.err != nil:
	case u.around.depth > 0:
		u.fail(ErrType, "a Push without a Pop")
	case u.More():
		u.fail(ErrType, "not all has been unpacked")
	}
	if u.err != nil {
		return 0, u.err
	}
	return u.n, nil
}

// fail notes what is wrong with the next value.
func (u *Unpacker) fail(err error, detail string) {
	if u.err != nil {
		return
	}
	path := ""
	for i := range u.around.depth {
		path = u.around.at(i).extend(path)
	}
	u.err = &ValueError{Field: u.field, Path: u.at.extend(path), Detail: detail, Err: err}
}
