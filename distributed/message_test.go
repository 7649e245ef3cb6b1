package distributed

import (
	"encoding/hex"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

var rest = []byte{0xAA, 0xBB}

// The messages as bytes, what the appending function makes and what decoding gives.
var clientMessages = []struct {
	name, hex string
	made      []byte
	want      message
}{
	{"update", "7800 04030201 0605 aabb", appendClientObjectUpdateField(nil, 0x01020304, 0x0506, rest),
		message{kind: clientObjectUpdateField, doID: 0x01020304, field: 0x0506, rest: rest}},
	{"targeted", "3323 01000000 02000000 0300 aabb", appendClientObjectUpdateFieldTargeted(nil, 1, 2, 3, rest),
		message{kind: clientObjectUpdateFieldTargeted, target: 1, doID: 2, field: 3, rest: rest}},
	{"generate", "2a23 01000000 0200 03000000 aabb", appendClientObjectGenerate(nil, 1, 2, 3, rest),
		message{kind: clientObjectGenerate, zone: 1, class: 2, doID: 3, rest: rest}},
	{"delete", "2e23 07000000", appendIDs(nil, objectDelete, 7),
		message{kind: objectDelete, doID: 7, rest: []byte{}}},
	{"set zone", "3223 07000000 08000000", appendObjectSetZone(nil, 7, 8),
		message{kind: objectSetZone, doID: 7, zone: 8}},
	{"interest", "3123 01000000 02000000", appendIDs(nil, clientSetInterest, 1, 2),
		message{kind: clientSetInterest, ids: idList{1, 0, 0, 0, 2, 0, 0, 0}}},
	{"no interest", "3123", appendIDs(nil, clientSetInterest), message{kind: clientSetInterest, ids: idList{}}},
	{"disconnect", "3023", appendType(nil, clientDisconnect), message{kind: clientDisconnect}},
	{"heartbeat", "3323", appendType(nil, clientObjectUpdateFieldTargeted), message{kind: clientHeartbeat}},
}

var serverMessages = []struct {
	name, hex string
	made      []byte
	want      message
}{
	{"range", "2923 01000000 40420f00", appendSetDoIDRange(nil, 1, 1_000_000),
		message{kind: setDoIDRange, base: 1, count: 1_000_000}},
	{"generate", "2b23 09000000 01000000 0200 03000000 aabb", appendObjectGenerate(nil, 9, 1, 2, 3, rest),
		message{kind: objectGenerate, sender: 9, zone: 1, class: 2, doID: 3, rest: rest}},
	{"update", "2c23 09000000 02000000 0300 aabb", appendObjectUpdateField(nil, 9, 2, 3, rest),
		message{kind: objectUpdateField, sender: 9, doID: 2, field: 3, rest: rest}},
	{"disable", "2d23 01000000", appendIDs(nil, objectDisable, 1), message{kind: objectDisable, ids: idList{1, 0, 0, 0}}},
	{"disable none", "2d23", appendIDs(nil, objectDisable), message{kind: objectDisable, ids: idList{}}},
	{"delete", "2e23 07000000", appendIDs(nil, objectDelete, 7), message{kind: objectDelete, doID: 7}},
	{"request", "2f23 07000000", appendIDs(nil, requestGenerates, 7), message{kind: requestGenerates, zone: 7}},
}

func TestMessages(t *testing.T) {
	for _, test := range clientMessages {
		t.Run("client "+test.name, func(t *testing.T) {
			require.Equal(t, unhex(test.hex), test.made)
			m, err := decodeClientMessage(test.made)
			require.NoError(t, err)
			require.Equal(t, test.want, m)
		})
	}
	for _, test := range serverMessages {
		t.Run("server "+test.name, func(t *testing.T) {
			require.Equal(t, unhex(test.hex), test.made)
			m, err := decodeServerMessage(test.made)
			require.NoError(t, err)
			require.Equal(t, test.want, m)
		})
	}
}

// Each message without its last byte is too short; only those that end in bytes of
// any number are a message still.
func TestMessagesCut(t *testing.T) {
	for _, test := range clientMessages {
		for n := range len(test.made) - len(test.want.rest) {
			m, err := decodeClientMessage(test.made[:n])
			if err == nil {
				require.Contains(t, []messageType{clientHeartbeat, clientSetInterest}, m.kind, "%s cut to %d", test.name, n)
			}
		}
	}
	for _, test := range serverMessages {
		for n := range len(test.made) - len(test.want.rest) {
			m, err := decodeServerMessage(test.made[:n])
			if err == nil {
				require.Equal(t, objectDisable, m.kind, "%s cut to %d", test.name, n)
			}
		}
	}
}

func TestMessageErrors(t *testing.T) {
	for _, test := range []struct {
		payload string
		want    error
		text    string
	}{
		{"", errTooShort, "message 0: too short"},
		{"2c23 01000000 02000000 0300", errUnknownType, "OBJECT_UPDATE_FIELD: a type that its receiver does not know"},
		{"0000", errUnknownType, "message 0: a type that its receiver does not know"},
		{"3123 010000", errTail, "CLIENT_SET_INTEREST: a length that is no multiple of an id's"},
		{"ffff", errUnknownType, "message 65535: a type that its receiver does not know"},
	} {
		_, err := decodeClientMessage(unhex(test.payload))
		require.ErrorIs(t, err, test.want)
		require.EqualError(t, err, test.text)
	}
	m, err := decodeServerMessage(unhex("2d23 01000000 0200"))
	require.ErrorIs(t, err, errTail)
	require.Equal(t, []uint32{1}, slices.Collect(m.ids.all()), "the whole ids come with the error")
}

func FuzzMessages(f *testing.F) {
	for _, test := range clientMessages {
		f.Add(test.made)
	}
	for _, test := range serverMessages {
		f.Add(test.made)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		if m, err := decodeClientMessage(payload); err == nil && m.kind != clientHeartbeat {
			require.Equal(t, payload[:2], appendType(nil, m.kind))
			require.LessOrEqual(t, len(m.rest)+len(m.ids), len(payload)-2)
		}
		if m, err := decodeServerMessage(payload); err == nil {
			require.Equal(t, payload[:2], appendType(nil, m.kind))
			require.LessOrEqual(t, len(m.rest)+len(m.ids), len(payload)-2)
		}
	})
}

func unhex(text string) []byte {
	b, err := hex.DecodeString(string(slices.DeleteFunc([]byte(text), func(c byte) bool { return c == ' ' })))
	if err != nil {
		panic(err)
	}
	return b
}
