package dc

import "slices"

// A FieldKind says how a field is declared.
type FieldKind int

const (
	// Atomic is a method with parameters, "setPos(int16 x, int16 y)".
	Atomic FieldKind = iota
	// Molecular is a method made of several atomic ones, "setPosHpr : setPos, setHpr".
	Molecular
	// Data is a single value, "uint8 hitPoints".
	Data
)

// String returns the name of the kind.
func (k FieldKind) String() string {
	switch k {
	case Atomic:
		return "atomic"
	case Molecular:
		return "molecular"
	}
	return "data"
}

// A Field is a field of a class or of a struct.
type Field struct {
	class    *Class
	name     string
	number   int
	kind     FieldKind
	keywords []string
	bits     keywordBits
	declared bool         // a keyword was declared in the text when the field used it
	params   []*Parameter // the arguments
	atomics  []*Field
	value    *Parameter // the field as one value, as it is in text and in a struct
}

// Name returns the name; a data field of a struct may have none: then it is "".
func (f *Field) Name() string { return f.name }

// Number returns the number that stands for the field in messages. A method of a struct with
// the struct's name has none: then it is -1.
func (f *Field) Number() int { return f.number }

// Class returns the class or struct that declares the field.
func (f *Field) Class() *Class { return f.class }

// Kind says how the field is declared.
func (f *Field) Kind() FieldKind { return f.kind }

// Parameters returns the arguments of the field: the parameters of an atomic field,
// those of all members of a molecular one, and the single value of a data field.
func (f *Field) Parameters() []*Parameter { return slices.Clone(f.params) }

// NumArgs returns the number of arguments, len(Parameters()).
func (f *Field) NumArgs() int { return len(f.params) }

// Atomics returns the members of a molecular field; for another field it is empty.
func (f *Field) Atomics() []*Field { return slices.Clone(f.atomics) }

// NumAtomics returns the number of members, len(Atomics()), and Atomic one of them by its
// place, without allocating. They are Panda3D's getNumAtomics and getAtomic.
func (f *Field) NumAtomics() int { return len(f.atomics) }

// Atomic returns a member of a molecular field by its place. See [Field.NumAtomics].
func (f *Field) Atomic(i int) *Field { return f.atomics[i] }

// Keywords returns the keywords in the order of the declaration. A molecular field has
// those of its members.
func (f *Field) Keywords() []string { return slices.Clone(f.keywords) }

// HasKeyword says whether the field has a keyword. For the keywords that Panda3D gives
// a meaning, methods such as [Field.IsBroadcast] are faster.
func (f *Field) HasKeyword(keyword string) bool { return slices.Contains(f.keywords, keyword) }

// IsRequired says whether the field has the keyword required: its value is part of
// each message that makes an object appear.
func (f *Field) IsRequired() bool { return f.bits&bitRequired != 0 }

// IsBroadcast says whether the field has the keyword broadcast: the server passes an
// update on to all others in the object's zone.
func (f *Field) IsBroadcast() bool { return f.bits&bitBroadcast != 0 }

// IsRAM says whether the field has the keyword ram: the owner repeats its value for
// clients that come later.
func (f *Field) IsRAM() bool { return f.bits&bitRAM != 0 }

// IsDB says whether the field has the keyword db.
func (f *Field) IsDB() bool { return f.bits&bitDB != 0 }

// IsClsend says whether the field has the keyword clsend: also a client that does not
// own the object may send it.
func (f *Field) IsClsend() bool { return f.bits&bitClsend != 0 }

// IsClrecv says whether the field has the keyword clrecv.
func (f *Field) IsClrecv() bool { return f.bits&bitClrecv != 0 }

// IsOwnsend says whether the field has the keyword ownsend.
func (f *Field) IsOwnsend() bool { return f.bits&bitOwnsend != 0 }

// IsOwnrecv says whether the field has the keyword ownrecv.
func (f *Field) IsOwnrecv() bool { return f.bits&bitOwnrecv != 0 }

// IsAirecv says whether the field has the keyword airecv.
func (f *Field) IsAirecv() bool { return f.bits&bitAirecv != 0 }

// IsP2P says whether the field has the keyword p2p: the server passes an update on to
// the owner only. DC files must declare this keyword.
func (f *Field) IsP2P() bool { return f.bits&bitP2P != 0 }

// IsReflect says whether the field has the keyword reflect: the server passes an update
// on to all in the object's zone, the sender included. DC files must declare this keyword.
func (f *Field) IsReflect() bool { return f.bits&bitReflect != 0 }
