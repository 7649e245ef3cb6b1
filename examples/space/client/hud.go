package main

import (
	"fmt"
	"math"
	"time"

	"github.com/queuednet/queuednet/examples/space/game"
	"github.com/queuednet/queuednet/examples/space/player"
)

var (
	pale  = tint{0.66, 0.76, 0.92, 1}
	glass = tint{0.03, 0.06, 0.12, 0.74}
)

// drawHUD draws what lies above the world.
func (a *app) drawHUD() {
	own, alive := a.player.Own()
	a.drawRadar(own)
	a.drawPointers(own)
	if alive {
		a.drawBars(own)
	}
	a.drawScores()
	a.canvas.flush()
	a.drawScoreTexts()
	a.drawStatus()
	a.drawChat()
	a.drawBanner(alive, 190)
	a.canvas.flush()
}

// drawBars draws health and energy in the middle below.
func (a *app) drawBars(own player.Drawn) {
	c := &a.canvas
	health := float64(own.Health) / game.MaxHealth
	energy := float64(a.player.Predicted().Energy) / game.MaxEnergy
	for i, b := range []struct {
		part float64
		tint tint
	}{{health, healthColor(health)}, {energy, tint{0.35, 0.7, 1, 1}}} {
		const w, h = 260, 8
		x, y, k := c.w/2-w/2, float64(height-44+i*16), c.scale
		c.panel(x-2, y-2, w+4, h+4, glass, pale.faded(0.25))
		c.solid.box(x*k, y*k, w*b.part*k, h*k, b.tint.faded(0.9))
		c.glow.line(x*k, (y+1.5)*k, (x+w*b.part)*k, (y+1.5)*k, 2*k, tint{1, 1, 1, 0.25})
	}
}

const radarSize = 170

// drawRadar draws all ships, below on the right.
func (a *app) drawRadar(own player.Drawn) {
	c, k := &a.canvas, a.canvas.scale
	x0, y0 := c.w-radarSize-16, c.bottom()-radarSize
	c.panel(x0, y0, radarSize, radarSize, glass, edge.faded(0.45))
	at := func(x, y float64) (float64, float64) {
		const part = radarSize * game.One / float64(game.Size)
		return (x0 + x*part) * k, (y0 + y*part) * k
	}
	for _, r := range a.player.Arena().Rocks {
		x, y := r.Pos.Units()
		px, py := at(x, y)
		c.solid.disc(px, py, float64(r.Radius)/game.One*radarSize/4096*k, pale.faded(0.22), pale.faded(0.16))
	}
	for _, b := range a.player.Blips() {
		if b.ID != own.ID {
			px, py := at(float64(b.X)*16, float64(b.Y)*16)
			c.solid.disc(px, py, 2.4*k, pilotColor(b.ID), pilotColor(b.ID).faded(0.7))
		}
	}
	px, py := at(own.X, own.Y)
	w, h := c.w*radarSize/4096*k, float64(height)*radarSize/4096*k
	c.solid.frame(px-w/2, py-h/2, w, h, k, pale.faded(0.25))
	c.glow.disc(px, py, 8*k, ownColor.faded(0.5), tint{})
	sin, cos := math.Sincos(own.Angle)
	c.solid.gradient(px, py, px+cos*9*k, py+sin*9*k, 1.5*k, ownColor, ownColor.faded(0))
	c.solid.disc(px, py, 3*k, ownColor, ownColor)
}

// drawPointers points from the edge of the screen to ships that are out of view.
func (a *app) drawPointers(own player.Drawn) {
	c, k := &a.canvas, a.canvas.scale
	for _, d := range a.player.Others() {
		dx, dy := d.X-c.x, d.Y-c.y
		if c.sees(d.X, d.Y, 0) {
			continue
		}
		part := min((c.w/2-18)/math.Abs(dx), (c.h/2-18)/math.Abs(dy))
		x, y := (c.w/2+dx*part)*k, (c.h/2+dy*part)*k
		length := math.Hypot(dx, dy)
		ux, uy := dx/length*9*k, dy/length*9*k
		t := pilotColor(d.ID).faded(1.15 - length/1300)
		c.solid.line(x+ux, y+uy, x-ux-uy*0.7, y-uy+ux*0.7, 1.8*k, t)
		c.solid.line(x+ux, y+uy, x-ux+uy*0.7, y-uy-ux*0.7, 1.8*k, t)
	}
}

// drawStatus writes how the connection does, above on the left.
func (a *app) drawStatus() {
	c, p := &a.canvas, a.player
	in, out := p.Received(), p.Sent()
	c.text(fmt.Sprintf("ping %d ms", p.RoundTrip().Milliseconds()), bold, 15, 18, 14, left, pale)
	c.text(fmt.Sprintf("in %.1f KB/s, %d/s     out %.1f KB/s, %d/s", float64(in.Bytes)/1000, in.Datagrams,
		float64(out.Bytes)/1000, out.Datagrams), regular, 13, 18, 36, left, pale.faded(0.7))
	c.text(a.address, regular, 13, 18, 54, left, pale.faded(0.45))
}

// drawBanner says in the middle, from y on, what one waits for.
func (a *app) drawBanner(alive bool, y float64) {
	c, p := &a.canvas, a.player
	banner := func(big, small string) {
		c.text(big, bold, 40, c.w/2, y, middle, tint{1, 1, 1, 0.95})
		c.text(small, regular, 18, c.w/2, y+52, middle, pale)
	}
	switch {
	case p.State() == player.Waiting:
		banner("CONNECTION LOST", fmt.Sprintf("%s  Again in %.0f s.", p.Reason(), math.Ceil(p.RetryIn().Seconds())))
	case p.State() == player.Connecting:
		banner("CONNECTING", a.address)
	case !alive && a.killer != "":
		banner("DESTROYED", fmt.Sprintf("by %s. A new ship in %.1f s.", a.killer, p.Down().Round(time.Second/10).Seconds()))
	case p.Down() == 0 && a.effects.shake > 4:
		c.panel(0, 0, c.w, c.h, tint{1, 0.1, 0.05, float32(a.effects.shake) / 160}, tint{})
	}
}
