package distributed

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func request(zone uint32) []byte { return appendIDs(nil, requestGenerates, zone) }

func interest(zones ...uint32) []byte { return appendIDs(nil, clientSetInterest, zones...) }

func disable(ids ...uint32) []byte { return appendIDs(nil, objectDisable, ids...) }

func remove(doID uint32) []byte { return appendIDs(nil, objectDelete, doID) }

var _ = addRows(map[string]func(t *testing.T){
	"S1": func(t *testing.T) {
		s := newScene(t, nil)
		p := s.dial()
		s.until("joined", func() bool { return s.stats().Clients == 1 })
		require.Equal(t, unhex("2923 01000000 40420f00"), p.read())
		p.client = p.server.Client(1)
		p.gets()
	},
	"S2": func(t *testing.T) {
		s := newScene(t, nil)
		for i := range uint32(5) {
			require.Equal(t, i*1_000_000+1, s.connect().base)
		}
	},
	"S3": func(t *testing.T) {
		s := newScene(t, nil)
		first, second := s.connect(), s.connect()
		require.EqualValues(t, 1_000_001, second.base)
		first.Close()
		s.until("gone", func() bool { return s.stats().Clients == 1 })
		require.EqualValues(t, 2_000_001, s.connect().base)
	},
	"S4": func(t *testing.T) {
		s := newScene(t, nil)
		p := s.dial()
		p.send(interest(1))
		p.join()
		require.Equal(t, []uint32{1}, p.client.Zones())
	},
	"S5": func(t *testing.T) {
		p := newScene(t, nil).connect()
		p.send(interest(1, 2, 3))
		p.gets()
		require.Equal(t, []uint32{1, 2, 3}, p.client.Zones())
	},
	"S6": func(t *testing.T) {
		s := newScene(t, nil)
		owner, p := s.connect(), s.connect()
		owner.send(thing(1, owner.base))
		p.send(interest(1, 2))
		owner.gets(request(1))
		p.send(interest(2, 1, 1, 2))
		p.gets()
		owner.gets()
	},
	"S7": func(t *testing.T) {
		s := newScene(t, nil)
		a, b := s.connect(), s.connect()
		a.send(thing(5, a.base))
		b.send(interest(5))
		a.gets(request(5))
		b.gets()
		a.send(thing(5, a.base))
		b.gets(thingFor(a, 5))
		a.gets()
	},
	"S8": func(t *testing.T) {
		s := newScene(t, nil)
		a, b := s.connect(), s.connect()
		a.send(thing(5, a.base))
		b.send(thing(5, b.base))
		a.gets(request(5), thingFor(b, 5))
		a.send(thing(5, a.base))
		b.gets(thingFor(a, 5))
	},
	"S14": func(t *testing.T) {
		s := newScene(t, nil)
		a, b := s.connect(), s.watch(0)
		a.send(thing(0, a.base), say(a.base, "zero"))
		b.gets(thingFor(a, 0), sayFrom(a, "zero"))
		require.Equal(t, []uint32{0}, a.client.Zones())
	},
	"S33": func(t *testing.T) {
		s := newScene(t, nil)
		a, b := s.connect(), s.connect()
		a.send(thing(5, a.base), thing(5, a.base+1))
		b.send(thing(5, b.base))
		b.received()
		b.send(appendObjectSetZone(nil, b.base, 6))
		b.gets(disable(a.base, a.base+1))
		a.received()
		a.send(remove(a.base), remove(a.base+1))
		a.gets(remove(a.base), remove(a.base+1))
	},
	"S34": func(t *testing.T) {
		s := newScene(t, nil)
		a, b := s.connect(), s.watch(1, 2, 3)
		a.send(thing(1, a.base), thing(2, a.base+1), thing(3, a.base+2))
		b.received()
		b.send(interest(2))
		got := b.received()
		require.Len(t, got, 1)
		m, err := decodeServerMessage(unhex(got[0]))
		require.NoError(t, err)
		require.Equal(t, objectDisable, m.kind)
		require.Equal(t, []uint32{a.base, a.base + 2}, slices.Sorted(m.ids.all()))
	},
	"S35": func(t *testing.T) {
		s := newScene(t, nil)
		a, b := s.connect(), s.connect()
		b.send(interest(5), thing(5, b.base))
		a.send(thing(5, a.base))
		b.gets(request(5), thingFor(a, 5)) // a has opened the zone by its object
		b.send(interest())
		b.gets()
		require.Equal(t, []uint32{5}, b.client.Zones())
	},
	"S51": func(t *testing.T) {
		s := newScene(t, nil)
		p := s.connect()
		zones := make([]uint32, 16_000)
		for i := range zones {
			zones[i] = uint32(i) * 7
		}
		p.send(interest(zones...))
		p.gets()
		require.Len(t, p.client.Zones(), 16_000)
		s.alive()

		limited := newScene(t, &ServerConfig{MaxZonesPerClient: 100})
		p = limited.connect()
		p.send(interest(zones[:100]...), interest(zones...))
		require.Len(t, p.client.Zones(), 100)
		require.EqualValues(t, 1, limited.stats().Dropped[DropLimit])
	},
})
