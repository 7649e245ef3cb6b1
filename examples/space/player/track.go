package player

import (
	"math"

	"github.com/queuednet/queuednet/examples/space/game"
)

const (
	frames    = 24 // that are remembered
	foresight = 6  // ticks that a ship goes on if no snapshot comes
	jumpFrom  = 90 // units between two snapshots: it is another ship
)

// A frame is where the others were in a tick, by ID.
type frame struct {
	tick   uint32
	others []game.Sight
}

// A track remembers the last snapshots, to show moments between them.
type track struct {
	list []frame // the oldest first
}

func (t *track) add(m *game.Snapshot) {
	var f frame
	if len(t.list) == frames { // its memory is used again
		f = t.list[0]
		t.list = append(t.list[:0], t.list[1:]...)
	}
	f.tick = m.Tick
	f.others = append(f.others[:0], m.Others...)
	t.list = append(t.list, f)
}

// at appends the ships as they were at a moment.
func (t *track) at(view float64, drawn []Drawn) []Drawn {
	if len(t.list) == 0 {
		return drawn
	}
	a, b := t.around(view)
	part := 0.0
	if b.tick > a.tick {
		part = (view - float64(a.tick)) / float64(b.tick-a.tick)
		part = min(max(part, 0), 1+foresight/float64(b.tick-a.tick))
	}
	next := b.others
	for _, from := range a.others {
		for len(next) > 0 && next[0].ID < from.ID {
			next = next[1:]
		}
		to := from
		if len(next) > 0 && next[0].ID == from.ID {
			to = next[0]
		}
		drawn = append(drawn, between(from, to, part))
	}
	return drawn
}

// around returns the snapshots before and after a moment.
func (t *track) around(view float64) (a, b frame) {
	i := 1
	for i < len(t.list)-1 && float64(t.list[i].tick) <= view {
		i++
	}
	i = min(i, len(t.list)-1)
	return t.list[max(i-1, 0)], t.list[i]
}

// between returns a ship on its way from one sight to another.
func between(from, to game.Sight, part float64) Drawn {
	x, y := from.Pos.Units()
	d := Drawn{ID: from.ID, X: x, Y: y, Health: int(from.Health), Marks: from.Marks, Angle: from.Angle.Radians()}
	dx, dy := to.Pos.Sub(from.Pos).Units()
	if math.Hypot(dx, dy) > jumpFrom {
		return d
	}
	d.X += dx * part
	d.Y += dy * part
	d.Angle += float64(int16(to.Angle-from.Angle)) * math.Pi / 32768 * part
	return d
}
