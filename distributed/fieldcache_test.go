package distributed

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the server keeps of a client's objects is bounded, for all of them together and for
// each, of which the generate must fit a message; what went is free again.
func TestMaxCachedBytes(t *testing.T) {
	t.Parallel()
	s := newScene(t, &ServerConfig{CacheFields: true, MaxCachedBytes: 100_000})
	a := s.connect()
	long := func(n int) string { return strings.Repeat("x", n) }
	named := func(doID uint32, n int) []byte {
		return generate(5, classNumber("Thing"), doID, hex.EncodeToString(packed("Thing", "setName", long(n)))+"0000")
	}
	a.send(named(a.base, 60_000), named(a.base+1, 30_000), named(a.base+2, 30_000), set(a.base+1, "Thing", "setName", long(50_000)))
	require.Equal(t, []uint32{a.base, a.base + 1}, a.client.Objects())
	s.dropped(map[DropReason]uint64{DropLimit: 2})
	a.send(remove(a.base), named(a.base+2, 60_000), set(a.base+1, "Thing", "setName", "short"))
	s.dropped(map[DropReason]uint64{DropLimit: 2})
	require.Equal(t, []uint32{a.base + 1, a.base + 2}, a.client.Objects())
	a.send(remove(a.base+1), remove(a.base+2))
	require.Zero(t, a.client.cached)
}

func TestCachedGenerateFitsAMessage(t *testing.T) {
	t.Parallel()
	s := newScene(t, &ServerConfig{CacheFields: true, MaxCachedBytes: 1 << 30})
	a := s.connect()
	fields := slices.Concat(packed("Thing", "setName", strings.Repeat("x", 65_505)), unhex("0000"))
	a.send(generate(5, classNumber("Thing"), a.base, hex.EncodeToString(fields)))
	s.dropped(map[DropReason]uint64{})
	a.send(set(a.base, "Thing", "setAB", 1.5, 2.5), set(a.base, "Thing", "setHp", 7))
	s.dropped(map[DropReason]uint64{DropTooLong: 1})
	b := s.watch(5)
	require.Len(t, b.received(), 1)
}
