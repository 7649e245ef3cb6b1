package dc

import (
	"fmt"
	"io"
	"strings"
)

// WriteTo writes the declarations as a DC file with a line for each field, imports first
// and a comment with the numbers of classes and fields. Parsing it again gives the same
// file: the same numbers and hash.
func (f *File) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, f.String())
	return int64(n), err
}

// String returns what WriteTo writes.
func (f *File) String() string {
	var b strings.Builder
	for _, i := range f.imports {
		b.WriteString(i.String() + "\n")
	}
	for _, d := range f.declared {
		switch d := d.(type) {
		case *keyword:
			b.WriteString("keyword " + d.name + ";\n")
		case *Typedef:
			b.WriteString("typedef " + d.parameter.withDefault() + ";\n")
		case *SwitchType:
			b.WriteString("\n" + d.declare() + ";\n")
		case *Class:
			d.write(&b)
		}
	}
	return b.String()
}

// String returns the declaration.
func (i Import) String() string {
	if len(i.Symbols) == 0 {
		return "import " + i.Module
	}
	return "from " + i.Module + " import " + strings.Join(i.Symbols, ", ")
}

// write writes the class with a line for each field.
func (c *Class) write(b *strings.Builder) {
	b.WriteString("\n" + c.head() + " {")
	if !c.isStruct {
		fmt.Fprintf(b, " // class %d", c.position)
	}
	b.WriteByte('\n')
	if c.constructor != nil {
		fmt.Fprintf(b, "  %v;\n", c.constructor)
	}
	for _, f := range c.own {
		fmt.Fprintf(b, "  %v; // field %d\n", f, f.number)
	}
	b.WriteString("};\n")
}

// declare returns the declaration in one line. Cases that share fields are written in
// the way that makes them share them.
func (s *SwitchType) declare() string {
	text := "switch"
	if s.name != "" {
		text += " " + s.name
	}
	text += " (" + s.key.String() + ") { "
	for i, c := range s.inText {
		label := "default: "
		if c != s.other {
			label = fmt.Sprintf("case %s: ", s.keyText(c.value))
		}
		text += label
		if i+1 < len(s.inText) && c.shares(s.inText[i+1]) {
			text += fieldsText(c.fields[:len(c.fields)-len(s.inText[i+1].fields)])
			continue
		}
		text += fieldsText(c.fields) + "break; "
	}
	return text + "}"
}

// keyText returns the text of a packed key.
func (s *SwitchType) keyText(value []byte) string {
	if n, err := s.key.typ.validate(value, true); err != nil || n != len(value) {
		return fmt.Sprintf("<%x>", value)
	}
	text, _ := s.key.typ.appendText(nil, value, false)
	if again, err := parseValue(nil, s.key, string(text), true); err == nil && string(again) == string(value) {
		return string(text)
	}
	return fmt.Sprintf("<%x>", value)
}

// shares says whether the fields of a case end with all those of the next one, and are
// the same values.
func (c *Case) shares(next *Case) bool {
	skip := len(c.fields) - len(next.fields)
	if skip < 0 {
		return false
	}
	for i, f := range next.fields {
		if c.fields[skip+i] != f {
			return false
		}
	}
	return len(next.fields) > 0
}

func fieldsText(fields []*Parameter) string {
	s := ""
	for _, f := range fields {
		s += f.withDefault() + "; "
	}
	return s
}
