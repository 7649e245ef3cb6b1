package game

// How far a client is told of things around its ship.
const (
	ShipRange  = 1100 * One
	EventRange = 1900 * One // a shot flies on into view
)

// An EventKind says what happened.
type EventKind uint8

// What can happen.
const (
	Fired     EventKind = 1 + iota // Who fired Shot, with its input Seq
	Hit                            // Shot of By hit Who
	Destroyed                      // Who has lost its ship, to By if that is not 0
	Spawned                        // Who has a ship
	eventKinds
)

// An Event is what happened in a tick. It is comparable.
type Event struct {
	What     EventKind
	Tick     uint32
	Shot     uint16
	Who, By  ID
	Seq      uint8 // the low byte of the input's
	Pos, Vel Vec
}

// Marks are what one sees of another ship.
type Marks uint8

// The marks.
const (
	MarkThrust Marks = 1 << iota
	MarkBoost
	MarkShield
	MarkBrake
)

// A Sight is another ship as a client is told of it: the place and the angle are
// rounded to what can be seen.
type Sight struct {
	ID     ID
	Pos    Vec
	Angle  Angle
	Health uint8
	Marks  Marks
}

// A Snapshot is what a client is told of a tick: its own ship exactly, with the
// last input that the ship has had, the others that are near, and what has
// happened since the snapshot before.
type Snapshot struct {
	Tick   uint32
	Ack    uint32
	Own    Ship
	Health uint8
	Shield uint8 // ticks
	Down   uint8 // ticks until there is a ship again, 0 if there is one
	Others []Sight
	Events []Event
}

// Snapshot fills s with what a pilot is told. It uses the memory of s.
func (w *World) Snapshot(p *Pilot, s *Snapshot) {
	s.Tick, s.Ack, s.Own = w.Tick, p.Ack, p.Ship
	s.Health, s.Shield, s.Down = uint8(p.Health), uint8(p.Shield), uint8(p.Down)
	s.Others = s.Others[:0]
	for _, o := range w.pilots {
		if o != p && o.Down == 0 && o.Ship.Pos.Sub(p.Ship.Pos).Within(ShipRange) {
			s.Others = append(s.Others, o.sight())
		}
	}
	s.Events = s.Events[:0]
	for _, e := range w.Events {
		near := e.Pos.Sub(p.Ship.Pos).Within(EventRange)
		if near || e.What == Destroyed || e.Who == p.ID || e.By == p.ID {
			s.Events = append(s.Events, e)
		}
	}
}

func (p *Pilot) sight() Sight {
	s := Sight{ID: p.ID, Pos: rounded(p.Ship.Pos), Angle: p.Ship.Angle, Health: uint8(p.Health)}
	if p.keys&KeyThrust != 0 {
		s.Marks |= MarkThrust
		if p.keys&KeyBoost != 0 && p.Ship.Energy > 2*boostEnergy {
			s.Marks |= MarkBoost
		}
	}
	if p.keys&KeyBrake != 0 {
		s.Marks |= MarkBrake
	}
	if p.Shield > 0 {
		s.Marks |= MarkShield
	}
	return s
}

// A Blip is a ship on the radar. Its place is in 1/256 of the arena.
type Blip struct {
	ID   ID
	X, Y uint8
}

// Blips appends all ships to a slice.
func (w *World) Blips(blips []Blip) []Blip {
	for _, p := range w.pilots {
		if p.Down == 0 {
			blips = append(blips, Blip{p.ID, blip(p.Ship.Pos.X), blip(p.Ship.Pos.Y)})
		}
	}
	return blips
}

func blip(x int32) uint8 { return uint8(min(max(x/(Size/256), 0), 255)) }
