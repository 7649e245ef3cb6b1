package main

import (
	"math"

	"github.com/queuednet/queuednet/examples/space/game"
	"github.com/queuednet/queuednet/examples/space/player"
)

var ownColor = tint{0.45, 0.95, 1, 1}

// pilotColor returns the colour of a pilot, the same for all who see it. Nobody has the
// cyan in which everybody sees the own ship.
func pilotColor(id game.ID) tint {
	const end, cyan = 0.58, 0.14 // on the circle of hues, and how much of it
	part := math.Mod(float64(id)*0.618034+0.02, 1)
	return hue(math.Mod(end+part*(1-cyan), 1), 0.62, 1)
}

// A hull is a ship's outline, its nose to the right. The first corner sees all
// others.
var hull = [][2]float64{{-9, 0}, {-17, -16}, {-3, -9}, {25, 0}, {-3, 9}, {-17, 16}, {-9, 0}}

// ship draws a ship with its flames and its shield.
func ship(c *canvas, d player.Drawn, t tint, ticks int) {
	if !c.sees(d.X, d.Y, 60) {
		return
	}
	px, py := c.at(d.X, d.Y)
	sin, cos := math.Sincos(d.Angle)
	sin, cos = sin*c.scale, cos*c.scale
	point := func(x, y float64) (float64, float64) { return px + x*cos - y*sin, py + x*sin + y*cos }
	c.glow.disc(px, py, 46*c.scale, t.faded(0.3), tint{})
	flames(c, d, point, ticks)
	points := make([][2]float64, len(hull))
	for i, p := range hull {
		points[i][0], points[i][1] = point(p[0], p[1])
	}
	body := tint{t[0] * 0.55, t[1] * 0.55, t[2] * 0.55, 1}
	c.solid.fan(points, tint{t[0] * 0.15, t[1] * 0.15, t[2] * 0.15, 1}, body)
	for i := range len(points) - 1 {
		c.solid.line(points[i][0], points[i][1], points[i+1][0], points[i+1][1], 2.2*c.scale, t)
	}
	nx, ny := point(9, 0)
	c.glow.disc(nx, ny, 6*c.scale, t.faded(0.9), t.faded(0.1))
	if d.Marks&game.MarkShield != 0 {
		pulse := 0.6 + 0.3*math.Sin(float64(ticks)/6)
		c.glow.disc(px, py, 32*c.scale, tint{}, edge.faded(0.22))
		c.glow.ring(px, py, 32*c.scale, 1.5*c.scale, edge.faded(pulse))
	}
}

// flames draws what comes out of a ship.
func flames(c *canvas, d player.Drawn, point func(x, y float64) (float64, float64), ticks int) {
	flicker := float64(scramble(uint32(ticks), uint32(d.ID))%100) / 100
	if d.Marks&game.MarkThrust != 0 {
		length, hot, cold := 24+12*flicker, tint{1, 0.85, 0.4, 1}, tint{1, 0.3, 0.05, 0}
		if d.Marks&game.MarkBoost != 0 {
			length, hot, cold = 42+18*flicker, tint{0.7, 0.9, 1, 1}, tint{0.15, 0.3, 1, 0}
		}
		for _, width := range []float64{13, 6} {
			x0, y0 := point(-11, 0)
			x1, y1 := point(-11-length, 0)
			c.glow.gradient(x0, y0, x1, y1, width*c.scale, hot, cold)
		}
		x, y := point(-14, 0)
		c.glow.disc(x, y, (20+7*flicker)*c.scale, hot.faded(0.5), tint{})
	}
	if d.Marks&game.MarkBrake != 0 {
		for _, side := range []float64{-11, 11} {
			x0, y0 := point(5, side)
			x1, y1 := point(17+6*flicker, side*1.3)
			c.glow.gradient(x0, y0, x1, y1, 2.5*c.scale, tint{0.7, 0.85, 1, 0.8}, tint{0.4, 0.6, 1, 0})
		}
	}
}

// shot draws a shot with its tail.
func shot(c *canvas, s player.DrawnShot) {
	if !c.sees(s.X, s.Y, 30) {
		return
	}
	t := tint{1, 0.62, 0.25, 1}
	if s.Own {
		t = tint{0.4, 1, 0.85, 1}
	}
	x, y := c.at(s.X, s.Y)
	tx, ty := c.at(s.X-s.VX*3, s.Y-s.VY*3)
	c.glow.gradient(x, y, tx, ty, 7*c.scale, t.faded(0.6), t.faded(0))
	c.glow.gradient(x, y, tx, ty, 2.8*c.scale, tint{1, 1, 1, 1}, t.faded(0))
	c.glow.disc(x, y, 14*c.scale, t.faded(0.7), tint{})
}

// label writes a pilot's name and health below its ship.
func label(c *canvas, d player.Drawn, name string, t tint) {
	if !c.sees(d.X, d.Y, 30) {
		return
	}
	x, y := d.X-c.x+c.w/2, d.Y-c.y+c.h/2
	c.text(name, regular, 12, x, y+32, middle, t.faded(0.8))
	if d.Health < game.MaxHealth {
		const w = 34
		k := c.scale
		part := float64(d.Health) / game.MaxHealth
		c.solid.box((x-w/2)*k, (y+49)*k, w*k, 3*k, tint{1, 1, 1, 0.15})
		c.solid.box((x-w/2)*k, (y+49)*k, w*part*k, 3*k, healthColor(part))
	}
}

// healthColor goes from green to red.
func healthColor(part float64) tint { return hue(0.36*part, 0.75, 0.95) }
