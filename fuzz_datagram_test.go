package queuednet

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/queuednet/queuednet/internal/deepfuzz"
)

// A byteSource gives out the bytes of a fuzzer's input, then zeros.
type byteSource []byte

func (s *byteSource) next() byte {
	if len(*s) == 0 {
		return 0
	}
	b := (*s)[0]
	*s = (*s)[1:]
	return b
}

func (s *byteSource) text(n int) string {
	n = min(n, len(*s))
	text := string((*s)[:n])
	*s = (*s)[n:]
	return text
}

// value makes something of the next bytes that can be added as any field.
func (s *byteSource) value() fieldValue {
	var v fieldValue
	for range 8 {
		v.bits = v.bits<<8 | uint64(s.next())
	}
	v.size = int(s.next())
	v.text = s.text(int(s.next()))
	return v
}

var fuzzDatagramIterator = deepfuzz.Target{
	Name:  "FuzzDatagramIterator",
	Check: checkDatagramIterator,
	Seeds: [][]any{
		{[]byte{6, 20, 0, 19}, []byte("\x01\x00\x00\x00\x02\x00hi\x07123456")},
		{[]byte{21, 23}, []byte("\x01\x00\x00\x00x\xff\xff\xff\xffa\x00")},
	},
}

func FuzzDatagramIterator(f *testing.F) { fuzzDatagramIterator.Fuzz(f) }

// checkDatagramIterator reads any bytes as any fields, as a program would that
// believes its peer: the iterator never leaves the datagram, never goes back,
// fails once, and allocates for what is there, not for what is claimed.
func checkDatagramIterator(t *testing.T, program, data []byte) {
	limit := uint64(16<<20 + 64*len(program)*(len(data)+1024))
	for tries := 0; ; tries++ {
		before := heapAllocated()
		readFields(t, program, data)
		if heapAllocated()-before < limit {
			return
		}
		deepfuzz.True(t, tries < 5, "it allocates for what is there") // others allocate as well
	}
}

// readFields reads the fields that a program names, and checks what each does to the
// iterator.
func readFields(t *testing.T, program, data []byte) {
	dg := NewDatagram(bytes.Clone(data))
	it := dg.Iterator()
	source := byteSource(program)
	for len(source) > 0 {
		before := it
		got, field := readField(t, &it, &source)
		checkRead(t, &before, &it, field, got)
	}
	deepfuzz.True(t, bytes.Equal(data, dg.Message()), "reading changes nothing")
}

// readField reads what the next byte of the program says. The field has no name if it
// is none of testFields.
func readField(t *testing.T, it *DatagramIterator, source *byteSource) (got any, field testField) {
	op := int(source.next())
	var v fieldValue
	switch choice := op % (len(testFields) + 4); choice {
	case len(testFields):
		it.PeekUint16()
		it.PeekInt16()
	case len(testFields) + 1:
		v.size = int(int8(source.next()))
		it.SkipBytes(v.size)
	case len(testFields) + 2:
		v.size = int(int8(source.next()))
		b := it.ExtractBytes(v.size)
		deepfuzz.Equal(t, len(b), cap(b), "capacity")
		got = string(b)
	case len(testFields) + 3:
		b := it.RemainingBytes()
		deepfuzz.Equal(t, it.RemainingSize(), len(b), "remaining bytes")
		deepfuzz.Equal(t, len(b), cap(b), "capacity")
	default:
		field = testFields[choice]
		v.size = int(int8(source.next()))
		if field.name == "append_data" {
			v.text = string(make([]byte, max(v.size, 0)))
		}
		got = field.get(it, v)
	}
	return got, field
}

// checkRead asserts what a read may change.
func checkRead(t *testing.T, before, it *DatagramIterator, field testField, got any) {
	errBefore, posBefore := before.Err(), before.CurrentIndex()
	size := posBefore + before.RemainingSize()
	pos, err := it.CurrentIndex(), it.Err()
	deepfuzz.AtMost(t, pos, size, "position")
	switch {
	case errBefore != nil:
		deepfuzz.True(t, errBefore == err, "the error is sticky")
		deepfuzz.Equal(t, posBefore, pos, "position after an error")
		if got != nil {
			deepfuzz.True(t, reflect.ValueOf(got).IsZero(), "a field that cannot be read is zero")
		}
	case err != nil:
		deepfuzz.Equal(t, posBefore, pos, "position at an error")
		deepfuzz.Equal(t, 0, it.RemainingSize(), "remaining size")
		if got != nil {
			deepfuzz.True(t, reflect.ValueOf(got).IsZero(), "a field that cannot be read is zero")
		}
		var fieldErr *FieldError
		deepfuzz.True(t, errors.As(err, &fieldErr), "a FieldError")
		deepfuzz.Equal(t, pos, fieldErr.Offset, "offset of the error")
		deepfuzz.Equal(t, size-pos, fieldErr.Have, "bytes there are")
		deepfuzz.True(t, fieldErr.Need < 0 || fieldErr.Need > fieldErr.Have, "more is needed than there is")
		deepfuzz.True(t, !fieldErr.Write, "an error of reading")
	default:
		deepfuzz.AtMost(t, posBefore, pos, "position before")
		deepfuzz.Equal(t, size-pos, it.RemainingSize(), "remaining size")
		if field.size > 0 {
			deepfuzz.Equal(t, field.size, pos-posBefore, "size of "+field.name)
		}
		if text, ok := got.(string); ok {
			// Two bytes of UTF-16 are at most three of UTF-8.
			deepfuzz.AtMost(t, 2*len(text), 3*(pos-posBefore), "length of a text")
		}
	}
}

var fuzzDatagramRoundTrip = deepfuzz.Target{
	Name:  "FuzzDatagramRoundTrip",
	Check: checkDatagramRoundTrip,
	Seeds: [][]any{
		{false, []byte("\x060000000000000\x14000000000\x05hello")},
		{true, []byte("\x0b\x7f\xf8\x00\x00\x00\x00\x00\x01\x00\x00\x17\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04\xf0\x9f\x98\x80")},
	},
}

func FuzzDatagramRoundTrip(f *testing.F) { fuzzDatagramRoundTrip.Fuzz(f) }

// checkDatagramRoundTrip adds any fields with any values, and reads the same back.
func checkDatagramRoundTrip(t *testing.T, double bool, program []byte) {
	type added struct {
		field testField
		value fieldValue
		end   int
	}
	var dg Datagram
	dg.SetStdfloatDouble(double)
	var fields []added
	for source := byteSource(program); len(source) > 0; {
		field := testFields[int(source.next())%len(testFields)]
		value := source.value()
		field.add(&dg, value)
		deepfuzz.NoError(t, dg.Err(), field.name)
		fields = append(fields, added{field, value, dg.Length()})
	}
	it := dg.Clone().Iterator()
	for _, a := range fields {
		deepfuzz.Equal(t, a.field.want(a.value), a.field.get(&it, a.value), a.field.name)
		deepfuzz.NoError(t, it.Err(), a.field.name)
		deepfuzz.Equal(t, a.end, it.CurrentIndex(), a.field.name)
	}
	deepfuzz.Equal(t, 0, it.RemainingSize(), "remaining size")
}
