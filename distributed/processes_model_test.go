package distributed

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A modelWorld is three linked processes with clients that act as Panda3D's do.
type modelWorld struct {
	t       *testing.T
	random  *rand.Rand
	fabric  *fabric
	states  []*state
	players []*player
	now     time.Time
	said    int
}

// A player is a client: what it owns, what it sees, and what it has still to read.
type player struct {
	*Client
	world   *modelWorld
	process int
	own     map[uint32]*owned1
	seen    map[uint32]string // the names of the objects that it sees
	inbox   [][]byte
	next    uint32
}

// An owned1 is one object of a player.
type owned1 struct {
	zone    uint32
	name    string
	deleted bool // until the server's word
}

func newModelWorld(t *testing.T, seed uint64, processes int) *modelWorld {
	w := &modelWorld{t: t, random: rand.New(rand.NewPCG(seed, 1)), fabric: newFabric(1000, processes), now: time.Unix(1_000_000, 0)}
	for i := range w.fabric.links {
		w.states = append(w.states, nil)
		w.start(i)
	}
	return w
}

// start starts a process, which has three players.
func (w *modelWorld) start(i int) {
	config := (&ServerConfig{Processes: w.fabric.links[i]}).withDefaults()
	w.states[i] = newState(&config, testFile, w, 65535)
	w.states[i].now = w.now
	for j := range w.fabric.links {
		if j != i {
			w.fabric.happens(uint16(i), func(to receiver) { to.ProcessJoined(uint16(j)) })
		}
	}
	for range 9 / len(w.fabric.links) {
		p := &player{Client: &Client{}, world: w, process: i, own: make(map[uint32]*owned1), seen: make(map[uint32]string)}
		w.players = append(w.players, p)
		require.True(w.t, w.states[i].join(p.Client))
	}
}

// kill ends a process without a word, and starts it anew.
func (w *modelWorld) kill(i int) {
	w.players = slices.DeleteFunc(w.players, func(p *player) bool { return p.process == i })
	w.fabric.connect(uint16(i))
	for j := range w.fabric.links {
		if j != i {
			w.fabric.happens(uint16(j), func(to receiver) { to.ProcessLeft(uint16(i)); to.ProcessJoined(uint16(i)) })
		}
	}
	w.start(i)
}

// part cuts two processes from each other until heal.
func (w *modelWorld) part(a, b uint16) {
	w.fabric.cut[[2]uint16{a, b}], w.fabric.cut[[2]uint16{b, a}] = true, true
	w.fabric.happens(a, func(to receiver) { to.ProcessLeft(b) })
	w.fabric.happens(b, func(to receiver) { to.ProcessLeft(a) })
}

func (w *modelWorld) heal() {
	for pair := range w.fabric.cut {
		w.fabric.learn(w.fabric.links[pair[0]], w.fabric.links[pair[1]])
		w.fabric.happens(pair[0], func(to receiver) { to.ProcessJoined(pair[1]) })
	}
	clear(w.fabric.cut)
}

func (w *modelWorld) send(payload []byte, to *Client) {
	for _, p := range w.players {
		if p.Client == to {
			p.inbox = append(p.inbox, slices.Clone(payload))
		}
	}
}

func (w *modelWorld) sendZone(payload []byte, to []*membership, except *Client) {
	for _, m := range to {
		if m.client != except {
			w.send(payload, m.client)
		}
	}
}

// A stateReceiver is a state as a repository is to its Processes.
type stateReceiver struct{ *state }

func (s stateReceiver) Deliver(process uint16, payload []byte) error {
	return s.deliver(process, payload)
}
func (s stateReceiver) DeliverGap(process uint16, zone uint32) { s.gap(process, zone) }
func (s stateReceiver) ProcessJoined(process uint16)           { s.processJoined(process) }
func (s stateReceiver) ProcessLeft(process uint16)             { s.processLeft(process) }

// frame is one of a process.
func (w *modelWorld) frame(i int) {
	s := w.states[i]
	s.now = w.now
	w.fabric.links[i].receive(stateReceiver{s})
	s.endFrame()
}

func (p *player) send(payload []byte) { p.world.states[p.process].handle(p.Client, payload) }

// read takes what has come, as a client of Panda3D does.
func (p *player) read() {
	for len(p.inbox) > 0 {
		payload := p.inbox[0]
		p.inbox = p.inbox[1:]
		m, err := decodeServerMessage(payload)
		require.NoError(p.world.t, err)
		switch m.kind {
		case objectGenerate:
			require.Nil(p.world.t, p.own[m.doID])
			p.seen[m.doID] = nameOf(m.rest)
		case objectUpdateField:
			if _, ok := p.seen[m.doID]; ok && m.field == fieldNumber("Thing", "setName") {
				p.seen[m.doID] = nameOf(m.rest)
			}
		case objectDisable:
			for id := range m.ids.all() {
				delete(p.seen, id)
			}
		case objectDelete:
			delete(p.seen, m.doID)
			delete(p.own, m.doID)
		case requestGenerates:
			for _, id := range p.ownIDs() {
				if p.own[id].zone == m.zone && !p.own[id].deleted {
					p.generate(id)
				}
			}
		}
	}
}

func (p *player) ownIDs() []uint32 {
	var ids []uint32
	for id := range p.own {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func nameOf(args []byte) string {
	values, _, err := testFile.Class("Thing").Field("setName").Unpack(args)
	if err != nil {
		panic(err)
	}
	return values[0].(string)
}

func (p *player) generate(id uint32) {
	o := p.own[id]
	p.send(appendClientObjectGenerate(nil, o.zone, classNumber("Thing"), id, append(packed("Thing", "setName", o.name), 0, 0)))
}

// act does one thing that a client may do.
func (p *player) act() {
	w, zone := p.world, 1+p.world.random.Uint32N(4)
	w.said++
	name := fmt.Sprint(w.said)
	ids := slices.DeleteFunc(p.ownIDs(), func(id uint32) bool { return p.own[id].deleted })
	if len(ids) == 0 || w.random.IntN(6) == 0 {
		if p.next < 900 {
			id := p.base + p.next
			p.next++
			p.own[id] = &owned1{zone: zone, name: name}
			p.generate(id)
		}
		return
	}
	id := ids[w.random.IntN(len(ids))]
	o := p.own[id]
	switch w.random.IntN(7) {
	case 0:
		p.send(remove(id))
		o.deleted = true
	case 1:
		o.zone = zone
		p.send(setZone(id, zone))
		p.generate(id)
	case 2:
		if o.zone != zone { // else it may be taken for an answer to somebody
			o.zone, o.name = zone, name
		}
		p.generate(id)
	case 3, 4:
		o.name = name
		p.send(set(id, "Thing", "setName", name))
	default:
		var zones []uint32
		for zone := uint32(1); zone <= 4; zone++ {
			if w.random.IntN(2) == 0 {
				zones = append(zones, zone)
			}
		}
		p.send(interest(zones...))
	}
}

// settle lets everything arrive, and what was lost be asked for again.
func (w *modelWorld) settle() {
	for range 10 {
		w.now = w.now.Add(2 * resyncTime)
		for quiet := false; !quiet; {
			for i := range w.states {
				w.frame(i)
			}
			quiet = w.fabric.idle()
			for _, p := range w.players {
				quiet = quiet && len(p.inbox) == 0
				p.read()
			}
		}
	}
}

// requireSame requires that every client sees the objects of others in its zones, wherever those
// are connected, with their newest names.
func (w *modelWorld) requireSame() {
	w.t.Helper()
	for i, p := range w.players {
		want := make(map[uint32]string)
		for _, other := range w.players {
			for id, o := range other.own {
				if other != p && p.zones[o.zone] != nil {
					want[id] = o.name
				}
			}
		}
		require.Equal(w.t, want, p.seen, "player %d of process %d", i, p.process)
	}
	for _, s := range w.states {
		s.requireConsistent(w.t)
		require.Empty(w.t, s.resyncs)
		require.Empty(w.t, s.unsure)
	}
	w.fabric.requireNoErrors(w.t)
}

// step does something somewhere.
func (w *modelWorld) step() {
	switch i := w.random.IntN(len(w.states)); w.random.IntN(4) {
	case 0, 1:
		w.players[w.random.IntN(len(w.players))].act()
	case 2:
		w.frame(i)
	case 3:
		w.players[w.random.IntN(len(w.players))].read()
	}
	w.now = w.now.Add(10 * time.Millisecond)
}

// Random programs on three processes: once all has arrived, every client sees what there is.
func TestProcessesModel(t *testing.T) {
	for name, disturb := range map[string]func(w *modelWorld){
		"one process": func(*modelWorld) {},
		"in order":    func(*modelWorld) {},
		"shuffled":    func(w *modelWorld) { w.fabric.shuffle = w.random },
		"lost": func(w *modelWorld) {
			w.fabric.lose = func(uint16, uint16, parcel) bool { return w.random.IntN(10) == 0 }
		},
		"shuffled and lost": func(w *modelWorld) {
			w.fabric.shuffle = w.random
			w.fabric.lose = func(uint16, uint16, parcel) bool { return w.random.IntN(10) == 0 }
		},
		"full":   func(w *modelWorld) { w.fabric.links[w.random.IntN(3)].full = errNo },
		"parted": func(w *modelWorld) { w.part(uint16(w.random.IntN(2)), 2) },
		"killed": func(w *modelWorld) { w.kill(w.random.IntN(3)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			processes := 3
			if name == "one process" {
				processes = 1
			}
			for seed := range uint64(6) {
				w := newModelWorld(t, seed, processes)
				for range 5 {
					for range 100 {
						w.step()
					}
					disturb(w)
					for range 100 {
						w.step()
					}
					w.fabric.lose = nil
					for _, l := range w.fabric.links {
						l.full = nil
					}
					w.heal()
					w.settle()
					w.requireSame()
				}
			}
		})
	}
}
