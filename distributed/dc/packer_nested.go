package dc

// Push begins an array, a struct or a switch. Strings, blobs and the …array types may also
// be packed as lists of their elements.
func (p *Packer) Push() {
	t := p.target()
	if t == nil {
		return
	}
	if !t.isList() {
		p.fail(faultf(ErrType, "a list for %v", t.kind))
		return
	}
	p.around.push(p.at)
	p.at = packFrame{cursor: cursor{typ: t, members: t.members}, start: len(p.dst)}
	p.dst = append(p.dst, 0, 0, 0, 0)[:len(p.dst)+int(t.prefix)]
}

// Pop ends what the last Push has begun.
func (p *Packer) Pop() {
	if p.err != nil {
		return
	}
	if p.around.depth == 0 {
		p.fail(&fault{ErrType, "a Pop without a Push"})
		return
	}
	t, start, n := p.at.typ, p.at.start, p.at.index
	if p.at.missing() {
		p.fail(&fault{ErrType, "too few values"})
		return
	}
	dst, f := p.dst, (*fault)(nil)
	if t.elem != nil && t.prefix > 0 && n > 0 && len(dst) == start+int(t.prefix) {
		f = t.outOfRange("a list of elements that take no bytes") // nobody could count them
	} else if t.elem != nil {
		if t.kind == String || t.kind == Blob || t.kind == Blob32 {
			n = len(dst) - start - int(t.prefix)
		}
		dst, f = t.closeList(dst, start, n, p.raw)
	}
	p.at = p.around.pop()
	p.done(dst, f)
}

// Case returns which case of [SwitchType.Cases] the key has selected, once the key of a
// switch has been packed; -1 is the default case.
func (p *Packer) Case() int { return p.at.chosenIndex() }

// Finish returns dst with the packed arguments, or as it was, and an error.
func (p *Packer) Finish() ([]byte, error) {
	if p.err == nil {
		switch {
		case p.around.depth > 0:
			p.fail(&fault{ErrType, "a Push without a Pop"})
		case p.at.missing():
			p.fail(&fault{ErrType, "too few values"})
		}
	}
	if p.err != nil {
		return p.dst[:p.start], p.err
	}
	return p.dst, nil
}

// fail notes what is wrong with the next value.
func (p *Packer) fail(f *fault) {
	if p.err != nil {
		return
	}
	path := ""
	for i := range p.around.depth {
		path = p.around.at(i).extend(path)
	}
	p.err = &ValueError{Field: p.field, Path: p.at.extend(path), Detail: f.detail, Err: f.err}
}
