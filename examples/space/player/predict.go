package player

import (
	"math"

	"github.com/queuednet/queuednet/examples/space/game"
)

const (
	maxPending = 240     // inputs without an answer: four seconds
	smoothOver = 150     // units; further off, the ship jumps
	smoothing  = 1 - 0.1 // of what was wrong, a tick
)

// A prediction is the own ship as it will be when the server has taken all that
// was sent.
type prediction struct {
	arena   *game.Arena
	ship    game.Ship
	alive   bool
	seq     uint32
	pending []game.Input // sent, and not yet in a snapshot

	offX, offY float64 // where it is drawn beside the truth, in units
}

// step is an input: the ship moves at once. It reports whether it fires.
func (p *prediction) step(keys game.Keys, view uint32) (in game.Input, fired bool) {
	p.seq++
	in = game.Input{Seq: p.seq, Keys: keys, View: view}
	if len(p.pending) == maxPending {
		p.pending = append(p.pending[:0], p.pending[1:]...)
	}
	p.pending = append(p.pending, in)
	if p.alive {
		fired, _ = p.ship.Step(keys, p.arena)
	}
	p.offX *= smoothing
	p.offY *= smoothing
	return in, fired
}

// correct goes back to the server's ship and repeats what it has not had. What
// was predicted wrong fades, instead of a jump.
func (p *prediction) correct(s *game.Snapshot) {
	taken := 0
	for taken < len(p.pending) && int32(p.pending[taken].Seq-s.Ack) <= 0 {
		taken++
	}
	p.pending = append(p.pending[:0], p.pending[taken:]...)
	before, was := p.ship, p.alive
	p.ship = s.Own
	p.alive = s.Down == 0
	if !p.alive {
		return
	}
	for _, in := range p.pending {
		p.ship.Step(in.Keys, p.arena)
	}
	x, y := before.Pos.Sub(p.ship.Pos).Units()
	p.offX += x
	p.offY += y
	if !was || math.Hypot(p.offX, p.offY) > smoothOver {
		p.offX, p.offY = 0, 0
	}
}
