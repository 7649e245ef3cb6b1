package dc

import "strconv"

// A cursor is a place in a list of values: in the arguments of a field, or in a value
// that has parts.
type cursor struct {
	typ     *Type        // nil for the arguments of a field
	members []*Parameter // of a struct or method, and of a switch those that follow the key
	index   int          // of the next value
	chosen  *Case        // of a switch whose key is known
}

// choose notes the case of a switch.
func (c *cursor) choose(chosen *Case) { c.chosen, c.members = chosen, chosen.fields }

// chosenIndex returns the index of the case of a switch: -1 is the default, and also the
// answer where there is no case.
func (c *cursor) chosenIndex() int {
	if c.chosen == nil {
		return -1
	}
	return c.chosen.index
}

// isList says whether values of the type have parts.
func (t *Type) isList() bool {
	return t.elem != nil || t.kind == Struct || t.kind == Method || t.kind == Switch
}

// next returns the type of the next value; if there is none, it is nil. The end of an
// array is not known here.
func (c *cursor) next() *Type {
	if c.typ != nil && c.typ.elem != nil {
		return c.typ.elem
	}
	if m := c.member(); m != nil {
		return m.typ
	}
	return nil
}

// name returns the name of the next value.
func (c *cursor) name() string {
	if m := c.member(); m != nil {
		return m.name
	}
	return ""
}

// member returns the next value of a list that is no array, or nil.
func (c *cursor) member() *Parameter {
	i := c.index
	if c.typ != nil && c.typ.kind == Switch {
		if i == 0 {
			return c.typ.switched.key
		}
		i--
	}
	if i < len(c.members) {
		return c.members[i]
	}
	return nil
}

// missing says whether a list that is no array has another value.
func (c *cursor) missing() bool { return c.member() != nil }

// extend adds the next value to a path.
func (c *cursor) extend(path string) string {
	if c.typ != nil && c.typ.elem != nil {
		return path + "[" + strconv.Itoa(c.index) + "]"
	}
	return pathName(path, c.name(), c.index)
}

// pathName adds a name to a path, or the number of a value without one.
func pathName(path, name string, index int) string {
	if name == "" {
		name = strconv.Itoa(index)
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

// A stack keeps the lists around the one that is being packed or unpacked. The outer
// ones need no allocation.
type stack[F any] struct {
	depth   int
	nearest [4]F
	more    []F
}

func (s *stack[F]) push(frame F) {
	if s.depth < len(s.nearest) {
		s.nearest[s.depth] = frame
	} else {
		s.more = append(s.more, frame)
	}
	s.depth++
}

func (s *stack[F]) pop() F {
	s.depth--
	frame := *s.at(s.depth)
	s.more = s.more[:max(0, s.depth-len(s.nearest))]
	return frame
}

func (s *stack[F]) at(i int) *F {
	if i < len(s.nearest) {
		return &s.nearest[i]
	}
	return &s.more[i-len(s.nearest)]
}
