package main

import (
	"fmt"

	"github.com/queuednet/queuednet/distributed/dc"
)

// reserveClasses gives the named structs their Go names, before anything else can take them.
func (g *generator) reserveClasses() {
	for _, c := range g.file.Classes() {
		if c.IsStruct() && c.Name() != "" {
			g.names.forThing(goName(c.Name()), c)
		}
	}
}

// goKind returns the Go type of the values of a DC type: "" if it is a type that is
// generated, and "[]" for the slices of other types.
func goKind(t *dc.Type) string {
	switch t.Kind() {
	case dc.String:
		return "string"
	case dc.Blob, dc.Blob32, dc.Uint8Array:
		return "[]byte"
	case dc.Int8Array:
		return "[]int8"
	case dc.Int16Array:
		return "[]int16"
	case dc.Int32Array:
		return "[]int32"
	case dc.Uint16Array:
		return "[]uint16"
	case dc.Uint32Array:
		return "[]uint32"
	case dc.Uint32Uint8Array:
		return "[]dc.Uint32Uint8"
	case dc.Struct, dc.Switch, dc.Method:
		return ""
	case dc.Char:
		return "uint8"
	case dc.Array:
		switch elem := t.Elem(); {
		case elem.Kind() == dc.Char:
			return "string"
		case elem.Kind() == dc.Uint8 && elem.Divisor() == 1 && elem.Modulus() == 0:
			return "[]byte"
		}
		return "[]"
	}
	if t.Divisor() != 1 {
		return "float64"
	}
	return t.Kind().String()
}

// goType returns the Go type of the values of a DC type. One that has no name in the DC
// file gets one after where it stands.
func (g *generator) goType(t *dc.Type, place, name string) string {
	switch kind := goKind(t); kind {
	case "[]":
		return "[]" + g.goType(t.Elem(), place, name)
	case "":
	default:
		return kind
	}
	if name != "" {
		place += goName(name)
	}
	var key any = t
	switch {
	case t.Struct() != nil:
		key = t.Struct()
		if own := t.Struct().Name(); own != "" {
			place = goName(own)
		}
	case t.Switch() != nil:
		key = t.Switch()
		if own := t.Switch().Name(); own != "" {
			place = goName(own)
		}
	}
	if known := g.types[key]; known != "" {
		return known
	}
	goName := g.names.forThing(place, key)
	g.types[key] = goName
	g.later = append(g.later, func() {
		switch {
		case t.Switch() != nil:
			g.switchType(goName, t.Switch())
		case t.Struct() != nil:
			g.structType(goName, "a struct of the DC file", t.Members())
		default:
			g.structType(goName, "the arguments of a method", t.Members())
		}
	})
	return goName
}

// structType writes a Go struct for a list of values.
func (g *generator) structType(goType, what string, members []*dc.Parameter) {
	fields := fieldNames{used: map[string]string{}}
	g.p("// %s is %s.\ntype %s struct {", goType, what, goType)
	names := make([]string, len(members))
	for i, m := range members {
		names[i] = g.structField(&fields, goType, m, "Field")
	}
	g.p("}\n")
	g.methods(goType, func(part func(string, *dc.Type, int), _ string) {
		for i, m := range members {
			part("v."+names[i], m.Type(), 0)
		}
	})
}

// switchType writes a Go struct for a switch: the key, and the fields of all cases.
func (g *generator) switchType(goType string, s *dc.SwitchType) {
	fields := fieldNames{used: map[string]string{}, shared: true}
	cases := s.Cases()
	if s.Default() != nil {
		cases = append(cases, s.Default())
	}
	g.p("// %s is a switch of the DC file. Its first field is the key, which decides\n// which of the others count.", goType)
	g.p("type %s struct {", goType)
	key := g.structField(&fields, goType, s.Key(), "Key")
	names := map[*dc.Parameter]string{}
	for _, c := range cases {
		for _, f := range c.Fields() {
			if names[f] == "" {
				names[f] = g.structField(&fields, goType, f, "Field")
			}
		}
	}
	g.p("}\n")
	g.methods(goType, func(part func(string, *dc.Type, int), packer string) {
		part("v."+key, s.Key().Type(), 0)
		g.p("switch %s.Case() {", packer)
		for i, c := range cases {
			if c == s.Default() {
				i = -1
			}
			g.p("case %d:", i)
			for _, f := range c.Fields() {
				part("v."+names[f], f.Type(), 0)
			}
		}
		g.p("}")
	})
}

// methods writes the methods that pack and unpack a Go struct; body writes what is done
// with each of its parts.
func (g *generator) methods(goType string, body func(part func(string, *dc.Type, int), packer string)) {
	g.p("// PackDC packs the value.\nfunc (v %s) PackDC(p *dc.Packer) {\np.Push()", goType)
	body(g.pack, "p")
	g.p("p.Pop()\n}\n")
	g.p("// UnpackDC unpacks the value.\nfunc (v *%s) UnpackDC(u *dc.Unpacker) {\n*v = %s{}\nu.Push()", goType, goType)
	body(g.unpack, "u")
	g.p("u.Pop()\n}\n")
}

// fieldNames are the names of the fields of a Go struct, and their types. In the struct of
// a switch cases share a field of the same name and type.
type fieldNames struct {
	used   map[string]string
	shared bool
}

// structField writes a field of a Go struct and returns its name.
func (g *generator) structField(fields *fieldNames, owner string, p *dc.Parameter, name string) string {
	if p.Name() != "" {
		name = goName(p.Name())
	}
	goType := g.goType(p.Type(), owner, name)
	for i, first := 2, name; ; i++ {
		switch used := fields.used[name]; {
		case used == "" && name != "PackDC" && name != "UnpackDC":
			fields.used[name] = goType
			tag := ""
			if p.Name() != "" {
				tag = fmt.Sprintf(" `dc:%q`", p.Name())
			}
			g.p("%s %s%s", name, goType, tag)
			return name
		case used == goType && fields.shared && p.Name() != "":
			return name
		}
		name = fmt.Sprintf("%s%d", first, i)
	}
}
