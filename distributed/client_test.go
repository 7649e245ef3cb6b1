package distributed

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A fakeLink is a server that a test plays.
type fakeLink struct {
	sent  [][]byte
	queue [][]byte
	err   error
	shut  bool
}

func (l *fakeLink) send(payload []byte) error {
	l.sent = append(l.sent, bytes.Clone(payload))
	return nil
}

func (l *fakeLink) received() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(l.queue) > 0 {
			payload := l.queue[0]
			l.queue = l.queue[1:]
			if !yield(payload) {
				return
			}
		}
	}
}

func (l *fakeLink) ended() error { return l.err }

func (l *fakeLink) close() { l.shut = true }

// goThing is a Go Thing that records what is called on it.
type goThing struct {
	DistributedObject
	stage *stage
	hp    uint8
	fail  error
}

func (g *goThing) log(format string, args ...any) {
	g.stage.calls = append(g.stage.calls, fmt.Sprintf(format, args...))
}

func (g *goThing) GenerateInit()                   { g.log("generateInit") }
func (g *goThing) Generate()                       { g.log("generate %d", g.DoID()) }
func (g *goThing) AnnounceGenerate()               { g.log("announceGenerate") }
func (g *goThing) Disable()                        { g.log("disable") }
func (g *goThing) Delete()                         { g.log("delete") }
func (g *goThing) SetLocation(parent, zone uint32) { g.log("setLocation %d %d", parent, zone) }
func (g *goThing) SetName(name string)             { g.log("setName %s", name) }
func (g *goThing) GetName() string                 { return "noname" }
func (g *goThing) SetHp(hp uint8)                  { g.log("setHp %d", hp); g.hp = hp }
func (g *goThing) GetHp() uint8                    { return g.hp }
func (g *goThing) Say(text string) {
	g.log("say %s from %d", text, g.Repository().AvatarIDFromSender())
}
func (g *goThing) Ask(what int) { g.log("ask %d", what) }
func (g *goThing) Answer(what uint16, text string) error {
	g.log("answer %d %s", what, text)
	return g.fail
}
func (g *goThing) SetAB(a, b float64) { g.log("setAB %v %v", a, b) }
func (g *goThing) SetPair(p struct {
	A uint16
	B string
}) {
	g.log("setPair %d %s", p.A, p.B)
}

// goData has data fields.
type goData struct {
	DistributedObject
	Gold  uint16
	Title string
}

// goTrap has a required field that is not broadcast.
type goTrap struct {
	DistributedObject
	stage *stage
}

func (g *goTrap) SetSecret(n uint8) { g.stage.calls = append(g.stage.calls, fmt.Sprint("secret ", n)) }
func (g *goTrap) SetSeen(n uint8)   { g.stage.calls = append(g.stage.calls, fmt.Sprint("seen ", n)) }

// A stage is a client repository whose server the test plays.
type stage struct {
	*ClientRepository
	t     *testing.T
	link  *fakeLink
	calls []string
	now   time.Time
}

// newStage has a range of ids, 1000001 on, unless it is bare.
func newStage(t *testing.T, bare bool) *stage {
	s := &stage{t: t, link: &fakeLink{}, now: time.Unix(1_000_000, 0)}
	r, err := NewClientRepository(&ClientConfig{Now: func() time.Time { return s.now }}, testFile)
	require.NoError(t, err)
	s.ClientRepository = r
	require.NoError(t, r.Register("Thing", func() Object { return &goThing{stage: s} }))
	require.NoError(t, r.Register("Data", func() Object { return &goData{} }))
	require.NoError(t, r.Register("Trap", func() Object { return &goTrap{stage: s} }))
	require.NoError(t, r.Register("TimeManager", NewTimeManager))
	r.link = s.link
	if !bare {
		s.comes(appendSetDoIDRange(nil, 1_000_001, 1_000_000))
	}
	return s
}

// comes is a frame in which the server's payloads arrive.
func (s *stage) comes(payloads ...[]byte) {
	s.link.queue = append(s.link.queue, payloads...)
	s.Update()
}

// sends requires what has been sent, and called requires what has been called, since
// the last time.
func (s *stage) sends(payloads ...[]byte) {
	s.t.Helper()
	require.Equal(s.t, hexes(payloads), hexes(s.link.sent))
	s.link.sent = nil
}

func (s *stage) called(calls ...string) {
	s.t.Helper()
	require.Equal(s.t, calls, slices.Clone(s.calls))
	s.calls = nil
}

// reports requires how many events of a kind the last frame had.
func (s *stage) reports(n int, kind ClientEventKind) {
	s.t.Helper()
	count := 0
	for e := range s.Events() {
		if e.Kind == kind {
			count++
		}
	}
	require.Equal(s.t, n, count, "%v", slices.Collect(s.Events()))
}

// comesThing makes the Thing 2 of client 1 appear in zone 5.
func (s *stage) comesThing() *goThing {
	s.comes(appendObjectGenerate(nil, 1, 5, classNumber("Thing"), 2, named))
	s.calls = nil
	return s.Object(2).(*goThing)
}

func from1(doID uint32, class, field string, args ...any) []byte {
	return appendObjectUpdateField(nil, 1, doID, fieldNumber(class, field), packed(class, field, args...))
}

func TestDoIDs(t *testing.T) {
	ids := newDoIDs(10, 3, true)
	for _, want := range []uint32{10, 11} {
		id, ok := ids.allocate()
		require.True(t, ok)
		require.Equal(t, want, id)
	}
	_, ok := ids.allocate()
	require.False(t, ok, "the last one is spared")
	ids.free(12)
	_, ok = ids.allocate()
	require.False(t, ok, "one that is not in use cannot be freed")
}

type badThing struct{ DistributedObject }

func (b *badThing) SetName(n int)            {}
func (b *badThing) SetHp(a, b2 uint8)        {}
func (b *badThing) Say(text string) int      { return 0 }
func (b *badThing) GetA() (float64, float64) { return 0, 0 }

func TestRegisterErrors(t *testing.T) {
	s := newStage(t, true)
	require.ErrorIs(t, s.Register("Nothing", func() Object { return &badThing{} }), ErrUnknownClass)
	require.ErrorIs(t, s.Register("Pair", func() Object { return &badThing{} }), ErrUnknownClass)
	err := s.Register("Thing", func() Object { return &badThing{} })
	for _, name := range []string{"SetName", "SetHp", "Say", "GetA"} {
		require.ErrorContains(t, err, name)
	}
}

// The calls that need a connection, or an object of one's own, fail without.
func TestClientErrors(t *testing.T) {
	s := newStage(t, true)
	thing := &goThing{stage: s}
	require.ErrorIs(t, s.CreateDistributedObject(thing, 5), ErrNoIDs)
	require.ErrorIs(t, s.CreateDistributedObject(&badThing{}, 5), ErrUnknownClass)
	require.ErrorIs(t, s.CreateDistributedObject(thing, 5, "nothing"), ErrUnknownField)
	require.ErrorIs(t, thing.SendUpdate("say", "x"), ErrNoObject)
	require.ErrorIs(t, s.SendDelete(thing), ErrNoObject)
	other := s.comesThing()
	require.ErrorIs(t, s.SendDelete(other), ErrNotLocal)
	require.ErrorIs(t, s.SetObjectZone(other, 6), ErrNotLocal)
	require.ErrorIs(t, s.ConnectLocal(nil), ErrConnected)
	s.ClientRepository.link = nil
	require.ErrorIs(t, s.SetInterestZones(1), ErrNotConnected)
	require.ErrorIs(t, s.CreateDistributedObject(thing, 5), ErrNotConnected)
	require.Error(t, s.Register("Thing", func() Object { return nil }))
}

// An object that is being deleted is not sent again, nor moved, nor deleted twice.
func TestDeleting(t *testing.T) {
	s := newStage(t, false)
	thing := s.create()
	require.NoError(t, s.SendDelete(thing))
	s.link.sent = nil
	s.comes(request(5))
	require.ErrorIs(t, s.SendDelete(thing), ErrNoObject)
	require.ErrorIs(t, s.SetObjectZone(thing, 6), ErrNoObject)
	s.sends()
	s.comes(remove(firstID))
	require.NoError(t, s.CreateDistributedObject(thing, 5), "and then it may come again")
	s.link.sent = nil
	s.comes(request(5))
	require.Len(t, s.link.sent, 1)
}

// A method's error is an event, and the next method is called all the same.
func TestMethodFails(t *testing.T) {
	s := newStage(t, false)
	thing := s.comesThing()
	thing.fail = errors.New("no")
	s.comes(from1(2, "Thing", "answer", 1, "x"), from1(2, "Thing", "say", "hi"))
	s.called("answer 1 x", "say hi from 1")
	s.reports(1, MethodFailed)
}
