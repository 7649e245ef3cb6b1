package interop_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/queuednet/queuednet/distributed"
	"github.com/queuednet/queuednet/distributed/dc"
	"github.com/stretchr/testify/require"
)

// TestPanda3DServerRows plays the rows of distributed/testdata/conformance.txt that a
// well-behaved client can play with Go clients on Panda3D's own server, and on the Go one: what
// a Go client sees must be the same.
func TestPanda3DServerRows(t *testing.T) {
	python := findPanda3D(t)
	file, err := dc.ParseFiles(directDC(t, python), "distributed.dc")
	require.NoError(t, err)
	for name, serve := range map[string]func(t *testing.T) int{
		"Panda3D": func(t *testing.T) int { return pandaServer(t, python) },
		"Go":      func(t *testing.T) int { return goServer(t, nil, file) },
	} {
		t.Run(name, func(t *testing.T) {
			port, zone := serve(t), uint32(100)
			for _, row := range serverRows {
				t.Run(row.name, func(t *testing.T) {
					zone += 10
					row.play(&rowScene{t: t, file: file, port: port, zone: zone})
				})
			}
		})
	}
}

// serverRows has the rows, by the names of the conformance table; a row for a client (C) that
// needs a server, too.
var serverRows = []struct {
	name string
	play func(s *rowScene)
}{
	{"S2", func(s *rowScene) {
		a, b := s.peer(), s.peer()
		require.EqualValues(s.t, 1, a.DoIDBase()%1_000_000)
		require.EqualValues(s.t, 1, b.DoIDBase()%1_000_000)
		require.NotEqual(s.t, a.DoIDBase(), b.DoIDBase())
	}},
	{"S7", func(s *rowScene) {
		a := s.peer()
		o := a.thing(0)
		b := s.peer(0)
		require.Equal(s.t, a.DoIDBase(), b.seen(o).Owner())
		require.Equal(s.t, []string{"name row", "announce", "hp 9"}, b.calls)
		a.got(o)
	}},
	{"S8", func(s *rowScene) {
		a, b := s.peer(), s.peer()
		o := a.thing(0)
		p := b.thing(0)
		b.seen(o)
		a.seen(p)
	}},
	{"S13 S32 C22", rowMoves},
	{"S15", func(s *rowScene) {
		a, b, o, _ := s.pair()
		c := s.peer(1)
		o.send("say", "hi")
		a.got(o)
		b.got(o, "say hi")
		c.got(o)
	}},
	{"S16", func(s *rowScene) {
		a, b, o, _ := s.pair()
		o.send("shout", "hi")
		a.got(o, "shout hi")
		b.got(o, "shout hi")
	}},
	{"S18", func(s *rowScene) {
		a, b, o, copied := s.pair()
		o.send("ask", 1)
		a.got(o, fmt.Sprintf("ask 1 from %d", a.DoIDBase()/1_000_000))
		copied.send("ask", 2)
		s.until("asked", func() bool { return len(a.calls) > 0 })
		a.got(o, fmt.Sprintf("ask 2 from %d", b.DoIDBase()/1_000_000))
		b.got(o)
	}},
	{"S19", func(s *rowScene) {
		a, b, o, _ := s.pair()
		o.send("answer", 1, "x")
		a.got(o)
		b.got(o)
	}},
	{"S20", func(s *rowScene) {
		a, b, o, copied := s.pair()
		copied.send("say", "not mine")
		copied.send("ask", 1) // and when this has come, that has not
		s.until("asked", func() bool { return len(a.calls) > 0 })
		a.got(o, fmt.Sprintf("ask 1 from %d", b.DoIDBase()/1_000_000))
		b.got(o)
	}},
	{"S21", func(s *rowScene) {
		a, b, o, copied := s.pair()
		c := s.newcomer(o, b)
		copied.send("poke", 7)
		s.until("poked", func() bool { return len(a.calls) > 0 })
		a.got(o, "poke 7")
		b.got(o)
		c.got(o, "poke 7")
	}},
	{"S22", func(s *rowScene) {
		a, b, o, copied := s.pair()
		copied.send("nudge", 7)
		copied.send("ask", 1)
		s.until("asked", func() bool { return len(a.calls) > 0 })
		a.got(o, fmt.Sprintf("ask 1 from %d", b.DoIDBase()/1_000_000))
	}},
	{"S23", func(s *rowScene) {
		_, b, o, _ := s.pair()
		o.send("setAB", 1.5, 2.5)
		b.got(o, "ab 1.5 2.5")
	}},
	{"S26 C20", rowTargeted},
	{"S27", func(s *rowScene) {
		a, b, o, copied := s.pair()
		require.NoError(s.t, copied.SendUpdateTo(a.DoIDBase(), "answer", 1, "x"))
		require.NoError(s.t, copied.SendUpdateTo(a.DoIDBase(), "say", "x"))
		require.NoError(s.t, copied.SendUpdateTo(a.DoIDBase(), "nudge", 3))
		s.until("nudged", func() bool { return len(a.calls) > 0 })
		a.got(o, "nudge 3")
		b.got(o)
	}},
	{"S31 C15", rowDeleted},
	{"S33", func(s *rowScene) {
		a, b, o, _ := s.pair()
		p := a.thing(1)
		c := s.peer()
		own := c.thing(0)
		c.seen(o)
		c.calls = nil
		require.NoError(s.t, c.SetObjectZone(own, s.zone+5))
		s.until("out of sight", func() bool { return c.Object(o.DoID()) == nil })
		require.Equal(s.t, []string{"disable"}, c.calls)
		require.NotNil(s.t, b.Object(o.DoID()))
		require.NotNil(s.t, a.Object(p.DoID()))
	}},
	{"S34", func(s *rowScene) {
		a, b := s.peer(), s.peer(0, 1, 2)
		var all []*rowThing
		for zone := range uint32(3) {
			all = append(all, a.thing(zone))
			b.seen(all[zone])
		}
		b.open(1)
		s.until("closed", func() bool { return b.Object(all[0].DoID()) == nil && b.Object(all[2].DoID()) == nil })
		require.NotNil(s.t, b.Object(all[1].DoID()))
	}},
	{"S35", func(s *rowScene) {
		a, b, o, _ := s.pair()
		own := b.thing(0)
		a.seen(own)
		a.calls, b.calls = nil, nil
		b.open()
		own.send("say", "still here") // and when this has come, the interest was taken
		s.until("said", func() bool { return slices.Contains(a.calls, "say still here") })
		b.got(o)
		require.NotNil(s.t, b.Object(o.DoID()))
	}},
	{"S36", func(s *rowScene) {
		a, b, o, _ := s.pair()
		id := o.DoID()
		a.Disconnect()
		s.until("gone", func() bool { return b.Object(id) == nil })
		require.Equal(s.t, []string{"disable"}, b.calls)
	}},
	{"S41", func(s *rowScene) {
		_, b, o, _ := s.pair()
		o.send("say", strings.Repeat("x", 65531-8-2))
		b.got(o, "say "+strings.Repeat("x", 20))
	}},
	{"C18", func(s *rowScene) {
		a, b := s.peer(), s.peer(0)
		o := a.thing(0, "setHp")
		b.seen(o)
		require.Equal(s.t, []string{"name row", "announce", "hp 9"}, b.calls[:3])
	}},
	{"C19", func(s *rowScene) {
		_, b, o, _ := s.pair()
		require.Error(s.t, o.SendUpdate("level", 9))
		require.Error(s.t, o.SendUpdate("say", "\xff"))
		b.got(o)
	}},
	{"C23", func(s *rowScene) {
		a, b := s.peer(), s.peer(0)
		ai, err := distributed.NewClientRepository(nil, s.file)
		require.NoError(s.t, err)
		require.NoError(s.t, ai.Register("TimeManager", distributed.NewTimeManagerAI))
		require.NoError(s.t, ai.Connect("127.0.0.1", s.port, patience))
		defer ai.Close()
		s.peers = append(s.peers, &rowPeer{ClientRepository: ai, s: s})
		s.until("ready", ai.HaveCreateAuthority)
		clock := &distributed.TimeManagerAI{}
		require.NoError(s.t, ai.CreateDistributedObject(clock, s.zone))
		a.open(0)
		for _, p := range []*rowPeer{a, b} {
			s.until("synchronized", func() bool {
				m, ok := p.Object(clock.DoID()).(*distributed.TimeManager)
				return ok && m.Synchronized()
			})
			require.InDelta(s.t, ai.NetworkTime().Seconds(), p.NetworkTime().Seconds(), 5)
		}
		s.peers = s.peers[:2]
	}},
	{"C24", func(s *rowScene) {
		a, b := s.peer(), s.peer(0)
		m := &goMover{}
		require.NoError(s.t, a.CreateDistributedObject(m, s.zone))
		s.until("seen", func() bool { return b.Object(m.DoID()) != nil })
		require.NoError(s.t, m.StartPosHprBroadcast())
		m.X, m.H = 12.5, 90
		require.NoError(s.t, m.BroadcastPosHpr())
		s.until("moved", func() bool {
			copied := b.Object(m.DoID()).(*goMover)
			return copied.X == 12.5 && copied.H == 90
		})
	}},
}

// newcomer connects a client that opens an object's zone, and perhaps others. Nothing is called
// at it, nor at the other one there: Panda3D's server gives all of a zone the generates that a
// newcomer asked for.
func (s *rowScene) newcomer(o *rowThing, there *rowPeer, others ...uint32) *rowPeer {
	s.t.Helper()
	p := s.peer(append([]uint32{0}, others...)...)
	p.seen(o)
	p.forget(o)
	there.forget(o)
	return p
}

func rowMoves(s *rowScene) {
	a, old, o, _ := s.pair()
	both := s.newcomer(o, old, 1)
	fence := a.thing(2)
	other := s.peer(1, 2)
	other.seen(fence) // else a might give the moved object to those of zone 1 once more
	require.NoError(s.t, a.SetObjectZone(o, s.zone+1))
	other.seen(o)
	old.got(o, "disable")
	both.got(o, "name row", "hp 9")
	require.Equal(s.t, s.zone+1, both.Object(o.DoID()).(*rowThing).Zone())
	require.Equal(s.t, s.zone+1, other.Object(o.DoID()).(*rowThing).Zone())
}

func rowTargeted(s *rowScene) {
	a, b, o, _ := s.pair()
	c := s.newcomer(o, b)
	require.NoError(s.t, o.SendUpdateTo(c.DoIDBase(), "answer", 1, "c"))
	require.NoError(s.t, o.SendUpdateTo(a.DoIDBase(), "say", "me"))
	a.got(o, "say me")
	b.got(o)
	c.got(o, "answer 1 c")
}

func rowDeleted(s *rowScene) {
	a, b, o, copied := s.pair()
	id := o.DoID()
	require.ErrorIs(s.t, b.SendDelete(copied), distributed.ErrNotLocal)
	require.NoError(s.t, a.SendDelete(o))
	require.NotNil(s.t, a.Object(id), "until the server has heard of it")
	s.until("deleted", func() bool { return a.Object(id) == nil && b.Object(id) == nil })
	require.Equal(s.t, []string{"disable"}, a.calls)
	require.Equal(s.t, []string{"disable"}, b.calls)
}

// TestPanda3DServerEnds is row C26: Panda3D's server is killed under a Go client.
func TestPanda3DServerEnds(t *testing.T) {
	python := findPanda3D(t)
	file, err := dc.ParseFiles(directDC(t, python), "distributed.dc")
	require.NoError(t, err)
	port, server := startPandaServer(t, python)
	s := &rowScene{t: t, file: file, port: port, zone: 1}
	a, b, o, _ := s.pair()
	server.kill()
	s.until("lost", func() bool { return a.lost > 0 && b.lost > 0 })
	require.Equal(t, []int{1, 1}, []int{a.lost, b.lost})
	require.Equal(t, []string{"disable"}, b.calls)
	require.ErrorIs(t, o.SendUpdate("say", "x"), distributed.ErrNoObject)
}
