package main

import (
	"image"
	"math"

	"github.com/hajimehoshi/ebiten/v2"
	"github.com/queuednet/queuednet/examples/space/game"
)

var (
	night = tint{0.02, 0.027, 0.06, 1}
	edge  = tint{0.25, 0.65, 1, 1}
)

// coarse is how many pixels one of the clouds has, which have no edges.
const coarse = 8

// sky draws what is behind everything: clouds and stars, which move the less the
// further they are away.
func sky(c *canvas, ticks int) {
	clouds(c)
	for layer, depth := range []float64{0.12, 0.3, 0.55} {
		stars(c, uint32(layer), depth, 70+45*float64(layer), ticks)
	}
}

// clouds draws them small, and then large: so large discs cost little.
func clouds(c *canvas) {
	size := c.dst.Bounds().Size().Div(coarse).Add(image.Pt(1, 1))
	if c.haze == nil || c.haze.Bounds().Size() != size {
		c.haze = ebiten.NewImage(size.X, size.Y)
	}
	c.haze.Clear()
	for i := range 30 {
		h := scramble(uint32(i), 77)
		x, y, radius := float64(h%9000)-2450, float64(h>>12%9000)-2450, 320+float64(h>>24)*1.3
		cloud(c, x, y, radius, hue(0.52+float64(i%6)*0.07, 0.85, 1).faded(0.36))
		cloud(c, x+radius/3, y-radius/4, radius/2, hue(0.58+float64(i%6)*0.07, 0.6, 1).faded(0.22)) // its brighter heart
	}
	c.glow.draw(c.haze, ebiten.BlendLighter)
	options := &ebiten.DrawImageOptions{Blend: ebiten.BlendLighter, Filter: ebiten.FilterLinear}
	options.GeoM.Scale(coarse, coarse)
	c.dst.DrawImage(c.haze, options)
}

func cloud(c *canvas, x, y, radius float64, t tint) {
	const depth = 0.25
	x, y = (x-c.x)*depth+c.w/2, (y-c.y)*depth+c.h/2
	if x > -radius && y > -radius && x < c.w+radius && y < c.h+radius {
		k := c.scale / coarse
		c.glow.disc(x*k, y*k, radius*k, t, tint{})
	}
}

// stars draws one star in each cell of a grid that is so far away.
func stars(c *canvas, layer uint32, depth, cell float64, ticks int) {
	left, top := c.x*depth-c.w/2, c.y*depth-c.h/2
	for i := math.Floor(left / cell); i*cell < left+c.w; i++ {
		for j := math.Floor(top / cell); j*cell < top+c.h; j++ {
			h := scramble(uint32(int32(i))*7919+uint32(int32(j)), layer)
			x := (i+float64(h&255)/256)*cell - left
			y := (j+float64(h>>8&255)/256)*cell - top
			bright := 0.3 + float64(h>>16&63)/75
			bright *= 0.85 + 0.15*math.Sin(float64(ticks)/40+float64(h&63))
			size := (0.9 + float64(h>>22&7)/6 + depth) * c.scale
			t := hue(0.55+float64(h>>28)/60, 0.25, 1)
			c.glow.disc(x*c.scale, y*c.scale, size, t.faded(bright), t.faded(bright*0.25))
			if h>>16&63 > 60 { // a bright one
				c.glow.disc(x*c.scale, y*c.scale, 11*c.scale, t.faded(0.22), tint{})
			}
		}
	}
}

// scramble makes a number that looks like chance of two.
func scramble(n, salt uint32) uint32 {
	n = n*0x9E3779B1 + salt*0x85EBCA77
	n = (n ^ n>>15) * 0x2C1B3C6D
	n = (n ^ n>>12) * 0x297A2D39
	return n ^ n>>15
}

// walls draws the end of the world.
func walls(c *canvas, ticks int) {
	const size = game.Size / game.One
	pulse := 0.75 + 0.25*math.Sin(float64(ticks)/30)
	for _, l := range [4][4]float64{{0, 0, size, 0}, {size, 0, size, size}, {size, size, 0, size}, {0, size, 0, 0}} {
		if c.sees(c.x, l[1], 40) && l[1] == l[3] || c.sees(l[0], c.y, 40) && l[0] == l[2] {
			c.worldLine(&c.glow, l[0], l[1], l[2], l[3], 18, edge.faded(0.10*pulse))
			c.worldLine(&c.glow, l[0], l[1], l[2], l[3], 7, edge.faded(0.2*pulse))
			c.worldLine(&c.glow, l[0], l[1], l[2], l[3], 2, edge.faded(0.9))
		}
	}
}

// rocks draws the rocks in view.
func rocks(c *canvas, arena *game.Arena) {
	for i := range arena.Rocks {
		r := &arena.Rocks[i]
		x, y := r.Pos.Units()
		if radius := float64(r.Radius) / game.One; c.sees(x, y, radius*1.2) {
			rock(c, x, y, radius, r.Shape)
		}
	}
}

func rock(c *canvas, x, y, radius float64, shape uint32) {
	const corners = 18
	px, py := c.at(x, y)
	light := tint{0.42, 0.44, 0.52, 1}
	dark := tint{0.10, 0.11, 0.18, 1}
	points := [][2]float64{{px - radius*0.3*c.scale, py - radius*0.3*c.scale}}
	for i := range corners + 1 {
		sin, cos := math.Sincos(2 * math.Pi * float64(i%corners) / corners)
		r := radius * (0.94 + float64(scramble(shape, uint32(i%corners))%100)/900) * c.scale
		points = append(points, [2]float64{px + cos*r, py + sin*r})
	}
	c.solid.fan(points, light, dark)
	for i := 1; i <= corners; i++ {
		a, b := points[i], points[i+1]
		lit := 0.35 - 0.3*((a[0]-px)+(a[1]-py))/(radius*1.5*c.scale)
		c.solid.line(a[0], a[1], b[0], b[1], 1.6*c.scale, tint{0.65, 0.75, 0.95, 1}.faded(lit))
	}
	for i := range uint32(4) {
		h := scramble(shape, 100+i)
		sin, cos := math.Sincos(float64(h&1023) / 163)
		d := radius * (0.2 + float64(h>>10&63)/150)
		size := radius * (0.08 + float64(h>>16&31)/260)
		cx, cy := c.at(x+cos*d, y+sin*d)
		c.solid.disc(cx, cy, size*c.scale, tint{0.05, 0.06, 0.10, 0.8}, tint{0.10, 0.12, 0.18, 0.5})
	}
}
