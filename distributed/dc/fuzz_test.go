package dc

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/queuednet/queuednet/internal/deepfuzz"
)

// fuzzFields returns the fields of all files of the vectors that have values.
func fuzzFields(t testing.TB) ([]*Field, []vector) {
	vectors, files := readVectors(t)
	var fields []*Field
	for _, v := range vectors {
		if file := files[v.File]; v.Kind == "file" && file != nil && len(file.fields) < 200 {
			fields = append(fields, file.fields...)
		}
	}
	return fields, vectors
}

func FuzzParse(f *testing.F)        { target := fuzzParse(f); target.Fuzz(f) }
func FuzzUnpack(f *testing.F)       { target := fuzzUnpack(f); target.Fuzz(f) }
func FuzzArgs(f *testing.F)         { target := fuzzArgs(f); target.Fuzz(f) }
func FuzzFileAndValue(f *testing.F) { target := fuzzFileAndValue(f); target.Fuzz(f) }

// TestDeep runs each fuzz target on some inputs, or on very many: see package deepfuzz.
func TestDeep(t *testing.T) {
	for _, target := range []deepfuzz.Target{fuzzParse(t), fuzzUnpack(t), fuzzArgs(t), fuzzFileAndValue(t)} {
		t.Run(target.Name, target.Deep)
	}
}

// fuzzTexts returns the texts of the vectors, but for the long ones.
func fuzzTexts(t testing.TB) []string {
	vectors, _ := readVectors(t)
	var texts []string
	for _, v := range vectors {
		if v.Kind == "file" && len(v.Dc[0]) < 5000 {
			texts = append(texts, v.Dc[0])
		}
	}
	return texts
}

// fuzzParse: any text is an error or a file, which is the same after printing and
// parsing it once more.
func fuzzParse(t testing.TB) deepfuzz.Target {
	target := deepfuzz.Target{Name: "FuzzParse"}
	for _, text := range fuzzTexts(t) {
		target.Seeds = append(target.Seeds, []any{[]byte(text)})
	}
	target.Check = func(t *testing.T, text []byte) {
		file, err := Parse("a.dc", text)
		if err != nil {
			_, ok := err.(*Error)
			deepfuzz.True(t, ok, "the error is an *Error")
			return
		}
		printed := file.String()
		again, err := Parse("b.dc", []byte(printed))
		if err != nil {
			t.Fatalf("%v\n%s", err, printed)
		}
		if again.Hash() != file.Hash() || again.String() != printed {
			t.Fatalf("printed again:\n%s\n%s", printed, again)
		}
		for i, field := range file.fields {
			value, err := field.Default()
			other, otherErr := again.fields[i].Default()
			if (err == nil) != (otherErr == nil) || !bytes.Equal(value, other) {
				t.Fatalf("%v: default %x %v, %x %v", field, value, err, other, otherErr)
			}
			if err == nil {
				useValue(t, field, value)
			}
		}
	}
	return target
}

// fuzzUnpack: any bytes are an error or a value, and a value packs to the same bytes.
func fuzzUnpack(t testing.TB) deepfuzz.Target {
	target := deepfuzz.Target{Name: "FuzzUnpack"}
	fields, vectors := fuzzFields(t)
	for i, field := range fields {
		if value, err := field.Default(); err == nil {
			target.Seeds = append(target.Seeds, []any{uint16(i), value})
		}
		for _, v := range vectors {
			if v.Kind == "unpack" && v.Field == field.name && v.Class == field.class.name {
				data, _ := hex.DecodeString(v.Hex)
				target.Seeds = append(target.Seeds, []any{uint16(i), data})
			}
		}
	}
	target.Check = func(t *testing.T, i uint16, data []byte) {
		useValue(t, fields[int(i)%len(fields)], data)
	}
	return target
}

// useValue does with bytes all that can be done with a value of a field.
func useValue(t *testing.T, field *Field, data []byte) {
	n, err := field.Validate(data)
	args, m, unpackErr := field.Unpack(data)
	if n != m || (err == nil) != (unpackErr == nil) {
		t.Fatalf("%v: validate %d %v, unpack %d %v", field, n, err, m, unpackErr)
	}
	_, textErr := field.FormatArgs(data, true)
	if err != nil {
		_, ok := err.(*ValueError)
		deepfuzz.True(t, ok, "the error is a *ValueError")
		return
	}
	if textErr != nil {
		t.Fatalf("%v: %v", field, textErr)
	}
	if k, err := walk(field, data); err != nil || k != n {
		t.Fatalf("%v: walk %d %v", field, k, err)
	}
	packed, err := field.Pack(nil, args...)
	if moduli(field.value.typ) {
		return
	}
	if err != nil || !bytes.Equal(packed, data[:n]) {
		t.Fatalf("%v: %x unpacks to %v, which packs to %x %v", field, data[:n], args, packed, err)
	}
}

// walk unpacks with an Unpacker all numbers and strings of a value.
func walk(field *Field, data []byte) (int, error) {
	u := field.Unpacker(data)
	for depth := 0; ; {
		if !u.More() {
			if depth == 0 {
				return u.Finish()
			}
			depth--
			u.Pop()
			continue
		}
		switch t := u.at.next(); {
		case t.kind.isNumber() && t.kind != Char:
			u.Float()
		case t.kind == Char || t.kind == String:
			_ = u.String()
		default:
			u.Push()
			depth++
		}
	}
}

// moduli says whether there is a modulus in a type, or a number whose 64 bits a
// float64 cannot hold.
func moduli(t *Type) bool {
	if t.hasModulus || t.divisor != 1 && (t.kind == Int64 || t.kind == Uint64) || t.kind == Float64 {
		return true
	}
	if t.elem != nil && moduli(t.elem) {
		return true
	}
	members := t.members
	if t.kind == Switch {
		members = append(members, t.switched.key)
		for _, c := range t.switched.all() {
			members = append(members, c.fields...)
		}
	}
	for _, m := range members {
		if moduli(m.typ) {
			return true
		}
	}
	return false
}

// fuzzArgs: any text of a value is an error or a value; the text of a value, with or
// without names, gives the same value again, unless it has reals.
func fuzzArgs(t testing.TB) deepfuzz.Target {
	target := deepfuzz.Target{Name: "FuzzArgs"}
	fields, vectors := fuzzFields(t)
	for i, field := range fields {
		if value, err := field.Default(); err == nil {
			text, _ := field.FormatArgs(value, i%2 == 0)
			target.Seeds = append(target.Seeds, []any{uint16(i), []byte(text)})
		}
		for _, v := range vectors {
			if v.Kind == "parse" && v.Field == field.name && v.Class == field.class.name {
				target.Seeds = append(target.Seeds, []any{uint16(i), []byte(v.Text)})
			}
		}
	}
	target.Check = func(t *testing.T, i uint16, text []byte) {
		field := fields[int(i)%len(fields)]
		data, err := field.ParseArgs(string(text))
		if err != nil {
			return
		}
		for _, names := range []bool{false, true} {
			text, err := field.FormatArgs(data, names)
			if err != nil {
				return // packed bytes <…> are taken as they are
			}
			again, err := field.ParseArgs(text)
			if moduli(field.value.typ) || scaled(field.value.typ) {
				continue
			}
			if n, validErr := field.Validate(data); validErr != nil || n != len(data) {
				return
			}
			if err != nil || !bytes.Equal(again, data) {
				t.Fatalf("%v: %x is %s, which is %x %v", field, data, text, again, err)
			}
		}
	}
	return target
}

// scaled says whether there is a divisor in a type: its text has 6 digits only.
func scaled(t *Type) bool {
	if t.divisor != 1 || t.elem != nil && scaled(t.elem) {
		return true
	}
	for _, m := range t.members {
		if scaled(m.typ) {
			return true
		}
	}
	return false
}

// fuzzFileAndValue: any bytes as a value of any file.
func fuzzFileAndValue(t testing.TB) deepfuzz.Target {
	target := deepfuzz.Target{Name: "FuzzFileAndValue"}
	for _, text := range fuzzTexts(t) {
		target.Seeds = append(target.Seeds, []any{[]byte(text), []byte("\x02\x00\x01\x02\x03\x00abc")})
	}
	target.Check = func(t *testing.T, text, data []byte) {
		file, err := Parse("a.dc", text)
		if err != nil {
			return
		}
		for _, field := range file.fields {
			useValue(t, field, data)
		}
	}
	return target
}
