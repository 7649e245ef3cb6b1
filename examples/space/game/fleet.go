package game

import "slices"

// A Fleet is what one node of several tells the others of the ships that it flies. It
// is all of them each time, so that one that is lost does no harm.
type Fleet struct {
	Ships  []FarShip
	Events []Event // of its ships, and hits of their shots
}

// A FarShip is a ship that another node flies.
type FarShip struct {
	ID            ID
	Name          string
	Ship          Ship
	Health        uint8
	Shield        uint8
	Down          uint8
	Keys          Keys
	Kills, Deaths uint16
	RoundTrip     uint16
	Lost          bool
}

// A Claim says that a shot has hit a ship of another node, which alone decides what
// becomes of it.
type Claim struct{ Victim, By ID }

// Own makes the world give its pilots IDs from first to last, and its shots too: no two
// nodes may have the same.
func (w *World) Own(first, last ID) { w.firstID, w.manyIDs, w.lastID = first, last-first+1, last }

// nextID returns the ID after the last one, in the world's own.
func (w *World) nextID() ID {
	if w.manyIDs == 0 {
		return w.lastID + 1
	}
	return w.firstID + (w.lastID-w.firstID+1)%w.manyIDs
}

// nextShot returns the ID of a shot.
func (w *World) nextShot() uint16 {
	w.shotID++
	if w.manyIDs == 0 {
		return w.shotID
	}
	return uint16(w.firstID) + w.shotID%uint16(w.manyIDs)
}

// FarShip returns what the other nodes are told of a pilot.
func (p *Pilot) FarShip() FarShip {
	return FarShip{
		ID: p.ID, Ship: p.Ship, Health: uint8(p.Health), Shield: uint8(p.Shield), Down: uint8(p.Down),
		Keys: p.keys, Kills: p.Kills, Deaths: p.Deaths,
	}
}

// Fly puts a ship of another node where that says. It reports whether it is new.
func (w *World) Fly(s *FarShip) (joined bool) {
	at, found := w.find(s.ID)
	if !found {
		w.pilots = slices.Insert(w.pilots, at, &Pilot{ID: s.ID, Far: true, since: w.Tick})
	}
	p := w.pilots[at]
	if !p.Far {
		return false // that is nonsense
	}
	if p.Down > 0 && s.Down == 0 {
		p.since = w.Tick
	}
	p.Ship, p.Health, p.Shield, p.Down, p.keys = s.Ship, int(s.Health), int(s.Shield), int(s.Down), s.Keys
	p.Kills, p.Deaths = s.Kills, s.Deaths
	p.places[w.Tick%32] = p.Ship.Pos
	return !found
}

// drift is the tick of a far pilot: it goes on as it did, until its node says more.
func (p *Pilot) drift(w *World) {
	if p.Down > 0 {
		return
	}
	p.Ship.Step(p.keys&^KeyFire, w.Arena)
	p.places[w.Tick%32] = p.Ship.Pos
}

// Hear takes an event of another node, for those who are told of events here.
func (w *World) Hear(e Event) {
	e.Tick = w.Tick
	w.Events = append(w.Events, e)
	if killer := w.Pilot(e.By); e.What == Destroyed && killer != nil && !killer.Far {
		w.credit(killer)
	}
}

// Claimed hurts a ship of this world that a shot of another node has hit.
func (w *World) Claimed(c Claim) {
	if p := w.Pilot(c.Victim); p != nil && !p.Far {
		w.hurt(p, shotDamage, c.By)
	}
}

// Revive gives a pilot the ship and the score of one that another node has flown.
func (w *World) Revive(p *Pilot, s *FarShip) {
	p.Kills, p.Deaths = s.Kills, s.Deaths
	if s.Down == 0 && w.Arena.free(s.Ship.Pos, ShipRadius) {
		p.Ship, p.Health = s.Ship, max(int(s.Health), 1)
		p.places[w.Tick%32] = p.Ship.Pos
	}
}
