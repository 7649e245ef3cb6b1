package game

// TicksPerSecond is how often a world steps.
const TicksPerSecond = 60

// What a ship can do.
const (
	ShipRadius = 16 * One
	MaxHealth  = 100
	MaxEnergy  = 1000

	turnPerTick   = 704 // 11 steps of the table of directions
	thrust        = One / 9
	boostThrust   = One / 5
	drag          = 64 // a 64th of the speed is lost a tick
	brake         = 18
	energyPerTick = 4
	boostEnergy   = 11
	shotEnergy    = 70
	reloadTicks   = 9
)

// Keys is what a player holds down.
type Keys uint8

// The keys.
const (
	KeyLeft Keys = 1 << iota
	KeyRight
	KeyThrust
	KeyBrake
	KeyFire
	KeyBoost
	allKeys Keys = 1<<iota - 1
)

// A Ship is the part of a pilot that its own client predicts: what moves by the
// keys alone.
type Ship struct {
	Pos, Vel Vec
	Angle    Angle
	Energy   uint16 // at most MaxEnergy
	Reload   uint8  // ticks until it can fire again
}

// Step moves the ship by a tick. It reports whether the ship has fired, and how
// fast it hit a rock or a wall.
func (s *Ship) Step(keys Keys, arena *Arena) (fired bool, impact int32) {
	if keys&KeyLeft != 0 {
		s.Angle -= turnPerTick
	}
	if keys&KeyRight != 0 {
		s.Angle += turnPerTick
	}
	if keys&KeyThrust != 0 {
		s.Vel = s.Vel.Add(s.Angle.Direction(s.power(keys)))
	}
	s.slow(drag)
	if keys&KeyBrake != 0 {
		s.slow(brake)
	}
	s.Pos = s.Pos.Add(s.Vel)
	impact = arena.bounce(&s.Pos, &s.Vel, ShipRadius)
	s.Energy = min(s.Energy+energyPerTick, MaxEnergy)
	if s.Reload > 0 {
		s.Reload--
	}
	if keys&KeyFire != 0 && s.Reload == 0 && s.Energy >= shotEnergy {
		s.Reload = reloadTicks
		s.Energy -= shotEnergy
		fired = true
	}
	return fired, impact
}

// power is the acceleration. A boost takes energy.
func (s *Ship) power(keys Keys) int32 {
	if keys&KeyBoost == 0 || s.Energy < boostEnergy {
		return thrust
	}
	s.Energy -= boostEnergy
	return boostThrust
}

func (s *Ship) slow(part int32) { s.Vel = s.Vel.Sub(Vec{s.Vel.X / part, s.Vel.Y / part}) }

// Shot returns the shot that the ship fires from where it is.
func (s *Ship) Shot() Shot {
	return Shot{
		Pos:  s.Pos.Add(s.Angle.Direction(ShipRadius + 6*One)),
		Vel:  s.Vel.Add(s.Angle.Direction(shotSpeed)),
		Life: ShotTicks,
	}
}
