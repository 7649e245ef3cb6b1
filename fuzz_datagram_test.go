package queuednet

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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

// FuzzDatagramIterator reads any bytes as any fields, as a program would that
// believes its peer: the iterator never leaves the datagram, never goes back,
// fails once, and allocates for what is there, not for what is claimed.
func FuzzDatagramIterator(f *testing.F) {
	f.Add([]byte{6, 20, 0, 19}, []byte("\x01\x00\x00\x00\x02\x00hi\x07123456"))
	f.Add([]byte{21, 23}, []byte("\x01\x00\x00\x00x\xff\xff\xff\xffa\x00"))
	f.Fuzz(func(t *testing.T, program, data []byte) {
		dg := NewDatagram(data)
		it := dg.Iterator()
		before := heapAllocated()
		source := byteSource(program)
		for len(source) > 0 {
			op := int(source.next())
			var v fieldValue
			errBefore, posBefore := it.Err(), it.CurrentIndex()

			var got any
			var field testField
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
				assert.Equal(t, len(b), cap(b))
				got = string(b)
			case len(testFields) + 3:
				b := it.RemainingBytes()
				assert.Len(t, b, it.RemainingSize())
				assert.Equal(t, len(b), cap(b))
			default:
				field = testFields[choice]
				v.size = int(int8(source.next()))
				if field.name == "append_data" {
					v.text = string(make([]byte, max(v.size, 0)))
				}
				got = field.get(&it, v)
			}

			pos, err := it.CurrentIndex(), it.Err()
			require.LessOrEqual(t, pos, len(data), "past the end")
			switch {
			case errBefore != nil:
				require.Same(t, errBefore, err, "sticky")
				require.Equal(t, posBefore, pos)
				if got != nil {
					require.Zero(t, got)
				}
			case err != nil:
				require.Equal(t, posBefore, pos, "the cursor stays")
				require.Zero(t, it.RemainingSize())
				if got != nil {
					require.Zero(t, got)
				}
				var fieldErr *FieldError
				require.True(t, errors.As(err, &fieldErr))
				require.Equal(t, pos, fieldErr.Offset)
				require.Equal(t, len(data)-pos, fieldErr.Have)
				if fieldErr.Need >= 0 {
					require.Greater(t, fieldErr.Need, fieldErr.Have)
				}
				require.False(t, fieldErr.Write)
			default:
				require.GreaterOrEqual(t, pos, posBefore)
				require.Equal(t, len(data)-pos, it.RemainingSize())
				if field.size > 0 {
					require.Equal(t, field.size, pos-posBefore)
				}
				if text, ok := got.(string); ok {
					// Two bytes of UTF-16 are at most three of UTF-8.
					require.LessOrEqual(t, 2*len(text), 3*(pos-posBefore))
				}
			}
		}
		require.Less(t, heapAllocated()-before, uint64(16<<20+64*len(program)*(len(data)+1024)), "allocated for a claim")
		require.Equal(t, string(data), string(dg.Message()), "reading changes nothing")
	})
}

// FuzzDatagramRoundTrip adds any fields with any values, and reads the same back.
func FuzzDatagramRoundTrip(f *testing.F) {
	f.Add(false, []byte("\x060000000000000\x14000000000\x05hello"))
	f.Add(true, []byte("\x0b\x7f\xf8\x00\x00\x00\x00\x00\x01\x00\x00\x17\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04\xf0\x9f\x98\x80"))
	f.Fuzz(func(t *testing.T, double bool, program []byte) {
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
			require.NoError(t, dg.Err())
			fields = append(fields, added{field, value, dg.Length()})
		}
		it := dg.Clone().Iterator()
		for _, a := range fields {
			require.Equal(t, a.field.want(a.value), a.field.get(&it, a.value), a.field.name)
			require.NoError(t, it.Err())
			require.Equal(t, a.end, it.CurrentIndex(), a.field.name)
		}
		require.Zero(t, it.RemainingSize())
	})
}
