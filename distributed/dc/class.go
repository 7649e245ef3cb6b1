package dc

import "slices"

// A Class is a dclass or a struct.
type Class struct {
	file      *File
	name      string
	position  int
	isStruct  bool
	parents   []*Class
	ancestors []*Class // each once, nearest first, as a name is looked up
	own       []*Field
	byName    map[string]*Field // own, and the constructor
	inherited []*Field          // own ones too

	// A method of a struct with the struct's name. It has no number, is not inherited, and
	// its arguments are the first part of a value.
	constructor *Field
}

// File returns the file that declares the class.
func (c *Class) File() *File { return c.file }

// Name returns the name of the class; that of an unnamed one is "".
func (c *Class) Name() string { return c.name }

// Number returns the number that stands for the class in messages, or -1 for a struct.
func (c *Class) Number() int {
	if c.isStruct {
		return -1
	}
	return c.position
}

// Position returns the position in [File.Classes]. For a dclass it is the number.
func (c *Class) Position() int { return c.position }

// IsStruct says whether the class is a struct. A struct is a type of values; its
// fields have no keywords.
func (c *Class) IsStruct() bool { return c.isStruct }

// Parents returns the classes that the declaration names as bases, in its order.
func (c *Class) Parents() []*Class { return slices.Clone(c.parents) }

// Inherits says whether the class is parent, or has it among its ancestors.
func (c *Class) Inherits(parent *Class) bool {
	return c == parent || slices.Contains(c.ancestors, parent)
}

// Fields returns the fields that the class itself declares, in their order.
func (c *Class) Fields() []*Field { return slices.Clone(c.own) }

// InheritedFields returns the fields of the ancestors and the class's own, by number.
// A field whose name comes again is replaced by the later one; between two parents the
// field of the first one stays. Unnamed fields of ancestors are left out.
func (c *Class) InheritedFields() []*Field { return slices.Clone(c.inherited) }

// Field returns the field of a name, the class's own or the nearest inherited one, or nil.
func (c *Class) Field(name string) *Field {
	if f := c.byName[name]; f != nil {
		return f
	}
	for _, a := range c.ancestors {
		if f := a.byName[name]; f != nil {
			return f
		}
	}
	return nil
}

// FieldByNumber returns the field of the class or of an ancestor that has this number,
// or nil. It finds also an inherited field that the class replaces by one of its own.
func (c *Class) FieldByNumber(number int) *Field {
	if f := c.file.FieldByNumber(number); f != nil && c.Inherits(f.class) {
		return f
	}
	return nil
}

// String returns the name.
func (c *Class) String() string { return c.name }
