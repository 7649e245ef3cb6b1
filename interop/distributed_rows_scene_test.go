package interop_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/queuednet/queuednet/distributed"
	"github.com/queuednet/queuednet/distributed/dc"
	"github.com/stretchr/testify/require"
)

// A rowScene is some clients, all polled by the test's goroutine. The zones from zone on
// are its own.
type rowScene struct {
	t     *testing.T
	file  *dc.File
	port  int
	zone  uint32
	peers []*rowPeer
}

// A rowPeer is a client that notes what is called on its objects, and by whom.
type rowPeer struct {
	*distributed.ClientRepository
	s     *rowScene
	calls []string
	marks uint64
	lost  int
}

// peer connects a client that opens zones, counted from the scene's own.
func (s *rowScene) peer(zones ...uint32) *rowPeer {
	s.t.Helper()
	r, err := distributed.NewClientRepository(&distributed.ClientConfig{SpareLastID: true}, s.file)
	require.NoError(s.t, err)
	p := &rowPeer{ClientRepository: r, s: s}
	require.NoError(s.t, r.Register("Thing", func() distributed.Object { return &rowThing{peer: p} }))
	require.NoError(s.t, r.Register("Mover", func() distributed.Object { return &goMover{} }))
	require.NoError(s.t, r.Register("TimeManager", distributed.NewTimeManager))
	require.NoError(s.t, r.Connect("127.0.0.1", s.port, patience))
	s.peers = append(s.peers, p)
	s.t.Cleanup(func() { require.NoError(s.t, r.Close()) })
	s.until("ready", r.HaveCreateAuthority)
	if len(zones) > 0 {
		p.open(zones...)
	}
	return p
}

func (s *rowScene) until(what string, done func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(time.Millisecond) {
		require.True(s.t, time.Now().Before(deadline), "never so: %s", what)
		for _, p := range s.peers {
			p.Update()
			for e := range p.Events() {
				require.NotContains(s.t, []distributed.ClientEventKind{distributed.MessageIgnored, distributed.MethodFailed}, e.Kind, "%v", e.Err)
				if e.Kind == distributed.ConnectionLost {
					p.lost++
				}
			}
		}
	}
}

func (p *rowPeer) open(zones ...uint32) {
	p.s.t.Helper()
	for i := range zones {
		zones[i] += p.s.zone
	}
	require.NoError(p.s.t, p.SetInterestZones(zones...))
}

// thing makes a Thing in a zone, counted from the scene's own.
func (p *rowPeer) thing(zone uint32, optional ...string) *rowThing {
	p.s.t.Helper()
	o := &rowThing{peer: p, hp: 9}
	require.NoError(p.s.t, p.CreateDistributedObject(o, p.s.zone+zone, optional...))
	p.calls = nil
	return o
}

// seen waits until the peer has a copy of an object.
func (p *rowPeer) seen(o distributed.Object) *rowThing {
	p.s.t.Helper()
	id := o.(interface{ DoID() uint32 }).DoID()
	p.s.until("seen", func() bool { return p.Object(id) != nil })
	return p.Object(id).(*rowThing)
}

// got requires what has been called at a peer, once all that an object's owner sent before has come.
func (p *rowPeer) got(o *rowThing, calls ...string) {
	p.s.t.Helper()
	require.Equal(p.s.t, calls, p.forget(o))
}

// forget returns what has been called at a peer, and empties that, once all that an object's
// owner sent before has come: the owner sends a mark.
func (p *rowPeer) forget(o *rowThing) (calls []string) {
	p.s.t.Helper()
	before := p.marks + p.Stats().Skipped
	require.NoError(p.s.t, o.SendUpdateTo(p.DoIDBase(), "say", "mark"))
	p.s.until("marked", func() bool { return p.marks+p.Stats().Skipped > before })
	calls, p.calls = p.calls, nil
	return calls
}

type rowThing struct {
	distributed.DistributedObject
	peer *rowPeer
	hp   uint8
}

func (o *rowThing) told(format string, args ...any) {
	if call := fmt.Sprintf(format, args...); call != "say mark" {
		o.peer.calls = append(o.peer.calls, call)
	} else {
		o.peer.marks++
	}
}

func (o *rowThing) AnnounceGenerate()      { o.told("announce") }
func (o *rowThing) Disable()               { o.told("disable") }
func (o *rowThing) SetName(name string)    { o.told("name %s", name) }
func (o *rowThing) GetName() string        { return "row" }
func (o *rowThing) SetHp(hp uint8)         { o.told("hp %d", hp); o.hp = hp }
func (o *rowThing) GetHp() uint8           { return o.hp }
func (o *rowThing) Say(text string)        { o.told("say %s", text[:min(len(text), 20)]) }
func (o *rowThing) Shout(text string)      { o.told("shout %s", text) }
func (o *rowThing) Ask(n int)              { o.told("ask %d from %d", n, o.peer.AvatarIDFromSender()/1_000_000) }
func (o *rowThing) Answer(n int, t string) { o.told("answer %d %s", n, t) }
func (o *rowThing) Poke(n int)             { o.told("poke %d", n) }
func (o *rowThing) Nudge(n int)            { o.told("nudge %d", n) }
func (o *rowThing) SetAB(a, b float64)     { o.told("ab %v %v", a, b) }

func (o *rowThing) send(field string, args ...any) {
	o.peer.s.t.Helper()
	require.NoError(o.peer.s.t, o.SendUpdate(field, args...))
}

// pair is two peers with an object of the first one that both have, and nothing called.
func (s *rowScene) pair() (a, b *rowPeer, o, copied *rowThing) {
	s.t.Helper()
	a, b = s.peer(), s.peer(0)
	o = a.thing(0)
	copied = b.seen(o)
	// When this has come, the first one has answered what the second one asked for when it
	// opened the zone, which may have been after the object was made.
	copied.send("ask", 0)
	s.until("asked", func() bool { return len(a.calls) > 0 })
	a.calls = nil
	b.forget(o)
	return a, b, o, copied
}
