package game

// ShotTicks is how long a shot flies.
const ShotTicks = 54

const (
	shotSpeed  = 13 * One
	shotDamage = 16
	shotRadius = 3 * One
)

// A Shot flies straight on until it hits something or its life is over.
type Shot struct {
	ID       uint16
	Owner    ID
	Pos, Vel Vec
	Life     uint8  // ticks left
	rewind   uint32 // how many ticks ago its player saw the others
	dead     bool
}

// Step moves the shot by a tick and reports whether it still flies: a client
// may do so too, to draw it. Only the world knows what it hits.
func (s *Shot) Step(arena *Arena) bool {
	if s.Life == 0 {
		return false
	}
	s.Life--
	s.Pos = s.Pos.Add(s.Vel)
	return s.Life > 0 && !arena.stops(s.Pos)
}

// hits reports whether the shot's way of this tick goes through a ship.
func (s *Shot) hits(ship Vec) bool {
	const reach = ShipRadius + shotRadius
	away := ship.Sub(s.Pos)
	if !away.Within(reach + 24*One) { // no shot is faster
		return false
	}
	if away.Within(reach) {
		return true
	}
	length := s.Vel.square()
	if length == 0 {
		return false
	}
	back := min(max(-away.dot(s.Vel), 0), length)
	nearest := s.Pos.Sub(s.Vel.scaled(back, length))
	return ship.Sub(nearest).Within(reach)
}
