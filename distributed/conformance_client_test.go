package distributed

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const firstID = 1_000_001 // of a stage's range

// Every row of the table for a client has its test.
func TestConformanceClient(t *testing.T) {
	runRows(t, 'C', 28, func(t *testing.T, row func(*testing.T)) { row(t) })
}

// create makes a Thing of the stage's own in zone 5.
func (s *stage) create(optional ...string) *goThing {
	s.t.Helper()
	thing := &goThing{stage: s, hp: 100}
	require.NoError(s.t, s.CreateDistributedObject(thing, 5, optional...))
	s.calls = nil
	return thing
}

var _ = addRows(map[string]func(t *testing.T){
	"C1": func(t *testing.T) {
		s := newStage(t, true)
		s.comes()
		s.sends()
		require.False(t, s.HaveCreateAuthority())
		require.Zero(t, s.DoIDBase())
	},
	"C2": func(t *testing.T) {
		s := newStage(t, true)
		s.comes(appendSetDoIDRange(nil, 100, 3))
		s.reports(1, CreateReady)
		require.True(t, s.HaveCreateAuthority())
		var things []*goThing
		for id := uint32(100); id < 103; id++ {
			things = append(things, s.create())
			require.Equal(t, id, things[id-100].DoID())
			require.True(t, things[id-100].IsLocal())
		}
		require.ErrorIs(t, s.CreateDistributedObject(&goThing{stage: s}, 5), ErrNoIDs)
		s.comes(remove(101), remove(100))
		require.EqualValues(t, 101, s.create().DoID())
		require.EqualValues(t, 100, s.create().DoID())
	},
	"C3": func(t *testing.T) {
		s := newStage(t, true)
		s.comes(appendSetDoIDRange(nil, 100, 3), appendSetDoIDRange(nil, 200, 3))
		s.reports(2, CreateReady)
		require.EqualValues(t, 200, s.DoIDBase())
		require.EqualValues(t, 200, s.create().DoID())
		require.False(t, s.IsLocalID(100))
	},
	"C4": func(t *testing.T) {
		s := newStage(t, true)
		s.comes(appendObjectGenerate(nil, 1, 5, classNumber("Thing"), 2, slices.Concat(
			packed("Thing", "setName", "bob"), unhex("0200"),
			appendField(nil, fieldNumber("Thing", "setHp"), packed("Thing", "setHp", 7)),
			appendField(nil, fieldNumber("Thing", "say"), packed("Thing", "say", "hi")))))
		s.called("generateInit", "generate 2", "setLocation 0 5", "setName bob", "announceGenerate", "setHp 7", "say hi from 1")
		s.reports(1, Generated)
		require.EqualValues(t, 5, s.Object(2).(*goThing).Zone())
		require.False(t, s.Object(2).(*goThing).IsLocal())
	},
	"C5": func(t *testing.T) {
		s := newStage(t, true)
		thing := s.comesThing()
		s.comes(appendObjectGenerate(nil, 1, 9, classNumber("Thing"), 2, named))
		s.called("setName noname")
		require.EqualValues(t, 5, thing.Zone())
		s.comes(appendObjectGenerate(nil, 1, 9, classNumber("Thing"), 2, slices.Concat(packed("Thing", "setName", "x"), unhex("0100"),
			appendField(nil, fieldNumber("Thing", "setLocation"), packed("Thing", "setLocation", 0, 9)))))
		s.called("setName x", "setLocation 0 9")
		require.EqualValues(t, 9, thing.Zone())
	},
	"C6": func(t *testing.T) {
		s := newStage(t, true)
		s.comesThing()
		s.comes(appendObjectGenerate(nil, 1, 5, classNumber("Data"), 2, unhex("05000000")))
		s.reports(1, MessageIgnored)
		require.IsType(t, &goThing{}, s.Object(2))
		require.False(t, s.link.shut)
	},
	"C7": func(t *testing.T) {
		s := newStage(t, true)
		s.comes(appendObjectGenerate(nil, 1, 5, 999, 2, named))
		s.reports(1, MessageIgnored)
		s.comes(appendObjectGenerate(nil, 1, 5, classNumber("Ghost"), 3, unhex("0000")), from1(3, "Ghost", "boo", 1), disable(3))
		s.reports(0, MessageIgnored)
		require.EqualValues(t, 2, s.Stats().Skipped)
		require.Nil(t, s.Object(3))
	},
	"C8": func(t *testing.T) {
		s := newStage(t, true)
		whole := appendObjectGenerate(nil, 1, 5, classNumber("Thing"), 2, slices.Concat(named[:8], unhex("0100"),
			appendField(nil, fieldNumber("Thing", "setHp"), []byte{7})))
		for n := range whole {
			s.comes(whole[:n])
			s.reports(1, MessageIgnored)
		}
		s.comes(appendObjectGenerate(nil, 1, 5, classNumber("Thing"), 2, slices.Concat(named[:8], unhex("0100 ffff 00"))))
		s.reports(1, MessageIgnored)
		s.called()
		require.Nil(t, s.Object(2))
	},
	"C9": func(t *testing.T) {
		s := newStage(t, true)
		s.comes(appendObjectGenerate(nil, 1, 5, classNumber("Thing"), 2, append(slices.Clone(named), 1, 2, 3)),
			append(from1(2, "Thing", "setHp", 7), 1, 2), append(remove(2), 1))
		s.reports(0, MessageIgnored)
		require.Contains(t, s.calls, "setHp 7")
		require.Nil(t, s.Object(2))
	},
	"C10": func(t *testing.T) {
		s := newStage(t, true)
		s.comes(appendObjectGenerate(nil, 1, 5, classNumber("Trap"), 2, unhex("02 0000")))
		s.called("seen 2")
		s.comes(appendObjectGenerate(nil, 1, 5, classNumber("Trap"), 3, unhex("01 02 0000"))) // Panda3D misreads it
		s.called("seen 2")
	},
	"C11": func(t *testing.T) {
		s := newStage(t, true)
		s.comesThing()
		s.comes(from1(2, "Thing", "say", "hi"), from1(2, "Thing", "setAB", 1.5, 2.5), from1(2, "Thing", "ask", 3),
			from1(2, "Thing", "answer", 4, "four"), from1(2, "Thing", "setPair", map[string]any{"a": 1, "b": "p"}),
			from1(2, "Thing", "shout", "no method"))
		s.called("say hi from 1", "setAB 1.5 2.5", "ask 3", "answer 4 four", "setPair 1 p")
		require.Zero(t, s.AvatarIDFromSender())
		s.comes(appendObjectGenerate(nil, 1, 5, classNumber("Data"), 3, unhex("0700 0000")), from1(3, "Data", "title", "king"))
		require.EqualValues(t, 7, s.Object(3).(*goData).Gold)
		require.Equal(t, "king", s.Object(3).(*goData).Title)
	},
	"C12": func(t *testing.T) {
		s := newStage(t, true)
		s.comesThing()
		raw := func(field uint16, args string) []byte { return appendObjectUpdateField(nil, 1, 2, field, unhex(args)) }
		s.comes(raw(60_000, ""), raw(fieldNumber("Thing", "say"), "0500 61"), raw(fieldNumber("Thing", "level"), "09"),
			raw(fieldNumber("Thing", "say"), "0100 ff"), from1(77, "Thing", "say", "nobody"))
		s.reports(4, MessageIgnored)
		require.EqualValues(t, 1, s.Stats().Skipped)
		s.called()
		s.comes(from1(2, "Thing", "say", "still here"))
		s.called("say still here from 1")
	},
	"C13": func(t *testing.T) {
		s := newStage(t, true)
		s.comesThing()
		s.comes(appendObjectGenerate(nil, 1, 5, classNumber("Thing"), 3, named))
		s.calls = nil
		s.comes(disable(), disable(99))
		s.called()
		s.reports(0, MessageIgnored)
		s.comes(append(disable(2, 3), 4, 0))
		s.called("disable", "setLocation 0 0", "delete", "disable", "setLocation 0 0", "delete")
		s.reports(1, MessageIgnored)
		s.reports(2, Deleted)
	},
	"C14": func(t *testing.T) {
		s := newStage(t, false)
		thing := s.create()
		s.comes(disable(thing.DoID()))
		s.called()
		s.reports(1, MessageIgnored)
		require.Same(t, thing, s.Object(firstID))
	},
	"C15": func(t *testing.T) {
		s := newStage(t, false)
		s.comesThing()
		s.comes(remove(2), remove(99))
		s.called("disable", "setLocation 0 0", "delete")
		thing := s.create()
		s.link.sent = nil
		require.NoError(t, s.SendDelete(thing))
		s.sends(remove(firstID))
		s.called()
		s.comes(remove(firstID))
		s.called("disable", "setLocation 0 0", "delete")
		require.Nil(t, thing.Repository())
		require.Contains(t, s.ids.freed, uint32(firstID))
	},
	"C16": func(t *testing.T) {
		s := newStage(t, false)
		s.comesThing()
		thing := s.create()
		require.NoError(t, thing.SendUpdate("setA", 2.5))
		s.link.sent = nil
		s.comes(request(5))
		s.sends(generate(5, classNumber("Thing"), firstID, "0600 6e6f6e616d65 0600"+
			"0300 0000"+"0500 00000000 05000000"+"2e00 64"+"3500 0000 0000"+"3600 1900"+"3700 0000"))
	},
	"C17": func(t *testing.T) {
		s := newStage(t, false)
		s.create()
		s.link.sent = nil
		s.comes(request(6))
		s.sends()
	},
	"C18": func(t *testing.T) {
		s := newStage(t, false)
		thing := &goThing{stage: s, hp: 9}
		require.NoError(t, s.CreateDistributedObject(thing, 5, "setA", "setHp"))
		s.called("generateInit", "generate 1000001", "setLocation 0 5", "announceGenerate")
		s.sends(generate(5, classNumber("Thing"), firstID, "0600 6e6f6e616d65 0200 3600 0000 2e00 09"))
		require.NoError(t, s.CreateDistributedObject(&goData{Gold: 5}, 5))
		s.sends(generate(5, classNumber("Data"), firstID+1, "0500 0000"))
		require.Error(t, s.CreateDistributedObject(thing, 5), "it is there already")
	},
	"C19": func(t *testing.T) {
		s := newStage(t, false)
		thing := s.create()
		s.link.sent = nil
		require.NoError(t, thing.SendUpdate("say", "hi"))
		s.sends(say(firstID, "hi"))
		require.Error(t, thing.SendUpdate("level", 9))
		require.Error(t, thing.SendUpdate("say", 1, 2))
		require.Error(t, thing.SendUpdate("say", "\xff"))
		require.ErrorIs(t, thing.SendUpdate("nothing"), ErrUnknownField)
		s.sends()
	},
	"C20": func(t *testing.T) {
		s := newStage(t, false)
		thing := s.create()
		s.link.sent = nil
		require.NoError(t, thing.SendUpdateTo(77, "answer", 1, "x"))
		s.sends(target(77, firstID, "Thing", "answer", 1, "x"))
	},
	"C21": func(t *testing.T) {
		s := newStage(t, true)
		require.NoError(t, s.SetInterestZones(1, 2, 2, 7))
		require.NoError(t, s.SetInterestZones())
		s.sends(interest(1, 2, 7), unhex("3123"))
	},
	"C22": func(t *testing.T) {
		s := newStage(t, false)
		thing := s.create()
		s.link.sent = nil
		require.NoError(t, s.SetObjectZone(thing, 6))
		s.called("setLocation 0 6")
		require.EqualValues(t, 6, thing.Zone())
		require.Equal(t, setZone(firstID, 6), s.link.sent[0])
		m, err := decodeClientMessage(s.link.sent[1])
		require.NoError(t, err)
		require.Equal(t, clientObjectGenerate, m.kind)
		require.EqualValues(t, 6, m.zone)
		require.Contains(t, string(m.rest), string(appendField(nil, 5, packed("Thing", "setLocation", 0, 6))))
	},
	"C23": testTimeManager,
	"C25": func(t *testing.T) {
		s := newStage(t, true)
		s.comes(unhex("ffff"), nil, unhex("2c"), unhex("3323 01000000"), unhex("7800 01000000 0100"))
		s.reports(5, MessageIgnored)
		require.False(t, s.link.shut)
	},
})

func testTimeManager(t *testing.T) {
	s := newStage(t, false)
	asks := func(context uint8) []byte { return set(2, "TimeManager", "requestServerTime", context) }
	s.comes(appendObjectGenerate(nil, 1, 1, classNumber("TimeManager"), 2, unhex("0000")))
	s.sends(asks(0))
	m := s.Object(2).(*TimeManager)
	s.now = s.now.Add(3 * time.Second)
	s.comes(from1(2, "TimeManager", "serverTime", 1, 10_000)) // another context
	require.False(t, m.Synchronized())
	s.sends()
	s.comes(from1(2, "TimeManager", "serverTime", 0, 10_000)) // took 3 s: uncertain by 1.5
	require.False(t, m.Synchronized())
	s.sends(asks(0))
	s.now = s.now.Add(200 * time.Millisecond)
	s.comes(from1(2, "TimeManager", "serverTime", 0, 10_160))
	require.True(t, m.Synchronized())
	network, uncertainty := m.NetworkTime(s.now)
	require.InDelta(t, 101.7, network.Seconds(), 0.001)
	require.InDelta(t, 0.1, uncertainty.Seconds(), 0.001)
	require.Equal(t, s.now, m.LocalTime(network))
	require.ErrorIs(t, m.Synchronize(), ErrTooSoon)
	s.now = s.now.Add(11 * time.Second)
	require.NoError(t, m.Synchronize())
	s.sends(asks(1))
	for i := range timeManagerMaxAttempts { // slow answers that agree in nothing are taken in the end
		s.now = s.now.Add(4 * time.Second)
		s.comes(from1(2, "TimeManager", "serverTime", 1, i*100_000))
	}
	require.Len(t, s.link.sent, timeManagerMaxAttempts-1)
	s.link.sent = nil
	s.now = s.now.Add(timeManagerFrequency)
	m.Poll()
	s.sends(asks(2))
	s.comes(disable(2))
	require.ErrorIs(t, m.Synchronize(), ErrNoObject)
}
