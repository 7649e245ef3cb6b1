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
	Method // the arguments of a method that is a member of a struct or the key of a switch
)

var kindNames = [...]string{"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float64",
	"string", "blob", "blob32", "int16array", "int32array", "uint16array", "uint32array", "int8array", "uint8array",
	"uint32uint8array", "char", "array", "struct", "switch", "method"}

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
	kind  Kind
	alias string // the typedef, class or switch by whose name it was called

	// As declared.
	divisor      uint32
	hasModulus   bool
	modulus      float64
	declared     []Range // in units before the divisor; sizes of strings, blobs and arrays
	hasDefault   bool
	inherits     bool // the default is that of the typedef
	defaultValue []byte

	// In packed units.
	scaled float64 // the modulus, for reals
	whole  uint64  // the modulus, for integers; 0 has no effect
	ints   []interval[int64]
	uints  []interval[uint64] // also the sizes of strings, blobs and arrays
	reals  []interval[float64]

	// Parts.
	elem     *Type // of an array, and of a basic type that is also a list
	class    *Class
	members  []*Parameter // of a struct or method
	switched *SwitchType

	// Whether Panda3D takes values as of a fixed size, and which; it is wrong about some.
	claimed     bool
	claimedSize uint64

	prefix uint8  // bytes of the length before the value: 0, 2 or 4
	plain  bool   // exactly size bytes, whatever they are
	size   uint64 // if all values have one
	least  uint64 // bytes that a value takes at least
	weight int    // values in it if each array has one element, but all that take no bytes; at most maxWeight+1
	nested int    // how deep types nest in its parts, brackets apart
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
func (t *Type) Ranges() []Range { return slices.Clone(t.declared) }

// Elem returns the type of an Array's elements; for another kind it is nil.
func (t *Type) Elem() *Type {
	if t.kind != Array {
		return nil
	}
	return t.elem
}

// Struct returns the class of a Struct; for another kind it is nil.
func (t *Type) Struct() *Class { return t.class }

// Members returns the parts of a Struct, in inherited order, or of a Method; for another
// kind it is empty.
func (t *Type) Members() []*Parameter { return slices.Clone(t.members) }

// Switch returns the cases of a Switch; for another kind it is nil.
func (t *Type) Switch() *SwitchType { return t.switched }

// A SwitchType is what a switch declares: a key, and for each value of the key the
// fields that follow it.
type SwitchType struct {
	name    string
	key     *Parameter
	cases   []*Case
	byValue map[string]*Case
	inText  []*Case // all, in the order of the text
	other   *Case
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
	index  int // in Cases; -1 for the default
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
