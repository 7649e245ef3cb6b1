package game

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// MaxRewind is how many ticks a shot may go back to meet what its player saw. It
// bounds what a client can gain by claiming to see the past.
const MaxRewind = 24

// spawnDistance is how far from all others a ship appears, if there is room.
const spawnDistance = 420 * One

// A World is the whole game. Its methods are for one goroutine.
type World struct {
	Arena  *Arena
	Tick   uint32
	Events []Event // since ClearEvents
	Claims []Claim // hits of ships that other nodes fly, for these to be told

	pilots []*Pilot // by ID
	shots  []Shot
	fired  []Shot // in this tick
	random *rand.Rand
	lastID ID
	shotID uint16

	firstID, manyIDs ID // of Own
}

// NewWorld returns a world without pilots. Two of the same seed to which the same
// happens are the same.
func NewWorld(seed uint64) *World {
	return &World{Arena: NewArena(seed), random: rand.New(rand.NewPCG(seed, 2))}
}

// Join adds a pilot, with a ship. It fails with nil if all IDs are taken.
func (w *World) Join() *Pilot {
	for range 1 << 16 {
		w.lastID = w.nextID()
		at, taken := w.find(w.lastID)
		if taken || w.lastID == 0 {
			continue
		}
		p := &Pilot{ID: w.lastID, LastKeys: w.Tick}
		w.pilots = slices.Insert(w.pilots, at, p)
		w.spawn(p)
		return p
	}
	return nil
}

// Leave removes a pilot; its shots fly on.
func (w *World) Leave(id ID) {
	if at, ok := w.find(id); ok {
		w.pilots = slices.Delete(w.pilots, at, at+1)
	}
}

// Pilot returns the pilot of that ID, or nil.
func (w *World) Pilot(id ID) *Pilot {
	if at, ok := w.find(id); ok {
		return w.pilots[at]
	}
	return nil
}

// Pilots returns all pilots, by ID. The slice is the world's.
func (w *World) Pilots() []*Pilot { return w.pilots }

func (w *World) find(id ID) (at int, ok bool) {
	return slices.BinarySearchFunc(w.pilots, id, func(p *Pilot, id ID) int { return cmp.Compare(p.ID, id) })
}

// Step is a tick.
func (w *World) Step() {
	w.Tick++
	for _, p := range w.pilots {
		p.step(w)
	}
	w.moveShots()
	w.shots = append(w.shots, w.fired...)
	w.fired = w.fired[:0]
}

// ClearEvents forgets the events, once all clients were told.
func (w *World) ClearEvents() { w.Events = w.Events[:0] }

func (w *World) moveShots() {
	for i := range w.shots {
		s := &w.shots[i]
		flies := s.Step(w.Arena)
		if victim := w.victim(s); victim != nil {
			w.Events = append(w.Events, Event{What: Hit, Tick: w.Tick, Shot: s.ID, Who: victim.ID, By: s.Owner, Pos: s.Pos})
			if victim.Far {
				w.Claims = append(w.Claims, Claim{victim.ID, s.Owner})
			} else {
				w.hurt(victim, shotDamage, s.Owner)
			}
			s.dead = true
		}
		s.dead = s.dead || !flies
	}
	w.shots = slices.DeleteFunc(w.shots, func(s Shot) bool { return s.dead })
}

// victim returns whom a shot meets, where its player saw the others.
func (w *World) victim(s *Shot) *Pilot {
	for _, p := range w.pilots {
		if p.ID == s.Owner {
			continue
		}
		if place, there := p.placeAt(w.Tick - s.rewind); there && s.hits(place) {
			return p
		}
	}
	return nil
}

// fire adds the shot of a pilot.
func (w *World) fire(p *Pilot, in Input) {
	s := p.Ship.Shot()
	s.ID, s.Owner = w.nextShot(), p.ID
	s.rewind = uint32(min(max(int32(w.Tick-in.View), 0), MaxRewind))
	w.fired = append(w.fired, s)
	w.Events = append(w.Events, Event{
		What: Fired, Tick: w.Tick, Shot: s.ID, Who: p.ID, Seq: uint8(in.Seq), Pos: s.Pos, Vel: s.Vel,
	})
}

// hurt takes health from a pilot, and its ship if none is left.
func (w *World) hurt(p *Pilot, damage int, by ID) {
	if p.Shield > 0 || p.Down > 0 {
		return
	}
	p.calm = 0
	if p.Health -= damage; p.Health > 0 {
		return
	}
	p.Health = 0
	p.Down = respawnTicks
	p.Deaths++
	if killer := w.Pilot(by); killer != nil && !killer.Far {
		w.credit(killer)
	}
	w.Events = append(w.Events, Event{What: Destroyed, Tick: w.Tick, Who: p.ID, By: by, Pos: p.Ship.Pos, Vel: p.Ship.Vel})
}

// credit is for a pilot who has destroyed a ship.
func (w *World) credit(killer *Pilot) {
	killer.Kills++
	if killer.Down == 0 {
		killer.Health = min(killer.Health+killHealth, MaxHealth)
	}
}

// spawn gives a pilot a new ship.
func (w *World) spawn(p *Pilot) {
	p.Ship = Ship{Pos: w.freePlace(), Angle: Angle(w.random.Uint32()), Energy: MaxEnergy}
	p.Health = MaxHealth
	p.Shield = shieldTicks
	p.Down = 0
	p.calm = 0
	p.keys = 0
	p.since = w.Tick
	p.places[w.Tick%32] = p.Ship.Pos
	w.Events = append(w.Events, Event{What: Spawned, Tick: w.Tick, Who: p.ID, Pos: p.Ship.Pos})
}

// freePlace returns a place without a rock, if possible with nobody near.
func (w *World) freePlace() Vec {
	var place Vec
	for range 40 {
		place = randomPlace(w.random, 200*One)
		if w.Arena.free(place, 3*ShipRadius) && !w.crowded(place) {
			break
		}
	}
	return place
}

func (w *World) crowded(place Vec) bool {
	return slices.ContainsFunc(w.pilots, func(p *Pilot) bool { return p.Ship.Pos.Sub(place).Within(spawnDistance) })
}
