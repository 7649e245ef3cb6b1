package main

import (
	"fmt"
	"strings"

	"github.com/queuednet/queuednet/distributed/dc"
)

// field writes the functions that pack, unpack and send a field, and the interface of
// what handles it.
func (g *generator) field(f *dc.Field) {
	g.packField(f)
	g.unpackField(f)
	g.sendField(f)
	handler := g.handlerName(f)
	g.p("// %s takes updates of %s.%s.", handler, f.Class().Name(), f.Name())
	g.p("type %s interface {\n%s(%s)\n}\n", handler, methodName(f), strings.Join(g.params(f), ", "))
}

// params returns the parameters of a field in Go, with their types.
func (g *generator) params(f *dc.Field) []string {
	params := g.argNames(f)
	for i, p := range f.Parameters() {
		params[i] += " " + g.goType(p.Type(), goName(f.Class().Name())+goName(f.Name()), p.Name())
	}
	return params
}

func (g *generator) packField(f *dc.Field) {
	g.p("// %s packs the arguments of %s.%s:", g.names.forField("Pack", f), f.Class().Name(), f.Name())
	g.p("//\n//\t%s", strings.ReplaceAll(f.String(), "\n", " "))
	g.p("//\n// It appends them to dst; on an error dst comes back as it was.")
	g.p("func %s(%s) ([]byte, error) {", g.names.forField("Pack", f), strings.Join(append([]string{"dst []byte"}, g.params(f)...), ", "))
	g.p("packer := DCFile.FieldByNumber(%s).Packer(dst)\np := &packer", g.names.forField("Field", f))
	args := g.argNames(f)
	for i, p := range f.Parameters() {
		g.pack(args[i], p.Type(), 0)
	}
	g.p("return p.Finish()\n}\n")
}

func (g *generator) unpackField(f *dc.Field) {
	results := append(g.params(f), "n int", "err error")
	g.p("// %s unpacks the arguments of %s.%s, which take n bytes of data.", g.names.forField("Unpack", f), f.Class().Name(), f.Name())
	g.p("func %s(data []byte) (%s) {", g.names.forField("Unpack", f), strings.Join(results, ", "))
	g.p("unpacker := DCFile.FieldByNumber(%s).Unpacker(data)\nu := &unpacker", g.names.forField("Field", f))
	args := g.argNames(f)
	for i, p := range f.Parameters() {
		g.unpack(args[i], p.Type(), 0)
	}
	g.p("n, err = u.Finish()\nreturn\n}\n")
}

// sendField writes the functions that send a field of an object.
func (g *generator) sendField(f *dc.Field) {
	send, sendTo, number := g.names.forField("Send", f), g.names.forField("SendTo", f), g.names.forField("Field", f)
	call := fmt.Sprintf("data, err := %s(%s)\nif err != nil {\nreturn err\n}", g.names.forField("Pack", f),
		strings.Join(append([]string{"o.PackBuffer()"}, g.argNames(f)...), ", "))
	g.p("// %s sends %s.%s of an object.", send, f.Class().Name(), f.Name())
	g.p("func %s(%s) error {\n%s", send, strings.Join(append([]string{"o Sender"}, g.params(f)...), ", "), call)
	g.p("return o.SendPacked(%s, data)\n}\n", number)
	g.p("// %s sends it to the client with a base only.", sendTo)
	g.p("func %s(%s) error {\n%s", sendTo, strings.Join(append([]string{"o Sender", "base uint32"}, g.params(f)...), ", "), call)
	g.p("return o.SendPackedTo(base, %s, data)\n}\n", number)
}

// pack writes how to pack a value that a Go expression gives.
func (g *generator) pack(value string, t *dc.Type, depth int) {
	switch kind := goKind(t); kind {
	case "float64":
		g.p("p.Float(%s)", value)
	case "string":
		g.p("p.String(%s)", value)
	case "[]byte":
		g.p("p.Bytes(%s)", value)
	case "int8", "int16", "int32", "int64":
		g.p("p.Int(int64(%s))", value)
	case "uint8", "uint16", "uint32", "uint64":
		g.p("p.Uint(uint64(%s))", value)
	case "":
		g.p("%s.PackDC(p)", value)
	default:
		element := loopName(depth)
		g.p("p.Push()\nfor _, %s := range %s {", element, value)
		if elem := t.Elem(); elem != nil {
			g.pack(element, elem, depth+1)
		} else {
			g.packElement(element, kind)
		}
		g.p("}\np.Pop()")
	}
}

// packElement writes how to pack an element of an …array type.
func (g *generator) packElement(element, slice string) {
	switch {
	case slice == "[]dc.Uint32Uint8":
		g.p("p.Pair(%s)", element)
	case strings.HasPrefix(slice, "[]int"):
		g.p("p.Int(int64(%s))", element)
	default:
		g.p("p.Uint(uint64(%s))", element)
	}
}

// unpack writes how to unpack a value into a Go variable, which is zero before.
func (g *generator) unpack(variable string, t *dc.Type, depth int) {
	switch kind := goKind(t); kind {
	case "float64":
		g.p("%s = u.Float()", variable)
	case "string":
		g.p("%s = u.String()", variable)
	case "[]byte":
		g.p("%s = append([]byte(nil), u.Bytes()...)", variable)
	case "int8", "int16", "int32", "int64":
		g.p("%s = %s(u.Int())", variable, kind)
	case "uint8", "uint16", "uint32", "uint64":
		g.p("%s = %s(u.Uint())", variable, kind)
	case "":
		g.p("%s.UnpackDC(u)", variable)
	default:
		element := loopName(depth)
		g.p("for u.Push(); u.More(); {")
		if elem := t.Elem(); elem != nil {
			g.p("var %s %s", element, g.goType(elem, "", ""))
			g.unpack(element, elem, depth+1)
		} else {
			g.p("%s", unpackElement(element, kind))
		}
		g.p("%s = append(%s, %s)\n}\nu.Pop()", variable, variable, element)
	}
}

// unpackElement returns how to unpack an element of an …array type.
func unpackElement(element, slice string) string {
	switch number := strings.TrimPrefix(slice, "[]"); {
	case slice == "[]dc.Uint32Uint8":
		return element + " := u.Pair()"
	case strings.HasPrefix(number, "int"):
		return element + " := " + number + "(u.Int())"
	default:
		return element + " := " + number + "(u.Uint())"
	}
}

// loopName returns the name of the variable of a loop.
func loopName(depth int) string {
	return "v" + string(rune('0'+depth%10)) + strings.Repeat("x", depth/10)
}
