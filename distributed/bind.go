package distributed

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/queuednet/queuednet/distributed/dc"
)

// A boundClass is a class with the Go type that stands for it.
type boundClass struct {
	*class
	new     func() Object
	methods map[*dc.Field]method
	getters map[*dc.Field]int   // the getter's index among the type's methods
	data    map[*dc.Field][]int // the index of the Go field
}

// A method is the method of a Go type for a field.
type method struct {
	index int
	in    []reflect.Type
	fails bool // its result is an error
}

var (
	errorType  = reflect.TypeFor[error]()
	objectType = reflect.TypeFor[*DistributedObject]()
)

// bind finds the method or Go field of the type for each field of the class. Its error
// names everything that does not fit.
func bind(c *class, new func() Object) (*boundClass, error) {
	b := &boundClass{
		class: c, new: new,
		methods: make(map[*dc.Field]method), getters: make(map[*dc.Field]int), data: make(map[*dc.Field][]int),
	}
	sample := new()
	if sample == nil {
		return nil, fmt.Errorf("%v: the function returns nil", c.dc)
	}
	t := reflect.TypeOf(sample)
	var errs []error
	for _, f := range c.dc.InheritedFields() {
		if f.Name() == locationField {
			continue
		}
		errs = append(errs, b.bindField(t, f))
	}
	return b, errors.Join(errs...)
}

func (b *boundClass) bindField(t reflect.Type, f *dc.Field) error {
	name := strings.ToUpper(f.Name()[:1]) + f.Name()[1:]
	if f.Kind() == dc.Data {
		return b.bindData(t, f, name)
	}
	if m, ok := ownMethod(t, name); ok {
		bound := method{index: m.Index, fails: m.Type.NumOut() == 1 && m.Type.Out(0) == errorType}
		for i := 1; i < m.Type.NumIn(); i++ {
			bound.in = append(bound.in, m.Type.In(i))
		}
		if m.Type.NumOut() > 1 || m.Type.NumOut() == 1 && !bound.fails {
			return fmt.Errorf("%v.%s may return an error and nothing else", t, name)
		}
		if err := fits(f, bound.in); err != nil {
			return fmt.Errorf("%v.%s: %w", t, name, err)
		}
		b.methods[f] = bound
	}
	return b.bindGetter(t, f, strings.TrimPrefix(name, "Set"))
}

// bindData binds a data field to a Go field, which must be addressable through a
// pointer.
func (b *boundClass) bindData(t reflect.Type, f *dc.Field, name string) error {
	field, ok := t.Elem().FieldByName(name)
	if !ok || !field.IsExported() {
		return nil
	}
	if err := fits(f, []reflect.Type{field.Type}); err != nil {
		return fmt.Errorf("%v.%s: %w", t, name, err)
	}
	b.data[f] = field.Index
	return nil
}

func (b *boundClass) bindGetter(t reflect.Type, f *dc.Field, name string) error {
	m, ok := ownMethod(t, "Get"+name)
	if !ok {
		return nil
	}
	if m.Type.NumIn() != 1 || m.Type.NumOut() != f.NumArgs() {
		return fmt.Errorf("%v.Get%s must have no parameters and %d results", t, name, f.NumArgs())
	}
	b.getters[f] = m.Index
	return nil
}

// ownMethod finds a method that does not come from DistributedObject.
func ownMethod(t reflect.Type, name string) (reflect.Method, bool) {
	m, ok := t.MethodByName(name)
	if !ok {
		return m, false
	}
	_, inherited := objectType.MethodByName(name)
	return m, !inherited
}

// fits reports whether variables of the types can take the arguments of a field.
func fits(f *dc.Field, types []reflect.Type) error {
	params := f.Parameters()
	if len(types) != len(params) {
		return fmt.Errorf("%d parameters for the %d of %v", len(types), len(params), f)
	}
	for i, p := range params {
		if err := p.Type().Fits(types[i]); err != nil {
			return err
		}
	}
	return nil
}

// call gives an object the arguments of a field, which have been validated.
func (b *boundClass) call(o Object, f *dc.Field, args []byte) error {
	v := reflect.ValueOf(o)
	if index, ok := b.data[f]; ok {
		_, err := f.Scan(args, v.Elem().FieldByIndex(index).Addr().Interface())
		return err
	}
	m, ok := b.methods[f]
	if !ok {
		return nil
	}
	targets, in := make([]any, len(m.in)), make([]reflect.Value, len(m.in))
	for i, t := range m.in {
		p := reflect.New(t)
		targets[i], in[i] = p.Interface(), p.Elem()
	}
	if _, err := f.Scan(args, targets...); err != nil {
		return err
	}
	if out := v.Method(m.index).Call(in); m.fails && !out[0].IsNil() {
		return out[0].Interface().(error)
	}
	return nil
}

// value appends the packed value of a required or ram field of an object.
func (b *boundClass) value(dst []byte, o Object, f *dc.Field) ([]byte, error) {
	if f.Name() == locationField {
		return f.Pack(dst, 0, o.object().zone)
	}
	v := reflect.ValueOf(o)
	if index, ok := b.data[f]; ok {
		return f.Pack(dst, v.Elem().FieldByIndex(index).Interface())
	}
	if index, ok := b.getters[f]; ok {
		var args []any
		for _, result := range v.Method(index).Call(nil) {
			args = append(args, result.Interface())
		}
		return f.Pack(dst, args...)
	}
	if value, ok := o.object().values.fields[uint16(f.Number())]; ok {
		return append(dst, value...), nil
	}
	value, err := f.Default()
	return append(dst, value...), err
}
