// Package dc reads Panda3D's DC files, which declare the classes of distributed
// objects and their fields, and packs and unpacks the values of those fields.
// It knows nothing of networks: package distributed uses it for that.
//
// A [File] is what the DC files of a program declare. It has a [Class] for each
// dclass and struct, and each of these has [Field] values:
//
//	file, err := dc.ParseFiles("direct.dc", "game.dc")
//	if err != nil {
//		return err // game.dc:12:7: there is no type "unit8"
//	}
//	setPos := file.Class("Avatar").Field("setPos")
//	data, err := setPos.Pack(nil, 1.5, 2.5, 0.0)
//	args, n, err := setPos.Unpack(data)
//
// All of a File is fixed once it is parsed, so several goroutines may use it at
// the same time. No call blocks, except that ParseFiles reads files.
//
// # Values
//
// Unpack gives each type of a DC file a Go type. Pack takes that type, and more:
//
//	DC type                       Unpack          Pack also takes
//	int8 … uint64                 int8 … uint64   any integer, any real (rounded), a bool
//	the same with a divisor       float64         any integer, any real
//	float64                       float64         any integer, any real
//	char                          string          an integer, a []byte; one byte long
//	string                        string          a []byte
//	blob, blob32                  []byte          a string; for blob also a list of numbers
//	int8array … uint32array       []int8 …        any slice or array of numbers
//	uint32uint8array              []Uint32Uint8   a list of pairs
//	char[]                        string          a []byte, a list of chars
//	T[] of a basic type           a slice of it   any slice or array; []byte and string for int8[] and uint8[]
//	T[] of another type           []any           any slice or array
//	struct                        []any           a Go struct, a map[string]any
//	switch                        []any           a Go struct, a map[string]any
//
// The []any of a struct has its fields in inherited order; that of a switch has the
// key first, and then the fields of the case that the key selects.
// A Go struct gives or takes its fields by name: the one with the tag dc:"name", or
// else the one whose name is the DC name without regard to case and underscores.
// [Field.Scan] stores what it unpacks in variables of the program's types.
//
// For fields that are sent many times a second there are [Packer] and [Unpacker],
// which neither allocate nor use reflection; the dc command generates code on
// top of them.
//
// # Input that is not trusted
//
// Packed values may come from anyone. Unpacking, validating and formatting never panic,
// reserve no memory for a length that the data only claims, and nest no deeper than the
// type of the field, of which at most 64 levels are allowed. What a value unpacks to takes
// memory in proportion to its bytes.
//
// The text of a DC file comes from the program itself; even so no text makes Parse panic,
// hang, or take memory out of proportion. A declaration that would, such as structs
// that contain each other so often that a value has more than 65536 parts, is an error.
//
// # What differs from Panda3D
//
// The bytes, the texts and the hash are Panda3D's, to the last bit of the reals in a text,
// which Panda3D does not always round to the nearest one. Where Panda3D does something that
// harms, this package returns an error: for a number beyond 32 bits in an int32 or
// uint32, for a char[] of more than 65535 bytes, for text that is not UTF-8, for a name
// that is used before its declaration, for two parameters of one name, for an integer beyond
// 64 bits in a text, for elements of an array that take no bytes, and for a char[]
// or a list in place of a string whose length or characters are out of range. The
// default of a number with a range and a divisor, which Panda3D scales twice, is the
// lowest value of the range.
package dc
