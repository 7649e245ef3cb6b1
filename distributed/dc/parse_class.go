package dc

import "slices"

// addThing makes a switch or a class known by its name.
func (p *parser) addThing(t token, thing any) {
	var name string
	switch thing := thing.(type) {
	case *Class:
		name = thing.name
	case *SwitchType:
		name = thing.name
	}
	p.file.declared = append(p.file.declared, thing)
	if name == "" {
		return
	}
	if p.things[name] != nil {
		p.errorAt(t, "%q is declared a second time", name)
	}
	p.things[name] = thing
}

// addClass gives a class its position.
func (p *parser) addClass(t token, c *Class) {
	p.addThing(t, c)
	if c.name != "" {
		p.file.byName[c.name] = c
	}
	c.position = len(p.file.classes)
	p.file.classes = append(p.file.classes, c)
}

// class reads what follows "dclass" or "struct".
func (p *parser) class(isStruct bool) *Class {
	defer p.deeper()()
	p.classes++
	defer func() { p.classes-- }()
	start := p.look(0)
	c := &Class{file: p.file, name: p.optionalIdentifier(), position: -1, isStruct: isStruct, byName: map[string]*Field{}}
	if p.accept(':') {
		c.parents = append(c.parents, p.base(isStruct))
		for p.accept(',') {
			c.parents = append(c.parents, p.base(isStruct))
		}
	}
	p.ancestors(start, c)
	for p.expect('{'); !p.accept('}'); {
		if !p.accept(';') {
			p.field(c)
			p.expect(';')
		}
	}
	p.inherit(start, c)
	return c
}

// base reads the name of a base class.
func (p *parser) base(isStruct bool) *Class {
	t := p.identifier("the name of a base")
	c, _ := p.things[t.text].(*Class)
	switch {
	case c == nil:
		p.errorAt(t, "there is no class %q yet", t.text)
	case c.isStruct && !isStruct:
		p.errorAt(t, "%q is a struct and cannot be the base of a dclass", t.text)
	case !c.isStruct && isStruct:
		p.errorAt(t, "%q is a dclass and cannot be the base of a struct", t.text)
	}
	return c
}

// ancestors lists the ancestors of a class, in the order in which a name is looked up.
func (p *parser) ancestors(t token, c *Class) {
	for _, parent := range c.parents {
		for _, a := range append([]*Class{parent}, parent.ancestors...) {
			if !slices.Contains(c.ancestors, a) {
				c.ancestors = append(c.ancestors, a)
			}
		}
	}
	if len(c.ancestors) > maxAncestors {
		p.errorAt(t, "%d ancestors are more than %d", len(c.ancestors), maxAncestors)
	}
}

// inherit makes the list of inherited fields.
func (p *parser) inherit(t token, c *Class) {
	at := map[string]*Field{}
	for _, parent := range c.parents {
		for _, f := range parent.inherited {
			if f.name != "" && at[f.name] == nil {
				at[f.name] = f
				c.inherited = append(c.inherited, f)
			}
		}
	}
	c.inherited = slices.DeleteFunc(c.inherited, func(f *Field) bool {
		own := c.byName[f.name]
		return own != nil && own != c.constructor
	})
	c.inherited = slices.Clip(append(c.inherited, c.own...))
	slices.SortFunc(c.inherited, func(a, b *Field) int { return a.number - b.number })
	if p.listed += len(c.inherited); p.listed > maxInherited {
		p.errorAt(t, "the classes inherit more than %d fields in all", maxInherited)
	}
}

// field reads a field of a class or a struct.
func (p *parser) field(c *Class) {
	t := p.look(0)
	var f *Field
	switch {
	case t.kind == '(':
		p.errorAt(t, "a method must have a name")
	case p.isIdentifier(t) && p.look(1).kind == '(':
		f = &Field{name: p.take().text, kind: Atomic, params: p.arguments()}
	case p.isIdentifier(t) && p.look(1).kind == ':':
		f = p.molecular(c)
	default:
		parameter, named := p.parameterWithDefault()
		if !named && !c.isStruct {
			p.errorAt(t, "a data field of a dclass must have a name")
		}
		f = &Field{name: parameter.name, kind: Data, params: []*Parameter{parameter}}
	}
	if k := p.look(0); p.isKeyword(k) && (c.isStruct || f.kind == Molecular) {
		p.errorAt(k, "the keyword %q is not allowed here", k.text)
	}
	for p.isKeyword(p.look(0)) {
		f.addKeyword(p.useKeyword(p.take().text))
	}
	p.addField(t, c, f)
}

// arguments reads the parameters of a method.
func (p *parser) arguments() []*Parameter {
	defer p.deeper()()
	var params []*Parameter
	p.expect('(')
	for !p.accept(')') {
		if len(params) > 0 {
			p.expect(',')
		}
		t := p.look(0)
		parameter, _ := p.parameterWithDefault()
		if parameter.name != "" && slices.ContainsFunc(params, func(q *Parameter) bool { return q.name == parameter.name }) {
			p.errorAt(t, "a second parameter has the name %q", parameter.name)
		}
		params = append(params, parameter)
	}
	return params
}

// molecular reads a molecular field.
func (p *parser) molecular(c *Class) *Field {
	f := &Field{name: p.take().text, kind: Molecular}
	for p.take(); ; p.take() {
		t := p.identifier("the name of a method")
		atomic := c.Field(t.text)
		switch {
		case atomic == nil:
			p.errorAt(t, "%q has no field %q yet", c.name, t.text)
		case atomic.kind != Atomic:
			p.errorAt(t, "%q is not a method with parameters", t.text)
		case len(f.atomics) == 0:
			f.keywords, f.bits, f.declared = atomic.keywords, atomic.bits, atomic.declared
		case !sameKeywords(f, atomic):
			p.errorAt(t, "%q and %q have different keywords", f.atomics[0].name, t.text)
		}
		f.atomics = append(f.atomics, atomic)
		f.params = append(f.params, atomic.params...)
		if !p.is(',') {
			return f
		}
	}
}

func sameKeywords(a, b *Field) bool {
	return len(a.keywords) == len(b.keywords) && !slices.ContainsFunc(a.keywords, func(k string) bool { return !b.HasKeyword(k) })
}

// addField gives a field its number.
func (p *parser) addField(t token, c *Class, f *Field) {
	constructor := f.name != "" && f.name == c.name
	switch {
	case constructor && (!c.isStruct || f.kind != Atomic):
		p.errorAt(t, "a field must not have the name of its class, %q", f.name)
	case c.byName[f.name] != nil:
		p.errorAt(t, "a second field has the name %q", f.name)
	case f.name != "":
		c.byName[f.name] = f
	}
	f.class = c
	if constructor {
		f.number, c.constructor = -1, f
	} else {
		f.number = len(p.file.fields)
		p.file.fields = append(p.file.fields, f)
		c.own = append(c.own, f)
	}
	if f.kind == Data {
		f.value = f.params[0]
	} else {
		f.value = &Parameter{name: f.name, typ: methodType(f.params)}
	}
	p.checkWeight(t, f.value.typ)
	p.hashed += 1 + f.value.typ.weight
	if p.hashed > maxHashed {
		p.errorAt(t, "the fields have more than %d values in all, counting those of structs each time", maxHashed)
	}
}

// checkWeight refuses types whose structs contain each other so often that a value has
// very many parts, and types that nest too deep.
func (p *parser) checkWeight(t token, typ *Type) {
	if typ.weight > maxWeight {
		p.errorAt(t, "the type has more than %d values, counting those of structs each time", maxWeight)
	}
	if typ.depth() > maxDepth {
		p.errorAt(t, "types within types, more than %d deep", maxDepth)
	}
}

// addKeyword gives a field a keyword; one that it has already changes nothing.
func (f *Field) addKeyword(k *keyword) {
	if f.HasKeyword(k.name) {
		return
	}
	f.keywords = append(f.keywords, k.name)
	f.bits |= keywordBit[k.name]
	f.declared = f.declared || k.declared
}
