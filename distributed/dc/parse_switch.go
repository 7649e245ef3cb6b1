package dc

// switchType reads what follows "switch".
func (p *parser) switchType() *SwitchType {
	defer p.deeper()()
	s := &SwitchType{name: p.optionalIdentifier(), byValue: map[string]*Case{}}
	p.expect('(')
	s.key = p.switchKey()
	p.expect(')')
	p.expect('{')
	body := switchBody{s: s}
	for !p.accept('}') {
		p.switchPart(&body)
	}
	body.close()
	return s
}

// switchKey reads the key, a parameter or a method.
func (p *parser) switchKey() *Parameter {
	t := p.look(0)
	name := ""
	if p.isIdentifier(t) && p.look(1).kind == '(' {
		name = p.take().text
	}
	if !p.is('(') {
		key, _ := p.parameter()
		return key
	}
	if p.classes == 0 {
		p.errorAt(t, "a method can be the key of a switch in a class or struct only")
	}
	key := &Parameter{name: name, typ: methodType(p.arguments())}
	p.checkWeight(t, key.typ)
	return key
}

// A switchBody collects the cases of a switch. The cases that are open, those since the
// last break, share one list of fields: each begins at its place in it.
type switchBody struct {
	s      *SwitchType
	open   []*Case
	begin  []int // where in fields each open case begins
	fields []*Parameter
	names  map[string]bool // of fields
}

// add opens a case.
func (b *switchBody) add(c *Case) {
	b.s.inText = append(b.s.inText, c)
	b.open = append(b.open, c)
	b.begin = append(b.begin, len(b.fields))
}

// close ends the open cases.
func (b *switchBody) close() {
	for i, c := range b.open {
		c.fields = b.fields[b.begin[i]:len(b.fields):len(b.fields)]
	}
	*b = switchBody{s: b.s}
}

// switchPart reads a case, a default, a break, a field or a lonely semicolon.
func (p *parser) switchPart(b *switchBody) {
	t := p.look(0)
	switch {
	case p.accept(';'):
	case p.isWord("case"):
		p.take()
		c := &Case{index: len(b.s.cases), value: p.value(t, b.s.key, "the case")}
		p.expect(':')
		if b.s.byValue[string(c.value)] != nil {
			p.errorAt(t, "a second case has this value")
		}
		b.s.byValue[string(c.value)] = c
		b.s.cases = append(b.s.cases, c)
		b.add(c)
	case p.isWord("default"):
		p.take()
		p.expect(':')
		if b.s.other != nil {
			p.errorAt(t, "a second default case")
		}
		b.s.other = &Case{index: -1}
		b.add(b.s.other)
	case p.isWord("break"):
		p.take()
		p.expect(';')
		b.close()
	default:
		p.switchField(b, t)
	}
}

// switchField reads a field, which goes into every open case.
func (p *parser) switchField(b *switchBody, t token) {
	f, _ := p.parameterWithDefault()
	p.expect(';')
	switch {
	case len(b.open) == 0:
		p.errorAt(t, "a field stands before the first case, or after a break")
	case f.name != "" && (b.names[f.name] || f.name == b.s.key.name):
		p.errorAt(t, "a second field of the case has the name %q", f.name)
	}
	if b.names == nil {
		b.names = map[string]bool{}
	}
	b.names[f.name] = true
	b.fields = append(b.fields, f)
}
