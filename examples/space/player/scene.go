package player

import (
	"time"

	"github.com/queuednet/queuednet/examples/space/game"
)

// A Drawn is a ship as it is to be drawn now, in units and radians.
type Drawn struct {
	ID     game.ID
	X, Y   float64
	Angle  float64
	Health int
	Marks  game.Marks
}

// A Scene is what there is to see, at the player's moment: the own ship ahead of
// the server by the time that an input takes, the others behind it.
type Scene struct {
	id     game.ID
	own    prediction
	keys   game.Keys
	clock  clock
	track  track
	shots  shots
	last   game.Snapshot // its numbers; the lists are empty
	others []Drawn

	waiting  []game.Event // for the moment that is shown
	happened []game.Event
}

// ID returns the player's own.
func (s *Scene) ID() game.ID { return s.id }

// Arena returns the rocks and walls, nil before the first Welcome.
func (s *Scene) Arena() *game.Arena { return s.own.arena }

// Own returns the player's ship, which is only there if it is alive.
func (s *Scene) Own() (ship Drawn, alive bool) {
	x, y := s.own.ship.Pos.Units()
	ship = Drawn{
		ID: s.id, X: x + s.own.offX, Y: y + s.own.offY,
		Angle: s.own.ship.Angle.Radians(), Health: int(s.last.Health),
	}
	if s.keys&game.KeyThrust != 0 {
		ship.Marks |= game.MarkThrust
		if s.keys&game.KeyBoost != 0 && s.own.ship.Energy > 30 {
			ship.Marks |= game.MarkBoost
		}
	}
	if s.keys&game.KeyBrake != 0 {
		ship.Marks |= game.MarkBrake
	}
	if s.last.Shield > 0 {
		ship.Marks |= game.MarkShield
	}
	return ship, s.own.alive
}

// Predicted returns the player's ship as the rules have it.
func (s *Scene) Predicted() game.Ship { return s.own.ship }

// Down returns how long it takes until there is a ship again.
func (s *Scene) Down() time.Duration { return time.Duration(s.last.Down) * Tick }

// Others returns the other ships that are near, until the next Update.
func (s *Scene) Others() []Drawn { return s.others }

// Shots returns what flies, until the next Update.
func (s *Scene) Shots() []DrawnShot { return s.shots.drawn }

// Happened returns the events that are to be seen in this tick, until the next
// Update.
func (s *Scene) Happened() []game.Event { return s.happened }

// View returns the tick at which the others are shown.
func (s *Scene) View() uint32 { return uint32(max(s.clock.view, 0)) }

// begin starts anew, with a Welcome.
func (s *Scene) begin(m game.Welcome) {
	arena := s.own.arena
	if arena == nil || arena.Seed != m.Seed {
		arena = game.NewArena(m.Seed)
	}
	*s = Scene{id: m.ID, own: prediction{arena: arena}}
}

// update is the beginning of a tick, after what has come was handled.
func (s *Scene) update(now time.Time) {
	s.clock.advance(now)
	s.others = s.track.at(s.clock.view, s.others[:0])
	view := s.View()
	kept := s.waiting[:0]
	for _, e := range s.waiting {
		if int32(e.Tick-view) > 0 {
			kept = append(kept, e)
		} else {
			s.happen(e)
		}
	}
	s.waiting = kept
}

// steer is the player's part of a tick.
func (s *Scene) steer(keys game.Keys) game.Input {
	s.keys = keys
	in, fired := s.own.step(keys, s.View())
	s.happened = append(s.happened, s.shots.step(s)...)
	if fired {
		s.shots.fire(s.own.ship.Shot(), uint8(in.Seq))
	}
	return in
}

// snapshot takes what the server tells.
func (s *Scene) snapshot(now time.Time, m *game.Snapshot, lobby *Lobby) {
	s.clock.arrived(now, m.Tick)
	s.own.correct(m)
	s.track.add(m)
	s.last = game.Snapshot{Tick: m.Tick, Ack: m.Ack, Health: m.Health, Shield: m.Shield, Down: m.Down}
	for _, e := range m.Events {
		if e.What == game.Destroyed {
			lobby.destroyed(e)
		}
		if e.Who == s.id || e.By == s.id { // what is one's own is not seen in the past
			s.happen(e)
		} else {
			s.waiting = append(s.waiting, e)
		}
	}
}

// happen makes an event visible.
func (s *Scene) happen(e game.Event) {
	switch {
	case e.What == game.Fired && e.Who == s.id:
		s.shots.named(e)
	case e.What == game.Fired:
		s.shots.add(e)
		s.happened = append(s.happened, e)
	case e.What == game.Hit && s.shots.hit(e.Shot):
		// It has been seen already.
	default:
		s.happened = append(s.happened, e)
	}
}
