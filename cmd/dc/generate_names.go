package main

import (
	"fmt"
	"go/token"
	"strings"

	"github.com/queuednet/queuednet/distributed/dc"
)

// names are the Go names in use, and for what.
type names map[string]any

// reserve takes names for what the generator itself declares.
func (n names) reserve(reserved ...string) {
	for _, name := range reserved {
		n[name] = name
	}
}

// forThing returns the name for a thing, always the same one: the given one, with a
// number if another thing has that.
func (n names) forThing(name string, thing any) string {
	for i := 1; ; i++ {
		candidate := name
		if i > 1 {
			candidate = fmt.Sprintf("%s%d", name, i)
		}
		switch owner, taken := n[candidate]; {
		case !taken:
			n[candidate] = thing
			return candidate
		case owner == thing:
			return candidate
		}
	}
}

// A fieldUse is what a name of a field is for.
type fieldUse struct {
	field *dc.Field
	use   string
}

// forField returns the name of something that belongs to a field, with a prefix.
func (n names) forField(prefix string, f *dc.Field) string {
	name := prefix + goName(f.Class().Name()) + goName(f.Name())
	return n.forThing(name, fieldUse{f, prefix})
}

// handlerName returns the name of the interface of what handles a field.
func (g *generator) handlerName(f *dc.Field) string {
	name := goName(f.Class().Name()) + goName(f.Name()) + "Handler"
	return g.names.forThing(name, fieldUse{f, "Handler"})
}

// goName returns a name as an exported Go name: its first letter, and each after an
// underscore, large.
func goName(name string) string {
	var s strings.Builder
	for part := range strings.SplitSeq(name, "_") {
		if part != "" {
			s.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
	}
	if s.Len() == 0 || !token.IsExported(s.String()) {
		return "X" + s.String()
	}
	return s.String()
}

// methodName returns the name of the method that a field stands for. For a field that is
// a method it is the one that a distributed.ClientRepository looks for.
func methodName(f *dc.Field) string {
	if f.Kind() == dc.Data {
		return "Set" + goName(f.Name())
	}
	if name := strings.ToUpper(f.Name()[:1]) + f.Name()[1:]; token.IsExported(name) {
		return name
	}
	return goName(f.Name())
}

// argNames returns the Go names of the arguments of a field.
func (g *generator) argNames(f *dc.Field) []string {
	taken := names{}
	taken.reserve("p", "u", "packer", "unpacker", "n", "err", "dst", "data", "dc", "o", "ok", "object", "base", "number", "handled", "byte",
		"string", "bool", "append", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float64",
		"false", "true", "nil", "error", "any", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9")
	list := make([]string, 0, f.NumArgs())
	for i, p := range f.Parameters() {
		name := p.Name()
		if name == "" {
			name = fmt.Sprintf("arg%d", i)
		}
		name = goName(name)
		name = strings.ToLower(name[:1]) + name[1:]
		if token.IsKeyword(name) {
			name += "_"
		}
		for taken[name] != nil {
			name += "_"
		}
		taken[name] = i
		list = append(list, name)
	}
	return list
}
