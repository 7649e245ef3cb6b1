package distributed

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/require"
)

var errNo = errors.New("no")

// eventKinds collects the kinds of events from now on, over several frames.
func (s *scene) untilEvent(kind EventKind) (found Event) {
	s.t.Helper()
	s.until(kind.String(), func() bool {
		for e := range s.server.Events() {
			if e.Kind == kind {
				found = e
			}
		}
		return found.Client != nil
	})
	return found
}

func TestServerConfigErrors(t *testing.T) {
	for field, config := range map[string]*ServerConfig{
		"MaxClients": {MaxClients: -1}, "MaxObjectsPerClient": {MaxObjectsPerClient: -1},
		"MaxZonesPerClient": {MaxZonesPerClient: -1}, "MaxWaitingBytes": {MaxWaitingBytes: -1}, "MaxOpenedPerSecond": {MaxOpenedPerSecond: -1},
		"JoinTimeout": {JoinTimeout: -1}, "IDRange": {IDRange: 1},
	} {
		_, err := NewServerRepository(config, testFile)
		var configError *queuednet.ConfigError
		require.ErrorAs(t, err, &configError)
		require.Equal(t, field, configError.Field)
	}
	_, err := NewServerRepository(nil, nil)
	require.Error(t, err)
}

// A client that waits gets no range, what it says is held, and counts once accepted.
func TestJoinsHold(t *testing.T) {
	t.Parallel()
	s := newScene(t, &ServerConfig{HoldJoins: true})
	p := s.dial()
	p.post([]byte("hello"), interest(5))
	var waiting *Client
	s.until("waiting, with what it said", func() bool {
		for c := range s.server.Joins() {
			waiting = c
		}
		return waiting != nil && len(waiting.Held()) == 2
	})
	require.Equal(t, []byte("hello"), waiting.Held()[0])
	require.Zero(t, waiting.DoIDBase())
	require.Equal(t, p.LocalAddr().String(), waiting.Address().String())
	require.Zero(t, s.server.Stats().Clients)
	waiting.Accept()
	p.join()
	p.settle()
	require.Equal(t, []uint32{5}, p.client.Zones())
	s.dropped(map[DropReason]uint64{DropUnknownType: 1}) // the hello is the program's own
	require.Empty(t, slices.Collect(s.server.Joins()))
}

func TestJoinsRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config *ServerConfig
		act    func(s *scene, p *peer)
		want   error
	}{
		"by the program": {&ServerConfig{HoldJoins: true}, func(s *scene, p *peer) {
			s.until("waiting", func() bool {
				for c := range s.server.Joins() {
					c.Disconnect(errNo)
					return true
				}
				return false
			})
		}, errNo},
		"too late": {&ServerConfig{HoldJoins: true, JoinTimeout: 1}, nil, ErrJoinTimeout},
		"says too much": {&ServerConfig{HoldJoins: true, MaxWaitingBytes: 100}, func(s *scene, p *peer) {
			p.post(make([]byte, 60), make([]byte, 60))
		}, ErrTooMuchHeld},
		"too many": {&ServerConfig{MaxClients: 1}, func(s *scene, p *peer) { s.dial() }, ErrTooManyClients},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, test.config)
			p := s.dial()
			if test.act != nil {
				test.act(s, p)
			}
			require.ErrorIs(t, s.untilEvent(ClientRefused).Err, test.want)
			require.EqualValues(t, 1, s.server.Stats().Refused)
		})
	}
}

// A client that goes while it waits is forgotten.
func TestJoinsGone(t *testing.T) {
	t.Parallel()
	s := newScene(t, &ServerConfig{HoldJoins: true})
	p := s.dial()
	s.until("waiting", func() bool { return len(s.server.joins) == 1 })
	p.Close()
	s.untilEvent(ClientRefused)
	s.until("forgotten", func() bool { return len(s.server.joins) == 0 && len(s.server.byConn) == 0 })
}

func TestAllow(t *testing.T) {
	t.Parallel()
	var asked []any
	s := newScene(t, &ServerConfig{
		AllowGenerate: func(c *Client, g Generate) error {
			asked = append(asked, g.New)
			if g.Zone == 9 {
				return errNo
			}
			return nil
		},
		AllowMove: func(c *Client, doID, zone uint32) error {
			asked = append(asked, zone)
			if zone == 9 {
				return errNo
			}
			return nil
		},
		AllowUpdate: func(c *Client, u FieldUpdate) error {
			args, _, _ := u.Field.Unpack(u.Args)
			asked = append(asked, u.Field.Name(), args[0], u.Target)
			if args[0] == "bad" {
				return errNo
			}
			return nil
		},
	})
	a, b := s.connect(), s.watch(5, 9)
	a.send(thing(9, a.base), thing(5, a.base), thing(5, a.base), setZone(a.base, 9), say(a.base, "bad"), say(a.base, "good"),
		target(b.base, a.base, "Thing", "say", "bad"))
	b.gets(thingFor(a, 5), thingFor(a, 5), sayFrom(a, "good"))
	require.Equal(t, []any{true, true, false, uint32(9), "say", "bad", uint32(0), "say", "good", uint32(0), "say", "bad", b.base}, asked)
	s.dropped(map[DropReason]uint64{DropNotAllowed: 4})
}

func TestLimits(t *testing.T) {
	t.Parallel()
	s := newScene(t, &ServerConfig{MaxObjectsPerClient: 2})
	a := s.connect()
	a.send(thing(5, a.base), thing(5, a.base+1), thing(5, a.base+2), thing(5, a.base))
	require.Equal(t, []uint32{a.base, a.base + 1}, a.client.Objects())
	s.dropped(map[DropReason]uint64{DropLimit: 1})
}

// A client that opens zones too fast has to wait with its interest, and cannot do it by
// moving objects either.
func TestOpenedPerSecond(t *testing.T) {
	config := (&ServerConfig{MaxOpenedPerSecond: 10}).withDefaults()
	s := newState(&config, testFile, discard{}, 65535)
	s.now = time.Unix(1_000_000, 0)
	owner, c := &Client{}, &Client{}
	s.join(owner)
	s.join(c)
	for i := range uint32(50) {
		s.handle(owner, thing(5, owner.base+i))
	}
	change := func(zones ...uint32) {
		s.handle(c, interest(zones...))
		s.endFrame()
	}
	change(5)
	change()
	change(5, 6) // 51 and 52 of 100
	require.Equal(t, []uint32{5, 6}, c.Zones())
	change()
	change(5)
	change(7)
	require.Equal(t, []uint32{5, 6}, c.Zones(), "it has used up all")
	s.handle(c, thing(8, c.base))
	s.handle(c, thing(5, c.base))
	s.handle(c, setZone(c.base, 8))
	require.Equal(t, []uint32{c.base}, c.Objects())
	require.EqualValues(t, 2, s.stats.Dropped[DropLimit])
	s.now = s.now.Add(time.Second)
	s.endFrame()
	require.Equal(t, []uint32{5, 7}, c.Zones(), "the last one counts")
	require.Empty(t, s.changed)
}

func TestEvents(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	p := s.dial()
	require.Equal(t, ClientJoined, s.untilEvent(ClientJoined).Kind)
	p.join()
	frameEvents := func(payload []byte) []Event {
		p.send(payload)
		return slices.Collect(s.server.Events())
	}
	class := testFile.Class("Thing")
	require.Equal(t, []Event{{Kind: ObjectGenerated, Client: p.client, DoID: p.base, Class: class, Zone: 5}}, frameEvents(thing(5, p.base)))
	require.Equal(t, []Event{{Kind: ObjectMoved, Client: p.client, DoID: p.base, Class: class, Zone: 6, OldZone: 5}}, frameEvents(setZone(p.base, 6)))
	info, ok := s.server.Object(p.base)
	require.True(t, ok)
	require.Equal(t, ObjectInfo{DoID: p.base, Class: class, Zone: 6, Owner: p.client}, info)
	require.Equal(t, []ObjectInfo{info}, slices.Collect(s.server.Objects()))
	require.Equal(t, []Event{{Kind: ObjectDeleted, Client: p.client, DoID: p.base, Class: class, Zone: 6}}, frameEvents(remove(p.base)))
	dropped := frameEvents(remove(p.base))
	require.Len(t, dropped, 1)
	require.Equal(t, MessageDropped, dropped[0].Kind)
	require.Equal(t, DropUnknownObject, dropped[0].Reason)
	p.client.Disconnect(errNo)
	p.received()
	require.ErrorIs(t, s.untilEvent(ClientLeft).Err, errNo)
	require.Empty(t, p.requireEnd())
	require.Zero(t, s.server.Stats().Zones)
	require.Empty(t, s.server.byConn)
}

// With CacheFields the server itself answers who opens a zone, with what is newest.
func TestCacheFields(t *testing.T) {
	t.Parallel()
	s := newScene(t, &ServerConfig{CacheFields: true})
	a := s.connect()
	a.send(thing(5, a.base),
		set(a.base, "Thing", "setName", "new"), set(a.base, "Thing", "setAB", 1.5, 2.5),
		set(a.base, "Thing", "setHp", 7), set(a.base, "Thing", "setHp", 8), say(a.base, "forgotten"))
	// What follows the arguments is passed on and not kept, and what is for the owner alone
	// does not count for others.
	a.send(append(set(a.base, "Thing", "setHp", 8), 0xff, 0xff))
	a.send(generate(5, classNumber("Keys"), a.base+1, "07 0000"))
	s.connect().send(set(a.base+1, "Keys", "asked", 66))
	a.gets(setFrom(s.peers[len(s.peers)-1], a.base+1, "Keys", "asked", 66))
	b := s.watch(5)
	a.gets()
	fields := slices.Concat(packed("Thing", "setName", "new"), unhex("0300"),
		appendField(nil, fieldNumber("Thing", "setHp"), packed("Thing", "setHp", 8)),
		appendField(nil, fieldNumber("Thing", "setA"), packed("Thing", "setA", 1.5)),
		appendField(nil, fieldNumber("Thing", "setB"), packed("Thing", "setB", 2.5)))
	require.ElementsMatch(t, hexes([][]byte{
		appendObjectGenerate(nil, a.base, 5, classNumber("Thing"), a.base, fields),
		appendObjectGenerate(nil, a.base, 5, classNumber("Keys"), a.base+1, unhex("07 0000")),
	}), b.received())
}

// A generate that answers a newcomer goes to the newcomer, one that does not goes to
// all, and several newcomers of one frame are one request.
func TestGenerateGoesToWhoAsked(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	owner, old := s.connect(), s.watch(5)
	owner.send(thing(5, owner.base))
	old.received()
	first, second := s.connect(), s.connect()
	first.send(interest(5))
	second.send(interest(5))
	owner.gets(request(5))
	owner.send(thing(5, owner.base))
	first.gets(thingFor(owner, 5))
	second.gets(thingFor(owner, 5))
	old.gets()
	owner.send(thing(5, owner.base)) // nobody has asked: it has something to say
	for _, p := range []*peer{old, first, second} {
		p.gets(thingFor(owner, 5))
	}
	// Who asked and has left the zone is not answered, nor waited for.
	first.send(interest(), interest(5), interest())
	owner.gets()
	first.gets(disable(owner.base))
	first.send(interest(5))
	first.send(interest())
	owner.gets(request(5))
	owner.send(thing(5, owner.base))
	old.gets(thingFor(owner, 5))
	first.gets(disable(owner.base))
	require.Empty(t, first.client.waiting)
}

// An asked is an owner with an object that watchers ask for.
type asked struct {
	*state
	owner, watcher *Client
}

func newAsked() asked {
	config := (*ServerConfig)(nil).withDefaults()
	s := newState(&config, testFile, discard{}, 65535)
	s.now = time.Unix(1_000_000, 0)
	owner, watcher := &Client{}, &Client{}
	s.join(owner)
	s.join(watcher)
	s.handle(owner, thing(5, owner.base))
	return asked{s, owner, watcher}
}

// ask lets the watcher leave and come again, so that the owner is asked.
func (s asked) ask() {
	s.handle(s.watcher, interest())
	s.endFrame()
	s.handle(s.watcher, interest(5))
	s.endFrame()
}

// A client of Panda3D that has deleted an object answers a request that crossed the delete
// with a generate of it. That does not make the object anew.
func TestAnswerAfterDelete(t *testing.T) {
	s := newAsked()
	owner := s.owner
	s.ask() // the owner is asked twice, also if the watcher has gone then,
	s.ask()
	s.handle(s.watcher, interest())
	s.endFrame()
	s.handle(owner, remove(owner.base))
	s.handle(owner, thing(5, owner.base)) // and has answered after its delete
	s.handle(owner, thing(5, owner.base))
	s.requireConsistent(t)
	require.Empty(t, s.objects)
	require.EqualValues(t, 2, s.stats.Dropped[DropDeleted])
	s.handle(owner, thing(5, owner.base))
	require.Len(t, s.objects, 1, "the id is used again")
}

func TestDeleteAfterTheAnswer(t *testing.T) {
	s := newAsked()
	owner := s.owner
	s.ask() // one that was answered before, and one that was moved away unasked
	s.handle(owner, thing(5, owner.base))
	s.handle(owner, remove(owner.base))
	s.handle(owner, thing(5, owner.base))
	s.ask()
	s.handle(owner, setZone(owner.base, 6))
	s.handle(owner, remove(owner.base))
	s.handle(owner, thing(5, owner.base))
	require.Len(t, s.objects, 1)
	require.Zero(t, s.stats.Dropped[DropDeleted])
}

func TestAnswerAfterAnotherDelete(t *testing.T) {
	s := newAsked()
	owner := s.owner
	s.ask() // one that is made, and deleted, before the owner sees the request for others
	s.handle(owner, thing(5, owner.base+2))
	s.handle(owner, remove(owner.base+2))
	s.handle(owner, thing(5, owner.base)) // the answer
	s.handle(owner, thing(5, owner.base+2))
	require.Equal(t, []uint32{owner.base}, owner.Objects())
	require.EqualValues(t, 1, s.stats.Dropped[DropDeleted])
	s.handle(owner, thing(5, owner.base+3)) // and one that is made after the answer
	s.handle(owner, remove(owner.base+3))
	s.handle(owner, thing(5, owner.base+3))
	require.Len(t, owner.Objects(), 2)
	s.handle(owner, remove(owner.base+3))
}

func TestNoAnswerAfterDelete(t *testing.T) {
	s := newAsked()
	owner := s.owner
	s.ask() // one that is never answered
	s.handle(owner, remove(owner.base))
	s.now = s.now.Add(answerTime + 1)
	s.handle(owner, thing(5, owner.base+1))
	s.ask()
	s.handle(owner, remove(owner.base+1))
	require.Equal(t, []uint32{owner.base + 1}, owner.answering, "what is too old is forgotten")
	require.Len(t, owner.answers, 1)
	s.handle(owner, thing(5, owner.base))
	require.Equal(t, []uint32{owner.base}, owner.Objects())
}

func TestLogger(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	s := newScene(t, &ServerConfig{Logger: slog.New(slog.NewTextHandler(&text, nil))})
	p := s.connect()
	p.send(say(7, "x"), say(8, "x"))
	require.Contains(t, text.String(), `msg="message dropped" client=1`)
	require.Contains(t, text.String(), `reason="unknown object" detail="there is no object 7" more=0`)
	require.NotContains(t, text.String(), "object 8", "one line a second")
}

func (discard) send([]byte, *Client)                    {}
func (discard) sendZone([]byte, []*membership, *Client) {}
