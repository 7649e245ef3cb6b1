package distributed

import (
	"encoding/binary"
	"fmt"

	"github.com/queuednet/queuednet/distributed/dc"
)

// A class is a dclass with the form of its generates.
type class struct {
	dc       *dc.Class
	required []*dc.Field // that are not molecular, in inherited order
	secret   bool        // some of them are not broadcast: receivers do not expect those
}

// classes holds the dclasses of a DC file by number, and nil where that number is a
// struct's.
type classes []*class

func newClasses(file *dc.File) classes {
	all := make(classes, 0, len(file.Classes()))
	for _, d := range file.Classes() {
		if d.IsStruct() {
			all = append(all, nil)
			continue
		}
		all = append(all, newClass(d))
	}
	return all
}

func newClass(d *dc.Class) *class {
	c := &class{dc: d}
	for _, f := range d.InheritedFields() {
		if f.IsRequired() && f.Kind() != dc.Molecular {
			c.required = append(c.required, f)
			c.secret = c.secret || !f.IsBroadcast()
		}
	}
	return c
}

func (all classes) byNumber(number uint16) *class {
	if int(number) >= len(all) {
		return nil
	}
	return all[number]
}

// walk checks the fields of a generate and visits each, first the required ones. If the
// class has required fields that are not broadcast, it also accepts fields without
// those: some programs leave them out because receivers misread them.
func (c *class) walk(fields []byte, visit func(f *dc.Field, args []byte, required bool)) error {
	err := c.walkWith(fields, false, nil)
	receivers := err != nil && c.secret
	if receivers {
		if c.walkWith(fields, true, nil) != nil {
			return err
		}
		err = nil
	}
	if err == nil && visit != nil {
		err = c.walkWith(fields, receivers, visit)
	}
	return err
}

// receivedForm checks the fields of a generate as a receiver gets it, and reports which
// form they have: the one that receivers expect if both are possible.
func (c *class) receivedForm(fields []byte) (full bool, err error) {
	if err = c.walkWith(fields, true, nil); err != nil && c.secret {
		return true, c.walkWith(fields, false, nil)
	}
	return false, err
}

// walkWith is walk for one of the two forms: receivers is the one without the required
// fields that are not broadcast.
func (c *class) walkWith(fields []byte, receivers bool, visit func(f *dc.Field, args []byte, required bool)) error {
	for _, f := range c.required {
		if receivers && !f.IsBroadcast() {
			continue
		}
		n, err := f.Validate(fields)
		if err != nil {
			return err
		}
		if visit != nil {
			visit(f, fields[:n], true)
		}
		fields = fields[n:]
	}
	if len(fields) < 2 {
		return fmt.Errorf("the number of other fields: %w", dc.ErrData)
	}
	others := binary.LittleEndian.Uint16(fields)
	fields = fields[2:]
	for range others {
		n, err := c.walkOther(fields, visit)
		if err != nil {
			return err
		}
		fields = fields[n:]
	}
	return nil
}

// walkOther visits a field with its number in front and returns how long both are.
func (c *class) walkOther(fields []byte, visit func(f *dc.Field, args []byte, required bool)) (int, error) {
	if len(fields) < 2 {
		return 0, fmt.Errorf("the number of a field: %w", dc.ErrData)
	}
	number := binary.LittleEndian.Uint16(fields)
	f := c.dc.FieldByNumber(int(number))
	if f == nil {
		return 0, fmt.Errorf("there is no field %d: %w", number, dc.ErrData)
	}
	n, err := f.Validate(fields[2:])
	if err != nil {
		return 0, err
	}
	if visit != nil {
		visit(f, fields[2:2+n], false)
	}
	return 2 + n, nil
}

// repair appends the fields of a generate, which must be good, as receivers expect them.
func (c *class) repair(dst, fields []byte) []byte {
	var others []byte
	count := 0
	_ = c.walk(fields, func(f *dc.Field, args []byte, required bool) {
		switch {
		case !required:
			others = appendField(others, uint16(f.Number()), args)
			count++
		case f.IsBroadcast():
			dst = append(dst, args...)
		}
	})
	dst = binary.LittleEndian.AppendUint16(dst, uint16(count))
	return append(dst, others...)
}
