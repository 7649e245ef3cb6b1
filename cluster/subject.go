package cluster

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
)

// Any string names a group, and its subject is one token: bytes that are not plain are
// written as '=' and two hexadecimal digits, and a name that would be too long so is
// hashed.

// maxToken keeps subjects far below NATS's longest line, and lengths in a byte.
const maxToken = 200

// isPlain reports whether a byte of a name stands for itself in a subject.
func isPlain(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '-' || b == '_'
}

// tokenOf returns the token of a name; different names have different ones.
func tokenOf(name string) string {
	const digits = "0123456789ABCDEF"
	plain := true
	for i := range len(name) {
		plain = plain && isPlain(name[i])
	}
	if plain && name != "" && len(name) <= maxToken {
		return name
	}
	token := []byte{'='} // which no plain name begins with
	for i := range len(name) {
		if b := name[i]; isPlain(b) {
			token = append(token, b)
		} else {
			token = append(token, '=', digits[b>>4], digits[b&15])
		}
		if len(token) > maxToken {
			sum := sha256.Sum256([]byte(name))
			return "=" + hex.EncodeToString(sum[:]) // without a second '=', which every other one has
		}
	}
	return string(token)
}

// subjects are those of a cluster.
type subjects struct {
	groups    string // and a token
	nodes     string // and a number
	heartbeat string
}

func newSubjects(cluster string) subjects {
	return subjects{cluster + ".g.", cluster + ".n.", cluster + ".hb"}
}

func (s *subjects) node(number uint16) string { return s.nodes + strconv.Itoa(int(number)) }

// hashOf is what stands for a subject in a heartbeat. A player who chooses names must
// not be able to choose two with the same.
func hashOf(subject string) uint64 {
	sum := sha256.Sum256([]byte(subject))
	return binary.LittleEndian.Uint64(sum[:])
}
