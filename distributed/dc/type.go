package dc

import "slices"

// A Kind says what values of a type are.
type Kind uint8

// The kinds. The basic ones have the numbers that Panda3D's hash uses.
const (
	Int8 Kind = iota
	Int16
	Int32
	Int64
	Uint8
	Uint16
	Uint32
	Uint64
	Float64
	String
	Blob
	Blob32
	Int16Array
	Int32Array
	Uint16Array
	Uint32Array
	Int8Array
	Uint8Array
	Uint32Uint8Array
	Char
	Array  // of any other type: T[]
	Struct // also a dclass used as a type
	Switch
)

var kindNames = [...]string{"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float64",
	"string", "blob", "blob32", "int16array", "int32array", "uint16array", "uint32array", "int8array", "uint8array",
	"uint32uint8array", "char", "array", "struct", "switch"}

// String returns the word for the kind in DC files.
func (k Kind) String() string {
	if int(k) >= len(kindNames) {
		return "unknown"
	}
	return kindNames[k]
}

// A Range is an interval of numbers, both ends included.
type Range struct{ Min, Max float64 }

// A Parameter is an argument of a field: a type and perhaps a name.
type Parameter struct {
	name string
	typ  *Type
}

// Name returns the name, or "" if the declaration has none.
func (p *Parameter) Name() string { return p.name }

// Type returns the type.
func (p *Parameter) Type() *Type { return p.typ }

// A Type is a type of a DC file with all that restricts its values.
type Type struct {
	kind     Kind
	divisor  uint32
	modulus  float64 // 0: none
	ranges   []Range // in the units of the declaration; of sizes for strings, blobs and arrays
	elem     *Type
	class    *Class
	switched *SwitchType
}

// Kind says what the values are.
func (t *Type) Kind() Kind { return t.kind }

// Divisor returns by how much an integer type divides the packed integer: "int16 / 10"
// has 10, and 1.5 is packed as 15. Without a divisor it is 1.
func (t *Type) Divisor() uint32 { return t.divisor }

// Modulus returns the modulus in the units of the declaration, or 0 if there is none.
func (t *Type) Modulus() float64 { return t.modulus }

// Ranges returns the values that a number may have, the sizes in bytes of a string or
// blob, or the numbers of elements of an array. Empty means any.
func (t *Type) Ranges() []Range { return slices.Clone(t.ranges) }

// Elem returns the type of an Array's elements; for another kind it is nil.
func (t *Type) Elem() *Type { return t.elem }

// Struct returns the class of a Struct; for another kind it is nil.
func (t *Type) Struct() *Class { return t.class }

// Switch returns the cases of a Switch; for another kind it is nil.
func (t *Type) Switch() *SwitchType { return t.switched }

// A SwitchType is what a switch declares: a key, and for each value of the key the
// fields that follow it.
type SwitchType struct {
	name  string
	key   *Parameter
	cases []*Case
	other *Case
}

// Name returns the name, or "" if the declaration has none.
func (s *SwitchType) Name() string { return s.name }

// Key returns the key.
func (s *SwitchType) Key() *Parameter { return s.key }

// Cases returns the cases in the order of the declaration.
func (s *SwitchType) Cases() []*Case { return slices.Clone(s.cases) }

// Default returns the case for keys that no other case has, or nil.
func (s *SwitchType) Default() *Case { return s.other }

// A Case is a case of a switch.
type Case struct {
	value  []byte
	fields []*Parameter
}

// Value returns the packed key that selects the case; that of the default case is nil.
func (c *Case) Value() []byte { return slices.Clone(c.value) }

// Fields returns the values that follow the key.
func (c *Case) Fields() []*Parameter { return slices.Clone(c.fields) }

// Uint32Uint8 is an element of a uint32uint8array.
type Uint32Uint8 struct {
	A uint32
	B uint8
}
