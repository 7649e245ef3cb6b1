package interop_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/queuednet/queuednet/distributed"
	"github.com/queuednet/queuednet/distributed/dc"
	"github.com/stretchr/testify/require"
)

// A goPeer is a ClientRepository in a goroutine of its own.
type goPeer struct {
	t     *testing.T
	r     *distributed.ClientRepository
	run   chan func()
	calls chan string
	base  uint32
}

// A goThing reports what is called on it, as the Thing of distributed_peer.py does.
type goThing struct {
	distributed.DistributedObject
	peer *goPeer
	name string
}

func (g *goThing) told(format string, args ...any) {
	g.peer.calls <- fmt.Sprintf("%d ", g.DoID()) + fmt.Sprintf(format, args...)
}

func (g *goThing) Generate()              { g.told("generate") }
func (g *goThing) AnnounceGenerate()      { g.told("announceGenerate") }
func (g *goThing) Disable()               { g.told("disable") }
func (g *goThing) SetName(name string)    { g.told("setName %s", name); g.name = name }
func (g *goThing) GetName() string        { return g.name }
func (g *goThing) SetHp(hp int)           { g.told("setHp %d", hp) }
func (g *goThing) SetAB(a, b float64)     { g.told("setAB %v %v", a, b) }
func (g *goThing) Say(text string)        { g.told("say %s", text) }
func (g *goThing) Answer(n int, t string) { g.told("answer %d %s", n, t) }

func (g *goThing) Ask(what int) error {
	g.told("ask %d", what)
	return g.SendUpdateTo(g.Repository().AvatarIDFromSender(), "answer", what, "answered")
}

type goMover struct{ distributed.SmoothNode }

// newGoPeer connects to a server and waits until it may create objects.
func newGoPeer(t *testing.T, file *dc.File, port int, clock func() distributed.Object) *goPeer {
	t.Helper()
	r, err := distributed.NewClientRepository(nil, file)
	require.NoError(t, err)
	p := &goPeer{t: t, r: r, run: make(chan func()), calls: make(chan string, 1000)}
	require.NoError(t, r.Register("Thing", func() distributed.Object { return &goThing{peer: p} }))
	require.NoError(t, r.Register("Mover", func() distributed.Object { return &goMover{} }))
	require.NoError(t, r.Register("TimeManager", clock))
	require.NoError(t, r.Connect("127.0.0.1", port, patience))
	ended := make(chan bool)
	go p.loop(ended)
	t.Cleanup(func() {
		close(p.run)
		<-ended
		require.NoError(t, r.Close())
	})
	p.until("ready", func() bool {
		p.base = r.DoIDBase()
		return r.HaveCreateAuthority()
	})
	return p
}

func (p *goPeer) loop(ended chan bool) {
	defer close(ended)
	tick := time.NewTicker(time.Second / 200)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.r.Update()
			for e := range p.r.Events() {
				if e.Err != nil {
					p.calls <- "failed: " + e.Err.Error()
				}
			}
		case f, ok := <-p.run:
			if !ok {
				return
			}
			f()
		}
	}
}

// do calls a function on the peer's goroutine.
func (p *goPeer) do(f func()) {
	done := make(chan bool)
	p.run <- func() { f(); close(done) }
	<-done
}

func (p *goPeer) until(what string, done func() bool) {
	p.t.Helper()
	for deadline, ok := time.Now().Add(patience), false; !ok; time.Sleep(time.Millisecond) {
		require.True(p.t, time.Now().Before(deadline), "never so: %s", what)
		p.do(func() { ok = done() })
	}
}

// sees waits for calls on objects, in this order; others may come between.
func (p *goPeer) sees(calls ...string) {
	p.t.Helper()
	var others []string
	for _, want := range calls {
		for got := ""; got != want; {
			select {
			case got = <-p.calls:
				others = append(others, got)
			case <-time.After(patience):
				require.Fail(p.t, "never called", "%q; but %q", want, others)
			}
		}
	}
}

// create makes a Thing appear.
func (p *goPeer) create(name string, zone uint32) *goThing {
	p.t.Helper()
	thing := &goThing{peer: p, name: name}
	var err error
	p.do(func() { err = p.r.CreateDistributedObject(thing, zone) })
	require.NoError(p.t, err)
	return thing
}

func (p *goPeer) must(f func() error) {
	p.t.Helper()
	var err error
	p.do(func() { err = f() })
	require.NoError(p.t, err)
}

// TestPanda3DDistributedGo has Go clients and a Go AI beside unmodified ones of
// direct.distributed, on Panda3D's server and on the Go one.
func TestPanda3DDistributedGo(t *testing.T) {
	python := findPanda3D(t)
	file, err := dc.ParseFiles(directDC(t, python), "distributed.dc")
	require.NoError(t, err)
	for name, serve := range map[string]func(t *testing.T) int{
		"Go server":      func(t *testing.T) int { return goServer(t, nil, file) },
		"Panda3D server": func(t *testing.T) int { return pandaServer(t, python) },
	} {
		t.Run(name+", Go AI", func(t *testing.T) {
			t.Parallel()
			port := serve(t)
			ai := newGoPeer(t, file, port, distributed.NewTimeManagerAI)
			ai.must(func() error { return ai.r.CreateDistributedObject(distributed.NewTimeManagerAI(), 1) })
			npc := ai.create("npc", 2)
			ai.must(func() error { return ai.r.SetInterestZones(1, 2) })
			testPair(newGoPeer(t, file, port, distributed.NewTimeManager), peer(t, python, "client", port), ai.base+1)
			ai.sees(fmt.Sprintf("%d ask 7", npc.DoID()), fmt.Sprintf("%d ask 8", npc.DoID()))
		})
		t.Run(name+", Panda3D AI", func(t *testing.T) {
			t.Parallel()
			port := serve(t)
			ai := peer(t, python, "ai", port)
			ai.do("tm = cr.createDistributedObject(className='TimeManagerAI', zoneId=1)")
			ai.do("ThingAI.ask = lambda self, n: self.sendUpdateToAvatarId(self.air.getAvatarIdFromSender(), 'answer', [n, 'answered'])")
			ai.do("npc = ThingAI(cr); npc.kept['setName'] = 'npc'")
			ai.do("cr.createDistributedObject(distObj=npc, className='ThingAI', zoneId=2)")
			ai.sees(fmt.Sprintf("%d announceGenerate", ai.base+1))
			testPair(newGoPeer(t, file, port, distributed.NewTimeManager), peer(t, python, "client", port), ai.base+1)
		})
	}
}

// pandaServer starts Panda3D's server and returns its port.
func pandaServer(t *testing.T, python string) int {
	t.Helper()
	port, _ := startPandaServer(t, python)
	return port
}

func startPandaServer(t *testing.T, python string) (port int, server *pandaPeer) {
	t.Helper()
	port = freePort(t)
	server = peer(t, python, "server", port)
	server.await("ready")
	return port, server
}

// testPair is a game of a Go client and one of Panda3D, with an AI that has a clock in
// zone 1 and an npc in zone 2, which answers.
func testPair(g *goPeer, p *pandaPeer, npc uint32) {
	testMeeting(g, p, npc)
	mine := testTalk(g, p)
	theirs := testMoves(g, p, mine)
	testLeaving(g, p, mine, theirs)
	p.stop()
	var ignored uint64
	g.do(func() { ignored = g.r.Stats().Ignored })
	require.Zero(g.t, ignored)
}

// testMeeting: both see the npc and hear its answers, and the clock is known.
func testMeeting(g *goPeer, p *pandaPeer, npc uint32) {
	g.must(func() error { return g.r.SetInterestZones(1, 2) })
	p.do("cr.setInterestZones([1])")
	p.sees("gotTimeSync")
	p.do("cr.setInterestZones([1, 2])")
	p.sees(fmt.Sprintf("%d generate", npc), fmt.Sprintf("%d setName('npc',)", npc), fmt.Sprintf("%d announceGenerate", npc))
	g.sees(fmt.Sprintf("%d generate", npc), fmt.Sprintf("%d setName npc", npc), fmt.Sprintf("%d announceGenerate", npc))
	g.until("the clock is known", func() bool {
		for _, o := range g.r.Objects() {
			if m, ok := o.(*distributed.TimeManager); ok {
				return m.Synchronized()
			}
		}
		return false
	})
	g.must(func() error { return g.r.Object(npc).(*goThing).SendUpdate("ask", 7) })
	g.sees(fmt.Sprintf("%d answer 7 answered", npc))
	p.do("cr.doId2do[%d].sendUpdate('ask', [8])", npc)
	p.sees(fmt.Sprintf("%d answer(8, 'answered')", npc))
}

// testTalk: each makes an object, of which the other sees the updates, also when it comes
// later. It returns that of the Go client.
func testTalk(g *goPeer, p *pandaPeer) *goThing {
	p.do("o = cr.createDistributedObject(className='Thing', zoneId=2)")
	g.sees(fmt.Sprintf("%d generate", p.base), fmt.Sprintf("%d setName noname", p.base), fmt.Sprintf("%d announceGenerate", p.base))
	p.do("o.sendUpdate('say', ['hällo']); o.sendUpdate('setAB', [1.5, 2.5])")
	g.sees(fmt.Sprintf("%d say hällo", p.base), fmt.Sprintf("%d setAB 1.5 2.5", p.base))

	mine := g.create("gopher", 2)
	p.sees(fmt.Sprintf("%d generate", g.base), fmt.Sprintf("%d setName('gopher',)", g.base), fmt.Sprintf("%d announceGenerate", g.base))
	g.must(func() error { return mine.SendUpdate("say", "hällo") })
	g.must(func() error { return mine.SendUpdate("setHp", 77) })
	p.sees(fmt.Sprintf("%d say('hällo',)", g.base), fmt.Sprintf("%d setHp(77,)", g.base))
	g.must(func() error { return g.r.SetObjectZone(mine, 3) })
	p.sees(fmt.Sprintf("%d disable", g.base))
	p.do("cr.setInterestZones([1, 2, 3])")
	p.sees(fmt.Sprintf("%d generate", g.base), fmt.Sprintf("%d setHp(77,)", g.base))
	return mine
}

// testMoves: each makes an object that moves, and the other follows. It returns the number
// of Panda3D's.
func testMoves(g *goPeer, p *pandaPeer, mine *goThing) (theirs uint32) {
	mover := &goMover{}
	g.must(func() error { return g.r.CreateDistributedObject(mover, 2) })
	g.must(func() error { return mover.StartPosHprBroadcast() })
	mover.X, mover.H = 12.5, 90
	g.must(func() error { return mover.BroadcastPosHpr() })
	g.must(func() error { return mine.SendUpdate("say", "moved") })
	p.sees(fmt.Sprintf("%d say('moved',)", g.base))
	p.do("m = cr.doId2do[%d]; say(f'{m.getComponentX()} {m.getComponentH()} in {m.zoneId}')", mover.DoID())
	p.sees("12.5 90.0 in 2")

	p.do("n = cr.createDistributedObject(className='Mover', zoneId=2); n.setPos(1, 2, 3); n.startPosHprBroadcast(period=0.05)")
	theirs = p.base + 1
	g.until("the mover stands", func() bool {
		m, ok := g.r.Object(theirs).(*goMover)
		return ok && m.Smoothed() == distributed.PosHpr{X: 1, Y: 2, Z: 3}
	})
	p.do("n.setPos(4, 6, 3)")
	g.until("the mover has moved", func() bool {
		return g.r.Object(theirs).(*goMover).Smoothed() == distributed.PosHpr{X: 4, Y: 6, Z: 3}
	})
	return theirs
}

// testLeaving: what is deleted, or was a client's that goes, goes for the other.
func testLeaving(g *goPeer, p *pandaPeer, mine *goThing, theirs uint32) {
	g.must(func() error { return g.r.SendDelete(mine) })
	p.sees(fmt.Sprintf("%d disable", g.base))
	p.do("cr.sendDeleteMsg(o.doId)")
	g.sees(fmt.Sprintf("%d disable", p.base))
	p.do("cr.sendDisconnect()")
	g.until("the mover is gone", func() bool { return g.r.Object(theirs) == nil })
}
