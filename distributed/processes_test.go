package distributed

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Who asks gets the answer and nobody else, in whatever process; and what is told of a move,
// of the end of a client and of closed zones is what one process tells.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	s := newScenes(t, nil, 2)
	a := s.connect()
	old := s.watch(5)
	s.connect()
	new := s.connect() // in the same process as old
	a.send(thing(5, a.base), say(a.base, "hi"))
	old.gets(thingFor(a, 5), sayFrom(a, "hi"))
	new.send(interest(5, 6))
	a.gets(request(5))
	a.send(thing(5, a.base))
	new.gets(thingFor(a, 5))
	old.gets()
	a.send(thing(5, a.base)) // nobody has asked
	old.gets(thingFor(a, 5))
	new.gets(thingFor(a, 5))
	a.send(setZone(a.base, 6), thing(6, a.base))
	old.gets(disable(a.base))
	new.gets(thingFor(a, 6))
	require.Equal(t, 1, s.servers[1].Stats().ForeignObjects)
	new.send(interest(5))
	new.gets(disable(a.base))
	require.Zero(t, s.servers[1].Stats().ForeignObjects)
	new.send(interest(6))
	a.gets(request(6))
	a.send(thing(6, a.base))
	a.Close()
	s.until("gone", func() bool { return a.client.Err() != nil })
	s.settle()
	new.gets(thingFor(a, 6), remove(a.base))
	old.gets()
}

// The program is asked about what clients of other processes send, in the owner's process.
func TestProcessesAllow(t *testing.T) {
	t.Parallel()
	var asked []uint32
	s := newScenes(t, &ServerConfig{AllowUpdate: func(c *Client, u FieldUpdate) error {
		c.Disconnect(errNo) // has no effect
		asked = append(asked, c.DoIDBase(), u.Owner.DoIDBase(), u.DoID, u.Zone)
		require.Zero(t, c.Address())
		require.Nil(t, c.Connection())
		require.Empty(t, c.Objects())
		return errNo
	}}, 2)
	a, b := s.connect(), s.connect()
	a.send(thing(5, a.base))
	b.send(set(a.base, "Thing", "ask", 7))
	a.gets()
	require.Equal(t, []uint32{b.base, a.base, a.base, 5}, asked)
	dropped := Event{}
	b.post(set(a.base, "Thing", "ask", 7))
	s.until("dropped", func() bool {
		for e := range s.servers[0].Events() {
			dropped = e
		}
		return dropped.Kind == MessageDropped
	})
	require.Equal(t, DropNotAllowed, dropped.Reason)
	require.Equal(t, b.base, dropped.Client.DoIDBase())
	require.NoError(t, b.client.Err())
}

// The objects of a process that has gone are deleted, and come back with it.
func TestProcessLeft(t *testing.T) {
	t.Parallel()
	s := newScenes(t, nil, 3)
	a, b, c := s.connect(), s.watch(5), s.watch(6)
	a.send(thing(5, a.base+1), thing(5, a.base))
	b.received()
	s.servers[1].ProcessLeft(0)
	b.gets(remove(a.base), remove(a.base+1))
	a.send(say(a.base, "not heard"), thing(5, a.base+2))
	b.send(set(a.base, "Thing", "ask", 7))
	c.send(interest(5)) // who has not missed it sees it
	a.gets(request(5))
	a.send(thing(5, a.base), thing(5, a.base+1), thing(5, a.base+2))
	c.gets(thingFor(a, 5), thingFrom(a, 5, a.base+1), thingFrom(a, 5, a.base+2))
	b.gets()
	s.dropped(map[DropReason]uint64{DropUnknownObject: 1})
	s.servers[1].ProcessJoined(0)
	s.settle()
	a.gets(request(5))
	a.send(thing(5, a.base), thing(5, a.base+1), thing(5, a.base+2))
	b.gets(thingFor(a, 5), thingFrom(a, 5, a.base+1), thingFrom(a, 5, a.base+2))
	c.gets()
}

// What was lost is asked for: objects that have come, gone and moved, and new values.
func TestProcessGap(t *testing.T) {
	t.Parallel()
	s := newScenes(t, nil, 2)
	a, b := s.connect(), s.watch(5, 6)
	a.send(thing(5, a.base), thing(5, a.base+1), thing(5, a.base+2))
	b.received()
	lost := 0
	s.fabric.lose = func(uint16, uint16, parcel) bool { lost++; return lost <= 5 }
	a.send(remove(a.base), setZone(a.base+1, 6), thing(6, a.base+1), say(a.base+2, "lost"), thing(5, a.base+3))
	a.gets(remove(a.base), request(5), request(6))
	require.Greater(t, lost, 5)
	b.gets(thingFrom(a, 5, a.base+3), disable(a.base, a.base+1))
	a.send(thing(6, a.base+1), thing(5, a.base+2), thing(5, a.base+3))
	b.gets(thingFrom(a, 6, a.base+1), thingFrom(a, 5, a.base+2), thingFrom(a, 5, a.base+3))
	require.Equal(t, 3, s.servers[1].Stats().ForeignObjects)
}

// A process that was asked what is in a zone, and has not answered, is asked again.
func TestProcessResyncAgain(t *testing.T) {
	t.Parallel()
	s := newScenes(t, nil, 2)
	a, b := s.connect(), s.watch(5)
	a.send(thing(5, a.base))
	b.received()
	lost := 0
	s.fabric.lose = func(_, _ uint16, p parcel) bool {
		if p.direct {
			lost++
		}
		return lost == 1
	}
	s.servers[1].DeliverGap(0, 5)
	s.until("asked again", func() bool { return len(s.servers[1].state.resyncs) == 0 })
	require.Equal(t, 2, lost)
	a.gets(request(5))
}

// What could not be published is asked for when it can be again; what could not be sent is dropped.
func TestProcessUnsent(t *testing.T) {
	t.Parallel()
	s := newScenes(t, nil, 2)
	a, b := s.connect(), s.watch(5)
	a.send(thing(5, a.base))
	b.received()
	s.fabric.links[0].full, s.fabric.links[1].full = errNo, errNo
	a.send(remove(a.base), thing(5, a.base+1))
	a.send(target(b.base, a.base+1, "Thing", "say", "x"))
	b.send(set(a.base+1, "Thing", "ask", 7))
	s.dropped(map[DropReason]uint64{DropUnsent: 2})
	b.gets()
	a.received()
	s.fabric.links[0].full, s.fabric.links[1].full = nil, nil
	s.until("resync", func() bool {
		return len(s.servers[1].state.foreign) == 1 && s.servers[1].state.foreign[a.base+1] != nil
	})
	a.gets(request(5))
	a.send(thing(5, a.base+1))
	b.gets(disable(a.base), thingFrom(a, 5, a.base+1))
	require.Positive(t, s.servers[0].Stats().Unsent)
}

// A process with other DC files is not heard.
func TestProcessOtherWorld(t *testing.T) {
	t.Parallel()
	s := newScenes(t, nil, 2)
	a, b := s.connect(), s.connect()
	s.settle()
	s.servers[1].state.world++
	a.send(thing(5, a.base))
	b.send(interest(5))
	a.gets()
	require.Len(t, s.fabric.links[1].errs, 1)
	require.ErrorIs(t, s.fabric.links[1].errs[0], ErrOtherWorld)
	s.fabric.links[1].errs = nil
}

// A process speaks for its own objects and clients only, and its clients' messages are checked.
func TestProcessSpeaksForItself(t *testing.T) {
	t.Parallel()
	s := newScenes(t, nil, 3)
	a, b, c := s.connect(), s.connect(), s.watch(5)
	a.send(thing(5, a.base))
	c.received()
	server := s.servers[2]
	for name, m := range map[string]processMessage{
		"update":           {kind: zoneUpdate, zone: 5, version: 9, payload: sayFrom(a, "x")},
		"generate":         {kind: zoneGenerate, zone: 5, version: 9, payload: thingFor(a, 5)},
		"move":             {kind: zoneMove, zone: 5, version: 9, doID: a.base, to: 6},
		"delete":           {kind: zoneDelete, zone: 5, version: 9, payload: remove(a.base)},
		"list":             {kind: zoneList, zone: 5, version: 9, total: 1, entries: appendEntry(nil, a.base, 9)},
		"client":           {kind: forwardClient, client: a.base, payload: say(c.base, "x")},
		"target":           {kind: forwardTarget, client: c.base, payload: sayFrom(a, "x")},
		"bad fields":       {kind: zoneUpdate, zone: 5, version: 9, payload: setFrom(b, b.base, "Thing", "say", "x")[:12]},
		"bad generate":     {kind: zoneGenerate, zone: 5, version: 9, payload: thingFor(b, 5)[:18]},
		"unknown class":    {kind: zoneGenerate, zone: 5, version: 9, payload: appendObjectGenerate(nil, b.base, 5, 999, b.base, nil)},
		"unknown field":    {kind: forwardTarget, client: c.base, payload: appendObjectUpdateField(nil, b.base, b.base, 60_000, nil)},
		"another message":  {kind: zoneUpdate, zone: 5, version: 9, payload: remove(b.base)},
		"not of an object": {kind: forwardClient, client: b.base, payload: thing(5, b.base)},
		"cut":              {kind: forwardClient, client: b.base, payload: say(c.base, "x")[:3]},
	} {
		require.Error(t, server.Deliver(1, m.appendTo(nil)), name)
	}
	require.Error(t, server.Deliver(1, nil))
	require.Error(t, server.Deliver(1, []byte{77}))
	require.Error(t, server.Deliver(1, []byte{byte(zoneUpdate), 1}))
	c.gets()
}

// nobody are Processes without others.
type nobody struct{ *oneProcess }

func (nobody) Publish(uint32, []byte) error { return nil }

// An update is published and delivered without an allocation.
func TestProcessUpdateAllocatesNothing(t *testing.T) {
	fabric := newFabric(1_000_000, 2)
	here, there := (&ServerConfig{Processes: nobody{fabric.ids}}).withDefaults(), (&ServerConfig{Processes: fabric.links[1]}).withDefaults()
	one, two := newState(&here, testFile, discard{}, 65535), newState(&there, testFile, discard{}, 65535)
	one.now, two.now = time.Unix(1_000_000, 0), time.Unix(1_000_000, 0)
	owner, watcher := &Client{}, &Client{}
	require.True(t, one.join(owner))
	fabric.owner[owner.base] = 0
	require.True(t, two.join(watcher))
	two.handle(watcher, interest(5))
	two.endFrame()
	one.handle(owner, thing(5, owner.base))
	require.NoError(t, two.deliver(0, one.envelope))
	update := set(owner.base, "Thing", "setAB", 1.5, 2.5)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		one.handle(owner, update)
		if two.deliver(0, one.envelope) != nil {
			t.Fatal("not understood")
		}
	}))
	require.Len(t, two.foreign, 1)
	require.EqualValues(t, 101+1, two.stats.Sent-1)
}
