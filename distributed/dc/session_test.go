package dc

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every field of the recorded session unpacks, and packs again to the same bytes.
func TestSession(t *testing.T) {
	text, err := os.ReadFile("testdata/panda3d-repository-session.jsonl")
	require.NoError(t, err)
	var file *File
	var s session
	for line := range bytes.Lines(text) {
		var l struct {
			Text []string
			Hash string
			Hex  string
		}
		require.NoError(t, json.Unmarshal(line, &l))
		if l.Text != nil {
			file, err = parseTexts(l.Text)
			require.NoError(t, err)
			require.Equal(t, l.Hash, fmt.Sprintf("0x%08x", file.Hash()))
			s = session{t: t, file: file, classes: map[uint64]*Class{}}
		}
		if l.Hex != "" {
			data, err := hex.DecodeString(l.Hex)
			require.NoError(t, err)
			s.payload(data)
		}
	}
	require.Equal(t, 287, s.fields)
}

type session struct {
	t       *testing.T
	file    *File
	classes map[uint64]*Class // by doId
	data    []byte
	fields  int
}

// number takes a number of n bytes.
func (s *session) number(n int) (v uint64) {
	require.GreaterOrEqual(s.t, len(s.data), n)
	for i := range n {
		v |= uint64(s.data[i]) << (8 * i)
	}
	s.data = s.data[n:]
	return v
}

// value takes the arguments of a field.
func (s *session) value(f *Field) {
	require.NotNil(s.t, f)
	args, n, err := f.Unpack(s.data)
	require.NoError(s.t, err)
	again, err := f.Pack(nil, args...)
	require.NoError(s.t, err)
	require.Equal(s.t, s.data[:n], again)
	formatted, err := f.FormatArgs(s.data, true)
	require.NoError(s.t, err)
	again, err = f.ParseArgs(formatted)
	require.NoError(s.t, err)
	require.Equal(s.t, s.data[:n], again)
	s.data = s.data[n:]
	s.fields++
}

// payload takes a message.
func (s *session) payload(data []byte) {
	s.data = data
	switch kind := s.number(2); kind {
	case 9002, 9003: // generate
		if kind == 9003 {
			s.number(4)
		}
		s.number(4)
		class, id := s.file.ClassByNumber(int(s.number(2))), s.number(4)
		s.classes[id] = class
		for _, f := range class.InheritedFields() {
			if f.IsRequired() && f.Kind() != Molecular {
				s.value(f)
			}
		}
		for range s.number(2) {
			s.value(class.FieldByNumber(int(s.number(2))))
		}
	case 9004, 9011, 120: // update; the heartbeat does not occur
		if kind != 120 {
			s.number(4)
		}
		class := s.classes[s.number(4)]
		s.value(class.FieldByNumber(int(s.number(2))))
	default:
		return
	}
	require.Empty(s.t, s.data)
}
