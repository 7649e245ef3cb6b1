package main

import (
	"bytes"
	"math"

	"github.com/hajimehoshi/ebiten/v2"
	"github.com/hajimehoshi/ebiten/v2/text/v2"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
)

// height is how much of the world is seen from top to bottom, in units. The HUD is
// measured in the same units.
const height = 720

var (
	regular = face(goregular.TTF)
	bold    = face(gobold.TTF)
)

func face(ttf []byte) *text.GoTextFaceSource {
	source, err := text.NewGoTextFaceSource(bytes.NewReader(ttf))
	if err != nil {
		panic(err) // the font is a part of the program
	}
	return source
}

// A canvas is what is drawn on in a frame: solid shapes, glowing ones, and texts,
// with the place in the world that is in its middle.
type canvas struct {
	solid, glow mesh
	dst, haze   *ebiten.Image // haze is memory for the clouds
	scale       float64       // pixels of a unit
	w, h        float64       // in units
	x, y        float64       // the middle
}

// begin prepares for a frame.
func (c *canvas) begin(dst *ebiten.Image, x, y float64) {
	bounds := dst.Bounds()
	c.dst = dst
	c.scale = float64(bounds.Dy()) / height
	c.w, c.h = float64(bounds.Dx())/c.scale, height
	c.x, c.y = x, y
}

// flush draws what was collected: texts lie above it.
func (c *canvas) flush() {
	c.solid.draw(c.dst, ebiten.BlendSourceOver)
	c.glow.draw(c.dst, ebiten.BlendLighter)
}

// at returns the pixel of a place in the world.
func (c *canvas) at(x, y float64) (px, py float64) {
	return (x - c.x + c.w/2) * c.scale, (y - c.y + c.h/2) * c.scale
}

// sees reports whether something of that size is in view.
func (c *canvas) sees(x, y, size float64) bool {
	return math.Abs(x-c.x) < c.w/2+size && math.Abs(y-c.y) < c.h/2+size
}

// worldLine draws a line between two places in the world.
func (c *canvas) worldLine(m *mesh, x0, y0, x1, y1, width float64, t tint) {
	ax, ay := c.at(x0, y0)
	bx, by := c.at(x1, y1)
	m.line(ax, ay, bx, by, width*c.scale, t)
}

// Where a text is drawn beside its place.
const (
	left   = text.AlignStart
	middle = text.AlignCenter
	right  = text.AlignEnd
)

// text writes a line at a place of the screen, in units from its top left corner.
func (c *canvas) text(s string, font *text.GoTextFaceSource, size, x, y float64, align text.Align, t tint) {
	options := &text.DrawOptions{}
	options.GeoM.Translate(x*c.scale, y*c.scale)
	options.ColorScale.ScaleWithColor(t.color())
	options.PrimaryAlign = align
	text.Draw(c.dst, s, &text.GoTextFace{Source: font, Size: size * c.scale}, options)
}

// width returns how wide a text is, in units.
func (c *canvas) width(s string, font *text.GoTextFaceSource, size float64) float64 {
	return text.AdvanceAt(s, len(s), &text.GoTextFace{Source: font, Size: size})
}

// bottom is where the lower corners of the HUD end: above the bars, if the window is so
// narrow that they reach into the middle.
func (c *canvas) bottom() float64 {
	if c.w < 1100 {
		return height - 58
	}
	return height - 16
}

// panel draws a box of the HUD, in units of the screen.
func (c *canvas) panel(x, y, w, h float64, fill, edge tint) {
	k := c.scale
	c.solid.box(x*k, y*k, w*k, h*k, fill)
	c.solid.frame(x*k, y*k, w*k, h*k, k, edge)
}
