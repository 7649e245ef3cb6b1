package main

import (
	"image"
	"image/color"
	"math"

	"github.com/hajimehoshi/ebiten/v2"
)

// A tint is a colour: red, green, blue and how opaque, from 0 to 1.
type tint [4]float32

func (c tint) faded(by float64) tint {
	c[3] *= float32(min(max(by, 0), 1))
	return c
}

func (c tint) color() color.NRGBA {
	return color.NRGBA{uint8(c[0] * 255), uint8(c[1] * 255), uint8(c[2] * 255), uint8(c[3] * 255)}
}

// hue returns the colour of a part of the colour circle.
func hue(part, saturation, value float64) tint {
	channel := func(shift float64) float32 {
		at := math.Abs(math.Mod(part+shift, 1)*6 - 3)
		return float32(value * (1 - saturation*(1-min(max(at-1, 0), 1))))
	}
	return tint{channel(0), channel(2.0 / 3), channel(1.0 / 3), 1}
}

// white is the texture of everything that has only colours.
var white = func() *ebiten.Image {
	whole := ebiten.NewImage(3, 3)
	whole.Fill(image.White)
	return whole.SubImage(image.Rect(1, 1, 2, 2)).(*ebiten.Image)
}()

// A mesh collects shapes, in pixels, to draw them all at once. Their edges are
// soft over a pixel, so that nothing else smooths them.
type mesh struct {
	vertices []ebiten.Vertex
	indices  []uint32
}

// draw draws what was collected, and begins anew.
func (m *mesh) draw(dst *ebiten.Image, blend ebiten.Blend) {
	if len(m.indices) > 0 {
		dst.DrawTriangles32(m.vertices, m.indices, white, &ebiten.DrawTrianglesOptions{Blend: blend})
	}
	m.vertices, m.indices = m.vertices[:0], m.indices[:0]
}

func (m *mesh) vertex(x, y float64, c tint) uint32 {
	m.vertices = append(m.vertices, ebiten.Vertex{
		DstX: float32(x), DstY: float32(y), SrcX: 1, SrcY: 1,
		ColorR: c[0] * c[3], ColorG: c[1] * c[3], ColorB: c[2] * c[3], ColorA: c[3],
	})
	return uint32(len(m.vertices) - 1)
}

func (m *mesh) triangle(a, b, c uint32) { m.indices = append(m.indices, a, b, c) }

// line draws a line that is so wide.
func (m *mesh) line(x0, y0, x1, y1, width float64, c tint) { m.gradient(x0, y0, x1, y1, width, c, c) }

// gradient draws a line whose colour changes from one end to the other.
func (m *mesh) gradient(x0, y0, x1, y1, width float64, from, to tint) {
	dx, dy := x1-x0, y1-y0
	length := math.Hypot(dx, dy)
	if length == 0 {
		return
	}
	nx, ny := -dy/length, dx/length
	half := width / 2
	first := uint32(len(m.vertices))
	for _, side := range [4][2]float64{{-half - 1, 0}, {-half, 1}, {half, 1}, {half + 1, 0}} {
		m.vertex(x0+nx*side[0], y0+ny*side[0], from.faded(side[1]))
		m.vertex(x1+nx*side[0], y1+ny*side[0], to.faded(side[1]))
	}
	for i := first; i < first+6; i += 2 {
		m.triangle(i, i+1, i+2)
		m.triangle(i+1, i+3, i+2)
	}
}

// disc draws a disc whose colour changes from the middle to the edge.
func (m *mesh) disc(x, y, radius float64, middle, edge tint) {
	corners := int(min(max(radius, 8), 48))
	center := m.vertex(x, y, middle)
	for i := range corners {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / float64(corners))
		v := m.vertex(x+cos*radius, y+sin*radius, edge)
		m.triangle(center, v, center+1+uint32((i+1)%corners))
	}
}

// ring draws a circle.
func (m *mesh) ring(x, y, radius, width float64, c tint) {
	corners := int(min(max(radius, 12), 64))
	px, py := x+radius, y
	for i := range corners {
		sin, cos := math.Sincos(2 * math.Pi * float64(i+1) / float64(corners))
		m.line(px, py, x+cos*radius, y+sin*radius, width, c)
		px, py = x+cos*radius, y+sin*radius
	}
}

// box draws a rectangle.
func (m *mesh) box(x, y, w, h float64, c tint) {
	a, b := m.vertex(x, y, c), m.vertex(x+w, y, c)
	d, e := m.vertex(x+w, y+h, c), m.vertex(x, y+h, c)
	m.triangle(a, b, d)
	m.triangle(a, d, e)
}

// frame draws the edges of a rectangle.
func (m *mesh) frame(x, y, w, h, width float64, c tint) {
	m.line(x, y, x+w, y, width, c)
	m.line(x+w, y, x+w, y+h, width, c)
	m.line(x+w, y+h, x, y+h, width, c)
	m.line(x, y+h, x, y, width, c)
}

// fan fills a polygon all of whose corners are seen from its first one.
func (m *mesh) fan(points [][2]float64, middle, edge tint) {
	first := m.vertex(points[0][0], points[0][1], middle)
	for i, p := range points[1:] {
		v := m.vertex(p[0], p[1], edge)
		if i > 0 {
			m.triangle(first, v-1, v)
		}
	}
}
