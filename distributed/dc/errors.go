package dc

import (
	"errors"
	"fmt"
)

// Why a value cannot be packed or unpacked. Compare with errors.Is: they come wrapped
// in a [*ValueError].
var (
	// ErrType reports values that do not fit the declaration in number or kind.
	ErrType = errors.New("wrong type")

	// ErrRange reports values outside the range of the declaration or of the type,
	// and switch keys that have no case.
	ErrRange = errors.New("out of range")

	// ErrData reports packed data that ends too early, or whose lengths do not fit.
	ErrData = errors.New("malformed data")

	// ErrUTF8 reports a string or char that is not UTF-8.
	ErrUTF8 = errors.New("not UTF-8")

	// ErrSyntax reports the text of a value that cannot be read.
	ErrSyntax = errors.New("syntax error")
)

// An Error tells where a DC file is wrong.
type Error struct {
	File         string // the name that was given to Parse
	Line, Column int    // both from 1; the column counts bytes
	Message      string
}

// Error returns "file:line:column: message".
func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// A ValueError tells which value of a field is wrong.
type ValueError struct {
	Field  *Field
	Path   string // such as "data[2].name"; "" if it is the field as a whole
	Detail string // such as "300 is not in 0-255"; may be empty
	Err    error  // ErrType, ErrRange, ErrData, ErrUTF8 or ErrSyntax
}

// Error names the field, the path and the reason.
func (e *ValueError) Error() string {
	s := "dc: "
	if e.Field != nil {
		s += e.Field.qualified()
	}
	if e.Path != "" {
		s += ", " + e.Path
	}
	s += ": " + e.Err.Error()
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s
}

// Unwrap returns Err.
func (e *ValueError) Unwrap() error { return e.Err }

func (f *Field) qualified() string {
	if f.class == nil || f.class.name == "" {
		return f.name
	}
	return f.class.name + "." + f.name
}
