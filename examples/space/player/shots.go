package player

import (
	"math"
	"slices"

	"github.com/queuednet/queuednet/examples/space/game"
)

// A DrawnShot is a shot as it is to be drawn now, in units and units a tick.
type DrawnShot struct {
	X, Y, VX, VY float64
	Own          bool
}

// A flying shot. Those of others fly at the tick that is shown, one's own from the
// moment at which the key went down.
type flying struct {
	game.Shot
	own  bool
	seq  uint8
	at   uint32 // the tick of the place, of others
	gone bool   // it is not to be seen any more
	left int    // ticks until it is forgotten
}

const shotMemory = 120 // ticks: the server's answer may take so long

// shots is what flies.
type shots struct {
	list  []flying
	drawn []DrawnShot
	hits  []game.Event
}

// fire adds a shot of one's own, before the server knows of it.
func (s *shots) fire(shot game.Shot, seq uint8) {
	s.list = append(s.list, flying{Shot: shot, own: true, seq: seq, left: shotMemory})
}

// named tells the server's number of a shot of one's own.
func (s *shots) named(e game.Event) {
	for i := range s.list {
		if f := &s.list[i]; f.own && f.seq == e.Seq && f.ID == 0 {
			f.ID = e.Shot
			return
		}
	}
}

// add adds a shot of somebody else.
func (s *shots) add(e game.Event) {
	shot := game.Shot{ID: e.Shot, Owner: e.Who, Pos: e.Pos, Vel: e.Vel, Life: game.ShotTicks}
	s.list = append(s.list, flying{Shot: shot, at: e.Tick, left: shotMemory})
}

// hit takes away a shot that has hit somebody. It reports whether that was seen
// before.
func (s *shots) hit(id uint16) (seen bool) {
	for i := range s.list {
		if f := &s.list[i]; f.ID == id {
			seen = f.own && f.gone
			f.gone = true
			return seen
		}
	}
	return false
}

// step moves all shots to the moment of the scene. It returns the hits of one's
// own shots on what is seen: the server will say the same.
func (s *shots) step(scene *Scene) []game.Event {
	s.hits, s.drawn = s.hits[:0], s.drawn[:0]
	for i := range s.list {
		f := &s.list[i]
		f.left--
		if f.own {
			s.stepOwn(f, scene)
		} else {
			s.stepOther(f, scene)
		}
	}
	s.list = slices.DeleteFunc(s.list, func(f flying) bool { return f.left <= 0 || f.gone && !f.own })
	return s.hits
}

func (s *shots) stepOwn(f *flying, scene *Scene) {
	if f.gone {
		return
	}
	f.gone = !f.Step(scene.own.arena)
	x, y := f.Pos.Units()
	for _, o := range scene.others {
		if math.Hypot(o.X-x, o.Y-y) < game.ShipRadius/game.One+3 {
			s.hits = append(s.hits, game.Event{What: game.Hit, Who: o.ID, By: scene.id, Pos: f.Pos})
			f.gone = true
			return
		}
	}
	s.draw(f, 0)
}

func (s *shots) stepOther(f *flying, scene *Scene) {
	for int32(scene.View()-f.at) > 0 && !f.gone {
		f.at++
		f.gone = !f.Step(scene.own.arena)
	}
	s.draw(f, scene.clock.view-float64(f.at))
}

// draw adds a shot to what is drawn, a part of a tick further on.
func (s *shots) draw(f *flying, part float64) {
	if f.gone {
		return
	}
	x, y := f.Pos.Units()
	vx, vy := f.Vel.Units()
	s.drawn = append(s.drawn, DrawnShot{x + vx*part, y + vy*part, vx, vy, f.own})
}
