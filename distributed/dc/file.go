package dc

import "slices"

// A File holds the declarations of the DC files that were parsed together.
type File struct {
	classes  []*Class // by position
	byName   map[string]*Class
	fields   []*Field // by number
	keywords []string
	imports  []Import
	typedefs []*Typedef
	declared []any // *Class, *SwitchType, *Typedef, *keyword and Import, in the order of the text
	hash     uint32
}

// An Import is one import declaration. Only Panda3D's own repositories do anything
// with it: the name says where the Python class is.
type Import struct {
	Module  string   // with its suffixes, such as "game.Avatar/AI"
	Symbols []string // of "from Module import …", with their suffixes; nil for "import Module"
}

// A Typedef gives a name to a type.
type Typedef struct {
	name      string
	parameter *Parameter
}

// Name returns the name that the typedef declares.
func (t *Typedef) Name() string { return t.name }

// Type returns the type that the name stands for.
func (t *Typedef) Type() *Type { return t.parameter.typ }

// Hash returns Panda3D's hash of the file, DCFile.getHash. It covers what decides
// about the bytes of fields and their numbers, not imports, typedefs and defaults.
// Panda3D's repositories compute it but do not send it.
func (f *File) Hash() uint32 { return f.hash }

// Classes returns all classes and structs by their position in the files.
func (f *File) Classes() []*Class { return slices.Clone(f.classes) }

// Class returns the dclass or struct of a name, or nil.
func (f *File) Class(name string) *Class { return f.byName[name] }

// ClassByNumber returns the dclass that has this number in messages, or nil.
// A struct has no number: the position of one gives nil.
func (f *File) ClassByNumber(number int) *Class {
	if number < 0 || number >= len(f.classes) || f.classes[number].isStruct {
		return nil
	}
	return f.classes[number]
}

// FieldByNumber returns the field that has this number, of any class or struct, or nil.
func (f *File) FieldByNumber(number int) *Field {
	if number < 0 || number >= len(f.fields) {
		return nil
	}
	return f.fields[number]
}

// NumFields returns how many field numbers the file uses: they are 0 … NumFields()-1.
func (f *File) NumFields() int { return len(f.fields) }

// Keywords returns the keywords that the files declare, and the built-in ones that they
// use, in the order of their first appearance.
func (f *File) Keywords() []string { return slices.Clone(f.keywords) }

// Imports returns the import declarations in the order of the files.
func (f *File) Imports() []Import { return slices.Clone(f.imports) }

// Typedefs returns the typedefs in the order of the files.
func (f *File) Typedefs() []*Typedef { return slices.Clone(f.typedefs) }
