package distributed

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func generate(zone uint32, class uint16, doID uint32, fields string) []byte {
	return appendClientObjectGenerate(nil, zone, class, doID, unhex(fields))
}

func setZone(doID, zone uint32) []byte { return appendObjectSetZone(nil, doID, zone) }

// dropped requires how many messages were dropped for each reason.
func (s *scene) dropped(want map[DropReason]uint64) {
	s.t.Helper()
	got := make(map[DropReason]uint64)
	step := scriptStep{Do: "dropped", Dropped: make(map[int]uint64)}
	for reason, n := range want {
		step.Dropped[int(reason)] = n
	}
	s.script.Steps = append(s.script.Steps, step)
	for reason, n := range s.stats().Dropped {
		if n > 0 {
			got[DropReason(reason)] = n
		}
	}
	require.Equal(s.t, want, got)
}

var _ = addRows(map[string]func(t *testing.T){
	"S9": func(t *testing.T) {
		s := newScene(t, nil)
		a, b := s.connect(), s.watch(5)
		a.send(thing(5, b.base), thing(5, 0), thing(5, 4294967295), thing(5, a.base+1_000_000))
		b.gets()
		require.Zero(t, s.stats().Objects)
		s.dropped(map[DropReason]uint64{DropForeignID: 4})
	},
	"S10": func(t *testing.T) {
		s := newScene(t, nil)
		a, b := s.connect(), s.watch(5)
		a.send(generate(5, 999, a.base, "0000"), generate(5, uint16(testFile.Class("Pair").Position()), a.base, "0000"))
		b.gets()
		s.dropped(map[DropReason]uint64{DropUnknownClass: 2})
	},
	"S11": func(t *testing.T) {
		s := newScene(t, nil)
		a, b := s.connect(), s.watch(5)
		a.send(thing(5, a.base), thing(5, a.base))
		b.gets(thingFor(a, 5), thingFor(a, 5))
		require.Equal(t, 1, s.stats().Objects)
	},
	"S12": func(t *testing.T) {
		s := newScene(t, nil)
		a, b := s.connect(), s.watch(5)
		ghost := generate(5, classNumber("Ghost"), a.base, "0000")
		a.send(thing(5, a.base), ghost)
		b.gets(thingFor(a, 5))
		s.dropped(map[DropReason]uint64{DropOtherClass: 1})
		a.send(remove(a.base), ghost)
		b.gets(remove(a.base), appendObjectGenerate(nil, a.base, 5, classNumber("Ghost"), a.base, unhex("0000")))
	},
	"S13": func(t *testing.T) {
		s := newScene(t, nil)
		a, old, both, other := s.connect(), s.watch(5), s.watch(5, 6), s.watch(6)
		a.send(thing(5, a.base), thing(6, a.base))
		old.gets(thingFor(a, 5), disable(a.base))
		both.gets(thingFor(a, 5), thingFor(a, 6))
		other.gets(thingFor(a, 6))
	},
	"S28": func(t *testing.T) {
		trap := classNumber("Trap")
		s := newScene(t, nil)
		a, b := s.connect(), s.watch(5)
		a.send(generate(5, trap, a.base, "01 02 0000"), generate(5, trap, a.base+1, "02 0000"))
		b.gets(appendObjectGenerate(nil, a.base, 5, trap, a.base, unhex("01 02 0000")),
			appendObjectGenerate(nil, a.base, 5, trap, a.base+1, unhex("02 0000")))

		s = newScene(t, &ServerConfig{RepairRequired: true})
		a, b = s.connect(), s.watch(5)
		a.send(generate(5, trap, a.base, "01 02 0100 0500 0000000005000000"), generate(5, trap, a.base+1, "02 0000"))
		b.gets(appendObjectGenerate(nil, a.base, 5, trap, a.base, unhex("02 0100 0500 0000000005000000")),
			appendObjectGenerate(nil, a.base, 5, trap, a.base+1, unhex("02 0000")))
	},
	"S31": func(t *testing.T) {
		s := newScene(t, nil)
		a, b, elsewhere := s.connect(), s.watch(5), s.watch(6)
		a.send(thing(5, a.base))
		b.send(remove(a.base))
		require.Equal(t, 1, s.stats().Objects)
		a.send(remove(a.base), remove(a.base))
		a.gets(remove(a.base))
		b.gets(thingFor(a, 5), remove(a.base))
		elsewhere.gets()
		s.dropped(map[DropReason]uint64{DropNotOwner: 1, DropUnknownObject: 1})
	},
	"S32": func(t *testing.T) {
		s := newScene(t, nil)
		a, old, both, other := s.connect(), s.watch(5), s.watch(5, 6), s.watch(6)
		a.send(interest(5, 6), thing(5, a.base))
		both.received()
		old.received()
		old.send(setZone(a.base, 6))
		a.send(setZone(a.base, 5))
		for _, p := range []*peer{a, old, both, other} {
			p.gets()
		}
		a.send(setZone(a.base, 6))
		old.gets(disable(a.base))
		both.gets()
		other.gets()
		a.gets()
		s.dropped(map[DropReason]uint64{DropNotOwner: 1})
		a.send(thing(6, a.base))
		both.gets(thingFor(a, 6))
		other.gets(thingFor(a, 6))
	},
	"S46": func(t *testing.T) {
		s := newScene(t, nil)
		a, b := s.connect(), s.watch(5)
		long := append(remove(a.base), 1, 2, 3)
		a.send(thing(5, a.base), long)
		b.gets(thingFor(a, 5), long)
		require.Zero(t, s.stats().Objects)
	},
	"S47": func(t *testing.T) {
		s := newScene(t, nil)
		a, b, c := s.connect(), s.connect(), s.watch(5)
		last := a.base + 999_999
		b.send(thing(5, last))
		c.gets()
		a.send(thing(5, last))
		c.gets(thingFrom(a, 5, last))
		b.send(set(last, "Thing", "say", "not mine"))
		a.send(set(last, "Thing", "say", "mine"))
		c.gets(setFrom(a, last, "Thing", "say", "mine"))
	},
})
