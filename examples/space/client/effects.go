package main

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/queuednet/queuednet/examples/space/game"
	"github.com/queuednet/queuednet/examples/space/player"
)

// A spark flies for a while and fades.
type spark struct {
	x, y, vx, vy float64
	age, life    float64 // ticks
	size         float64
	tint         tint
}

// A wave is a ring that grows and fades.
type wave struct {
	x, y, age, life, reach float64
	tint                   tint
}

// effects are what is only seen: the rules know nothing of them.
type effects struct {
	sparks []spark
	waves  []wave
	shake  float64
}

// take turns the events of a tick into effects.
func (f *effects) take(p *player.Player) {
	for _, e := range p.Happened() {
		x, y := e.Pos.Units()
		switch e.What {
		case game.Fired:
			f.burst(x, y, 3, 1.5, 8, tint{1, 0.7, 0.3, 1})
		case game.Hit:
			f.burst(x, y, 14, 3.5, 22, tint{1, 0.8, 0.4, 1})
			f.waves = append(f.waves, wave{x, y, 0, 12, 22, tint{1, 0.8, 0.5, 0.8}})
			if e.Who == p.ID() {
				f.shake = max(f.shake, 7)
			}
		case game.Destroyed:
			f.explode(x, y, pilotColor(e.Who))
			if e.Who == p.ID() {
				f.shake = 18
			}
		case game.Spawned:
			f.waves = append(f.waves, wave{x, y, 0, 40, 70, edge.faded(0.8)})
		}
	}
}

// explode is the end of a ship.
func (f *effects) explode(x, y float64, t tint) {
	f.burst(x, y, 90, 5.5, 60, tint{1, 0.6, 0.2, 1})
	f.burst(x, y, 50, 3.5, 90, t)
	f.burst(x, y, 40, 8, 30, tint{1, 0.95, 0.8, 1})
	f.waves = append(f.waves,
		wave{x, y, 0, 45, 150, tint{1, 0.7, 0.4, 0.9}},
		wave{x, y, 0, 70, 90, t.faded(0.7)})
}

func (f *effects) burst(x, y float64, n int, speed, life float64, t tint) {
	for range n {
		sin, cos := math.Sincos(rand.Float64() * 2 * math.Pi)
		v := speed * math.Sqrt(rand.Float64())
		f.sparks = append(f.sparks, spark{
			x: x, y: y, vx: cos * v, vy: sin * v, life: life * (0.4 + 0.6*rand.Float64()),
			size: 1.3 + 2*rand.Float64(), tint: t,
		})
	}
}

// trail leaves what a thrusting ship burns.
func (f *effects) trail(d player.Drawn) {
	if d.Marks&game.MarkThrust == 0 {
		return
	}
	t, n := tint{1, 0.45, 0.15, 0.8}, 1
	if d.Marks&game.MarkBoost != 0 {
		t, n = tint{0.35, 0.55, 1, 0.9}, 3
	}
	for range n {
		sin, cos := math.Sincos(d.Angle + math.Pi + (rand.Float64()-0.5)*0.5)
		v := 2 + 2*rand.Float64()
		f.sparks = append(f.sparks, spark{
			x: d.X + cos*12, y: d.Y + sin*12, vx: cos * v, vy: sin * v,
			life: 18 + 14*rand.Float64(), size: 1 + rand.Float64(), tint: t,
		})
	}
}

// step is a tick.
func (f *effects) step() {
	for i := range f.sparks {
		s := &f.sparks[i]
		s.x, s.y = s.x+s.vx, s.y+s.vy
		s.vx, s.vy = s.vx*0.965, s.vy*0.965
		s.age++
	}
	f.sparks = slices.DeleteFunc(f.sparks, func(s spark) bool { return s.age >= s.life })
	for i := range f.waves {
		f.waves[i].age++
	}
	f.waves = slices.DeleteFunc(f.waves, func(w wave) bool { return w.age >= w.life })
	f.shake *= 0.88
}

func (f *effects) draw(c *canvas) {
	for i := range f.sparks {
		s := &f.sparks[i]
		if !c.sees(s.x, s.y, 10) {
			continue
		}
		left := 1 - s.age/s.life
		x, y := c.at(s.x, s.y)
		tx, ty := c.at(s.x-s.vx*2.2, s.y-s.vy*2.2)
		c.glow.gradient(x, y, tx, ty, s.size*c.scale, s.tint.faded(left), s.tint.faded(0))
		c.glow.disc(x, y, s.size*3*c.scale, s.tint.faded(left*0.6), tint{})
	}
	for _, w := range f.waves {
		part := w.age / w.life
		x, y := c.at(w.x, w.y)
		radius := w.reach * (1 - (1-part)*(1-part)) * c.scale
		c.glow.disc(x, y, radius, tint{}, w.tint.faded((1-part)*0.25))
		c.glow.ring(x, y, radius, 2.2*(1-part)*c.scale, w.tint.faded(1-part))
		if part < 0.25 && w.reach > 100 {
			c.glow.disc(x, y, 70*c.scale, tint{1, 0.95, 0.85, 1}.faded(1-4*part), tint{})
		}
	}
}
