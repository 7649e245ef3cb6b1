package dc

import "math"

// structType returns the type whose values are of a class.
func structType(c *Class) *Type {
	t := &Type{kind: Struct, divisor: 1, class: c}
	if c.constructor != nil {
		t.members = append(t.members, c.constructor.value)
	}
	for _, f := range c.inherited {
		if f.kind != Molecular {
			t.members = append(t.members, f.value)
		}
	}
	t.claimMembers(t.members)
	return t
}

// methodType returns the type whose values are the arguments of a method.
func methodType(params []*Parameter) *Type {
	t := &Type{kind: Method, divisor: 1, members: params}
	t.claimMembers(params)
	t.seal()
	return t
}

// switchedType returns the type whose values are of a switch. Panda3D takes it as one of
// fixed size if all its cases have the size of the first.
func switchedType(s *SwitchType) *Type {
	t := &Type{kind: Switch, divisor: 1, switched: s}
	t.claimed = s.key.typ.claimed
	for i, c := range s.all() {
		var all Type
		all.claimMembers(append([]*Parameter{s.key}, c.fields...))
		if i == 0 && c != s.other {
			t.claimedSize = all.claimedSize
		}
		t.claimed = t.claimed && all.claimed && all.claimedSize == t.claimedSize
	}
	return t
}

// claimMembers sets the claimed size of what consists of members.
func (t *Type) claimMembers(members []*Parameter) {
	t.claimed, t.claimedSize = true, 0
	for _, m := range members {
		t.claimed = t.claimed && m.typ.claimed
		t.claimedSize = satAdd(t.claimedSize, m.typ.claimedSize)
	}
}

// appendBrackets returns the type of an array. As in Panda3D, a second bracket makes the
// elements arrays, and leaves what was settled about the outer array when its own
// bracket was read; an array by the name of a typedef is taken as it is.
func appendBrackets(elem *Type, sizes []Range) *Type {
	if elem.kind == Array && elem.alias == "" {
		elem.elem = appendBrackets(elem.elem, sizes)
		return elem
	}
	t := &Type{kind: Array, divisor: 1, elem: elem, declared: sizes, prefix: 2}
	for _, r := range sizes {
		t.uints = addInterval(t.uints, uint64(r.Min), uint64(r.Max))
	}
	if n, ok := t.oneSize(); ok && elem.claimed {
		t.claimed, t.claimedSize, t.prefix = true, satMul(n, elem.claimedSize), 0
	}
	return t
}

// oneSize returns the only length of a string or number of elements that is allowed.
func (t *Type) oneSize() (uint64, bool) {
	if len(t.uints) == 1 && t.uints[0].min == t.uints[0].max {
		return t.uints[0].min, true
	}
	return 0, false
}

// depth says how deep types nest in the type.
func (t *Type) depth() int {
	n := 1
	for ; t.kind == Array; t = t.elem {
		n++
	}
	return n + t.nested
}

// seal computes what packing and unpacking need, once the type is complete.
func (t *Type) seal() {
	t.plain, t.least, t.size, t.weight, t.nested = true, 0, 0, 1, 0
	switch t.kind {
	case Array:
		t.sealArray()
	case Struct, Method:
		for _, m := range t.members {
			t.contain(m.typ)
		}
	case Switch:
		t.sealSwitch()
	default:
		t.sealBasic()
	}
	t.weight = min(t.weight, maxWeight+1)
}

// contain adds a part to what seal computes.
func (t *Type) contain(part *Type) {
	t.plain = t.plain && part.plain
	t.size = satAdd(t.size, part.size)
	t.least = satAdd(t.least, part.least)
	t.weight = min(t.weight+part.weight, maxWeight+1)
	t.nested = max(t.nested, part.depth())
}

func (t *Type) sealArray() {
	if t.elem.kind == Array && t.elem.alias == "" {
		t.elem.seal() // the next bracket
	}
	n, one := t.oneSize()
	t.plain = t.elem.plain && one && t.prefix == 0 && !t.isText()
	t.size = satMul(n, t.elem.size)
	t.least = uint64(t.prefix)
	if len(t.uints) > 0 {
		least := t.uints[0].min
		for _, i := range t.uints {
			least = min(least, i.min)
		}
		t.least = satAdd(t.least, satMul(least, t.elem.least))
	}
	t.weight = 1 + t.elem.weight
	if t.elem.least == 0 && t.prefix == 0 {
		t.weight = 1 + int(min(satMul(n, uint64(t.elem.weight)), maxWeight))
	}
	t.nested = t.elem.nested
}

func (t *Type) sealSwitch() {
	s := t.switched
	t.plain = false
	least := uint64(math.MaxUint64)
	t.contain(s.key.typ)
	for _, c := range s.all() {
		var all Type
		for _, f := range c.fields {
			all.contain(f.typ)
			t.nested = max(t.nested, f.typ.depth())
		}
		least = min(least, all.least)
		t.weight = min(t.weight+1+s.key.typ.weight+all.weight, maxWeight+1)
	}
	t.least = satAdd(t.least, least)
}

func (t *Type) sealBasic() {
	t.least = uint64(t.prefix)
	switch {
	case t.kind.isNumber():
		t.size = uint64(kindBits[t.kind] / 8)
		t.least = t.size
		t.plain = len(t.ints) == 0 && len(t.uints) == 0 && len(t.reals) == 0 && t.kind != Char
	case t.prefix == 0:
		t.size, _ = t.oneSize()
		t.least = t.size
		t.plain = t.kind != String
	default:
		t.plain = false
	}
}

// isText says whether the values of an array are strings: those of char[].
func (t *Type) isText() bool { return t.kind == Array && t.elem.kind == Char }

func satAdd(a, b uint64) uint64 {
	if a+b < a {
		return math.MaxUint64
	}
	return a + b
}

func satMul(a, b uint64) uint64 {
	if a != 0 && b > math.MaxUint64/a {
		return math.MaxUint64
	}
	return a * b
}

// renamed returns a copy of the type that is known by a name.
func (t *Type) renamed(name string) *Type {
	r := *t
	r.alias, r.inherits = name, true
	return &r
}
