package report

import (
	"bytes"
	"fmt"
	"html"
	"math"
	"slices"
	"strconv"
	"strings"
)

// An svg is a drawing that reads on light and dark ground. Colours are classes:
// the peers' are p0, p1 …, by their place in the order of columns.
type svg struct {
	bytes.Buffer
}

// colours are the peers', as they are on light and on dark ground.
var colours = [][2]string{
	{"#1a66c9", "#6db3ff"}, // queuednet
	{"#c4421a", "#ff9466"},
	{"#8a6d00", "#e3c341"},
	{"#2c8a3d", "#6fd383"},
	{"#0b8587", "#4ed4d6"},
	{"#7b46c0", "#bf9bff"},
	{"#b0307f", "#ff87c9"},
	{"#7a4a21", "#d0a274"},
	{"#a11d1d", "#ff7676"},
	{"#5b6570", "#aab4be"},
	{"#2c8a3d", "#6fd383"}, // hand-written: only with the next, in a work of their own
	{"#8a6d00", "#e3c341"},
	{"#5b6570", "#aab4be"}, // whoever else
}

// newSVG begins a drawing.
func newSVG(width, height int, title string) *svg {
	s := new(svg)
	fmt.Fprintf(s, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">`+"\n",
		width, height, width, height)
	fmt.Fprintf(s, "<title>%s</title>\n<style>\n", html.EscapeString(title))
	s.WriteString("text { font: 12px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif }\n" +
		".title { font-size: 14px; font-weight: 600 }\n.line { stroke-width: 2 }\n")
	s.colours(0, "#ffffff", "#1f2328", "#d5d9de", "#59636e")
	s.WriteString("@media (prefers-color-scheme: dark) {\n")
	s.colours(1, "#0d1117", "#e6edf3", "#30363d", "#9198a1")
	s.WriteString("}\n</style>\n")
	fmt.Fprintf(s, `<rect class="ground" width="%d" height="%d"/>`+"\n", width, height)
	return s
}

// colours writes the classes for one ground.
func (s *svg) colours(scheme int, ground, ink, grid, quiet string) {
	fmt.Fprintf(s, ".ground { fill: %s }\ntext { fill: %s }\n.grid { stroke: %s }\n.axis { stroke: %s }\n.quiet { fill: %s }\n",
		ground, ink, grid, quiet, quiet)
	for i, colour := range colours {
		fmt.Fprintf(s, ".p%d { fill: %s; stroke: %s }\n", i, colour[scheme], colour[scheme])
	}
	fmt.Fprintf(s, ".ahead { fill: %s }\n.behind { fill: %s }\n.line { fill: none }\n",
		[]string{"#c9dcf5", "#1d3a5f"}[scheme], []string{"#f6cfcf", "#672a2a"}[scheme])
}

// text writes text at a point; anchor is start, middle or end.
func (s *svg) text(x, y float64, anchor, class, text string) {
	fmt.Fprintf(s, `<text x="%.1f" y="%.1f" text-anchor="%s" class="%s">%s</text>`+"\n",
		x, y, anchor, class, html.EscapeString(text))
}

func (s *svg) line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(s, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`+"\n", x1, y1, x2, y2, class)
}

// A point is a place in a drawing.
type point struct{ x, y float64 }

func (s *svg) polyline(points []point, class string) {
	var path strings.Builder
	for _, p := range points {
		fmt.Fprintf(&path, "%.1f,%.1f ", p.x, p.y)
	}
	fmt.Fprintf(s, `<polyline points="%s" class="%s"/>`+"\n", strings.TrimSpace(path.String()), class)
}

// bar draws a bar to the peer that comes closest.
func (s *svg) bar(from, to, middle float64, ahead bool) {
	class := "behind"
	if ahead {
		class = "ahead"
	}
	fmt.Fprintf(s, `<rect x="%.1f" y="%.1f" width="%.1f" height="12" class="%s"/>`+"\n",
		min(from, to), middle-6, math.Abs(to-from), class)
}

// mark draws the sign of a peer, a shape as well as a colour, and names it with
// a figure for whoever points at it.
func (s *svg) mark(p point, peer int, name string) {
	const r = 4.0
	shapes := []string{
		`<circle cx="%[1]g" cy="%[2]g" r="%[3]g"`,
		`<rect x="%[4]g" y="%[5]g" width="%[8]g" height="%[8]g"`,
		`<polygon points="%[1]g,%[5]g %[6]g,%[7]g %[4]g,%[7]g"`,
		`<polygon points="%[1]g,%[5]g %[6]g,%[2]g %[1]g,%[7]g %[4]g,%[2]g"`,
	}
	x, y := math.Round(p.x*10)/10, math.Round(p.y*10)/10
	fmt.Fprintf(s, shapes[peer%len(shapes)], x, y, r, x-r, y-r, x+r, y+r, 2*r)
	fmt.Fprintf(s, ` class="p%d"><title>%s</title></`, peer, html.EscapeString(name))
	s.WriteString([]string{"circle", "rect", "polygon", "polygon"}[peer%len(shapes)] + ">\n")
}

// legend draws the names of the peers in lines of a width from a point on.
func (s *svg) legend(from point, width float64, peers []string) {
	at := from
	for _, peer := range peers {
		size := 28 + 6.7*float64(len(peer))
		if at.x+size > width {
			at = point{from.x, at.y + 20}
		}
		s.mark(point{at.x, at.y - 4}, place(peer), peer)
		s.text(at.x+9, at.y, "start", "", peer)
		at.x += size
	}
}

func (s *svg) end() []byte {
	s.WriteString("</svg>\n")
	return s.Bytes()
}

// A logScale puts values from..to between two places, a decade as long as any
// other.
type logScale struct {
	from, to      float64
	start, finish float64
}

// newLogScale returns a scale for values from least to most, widened to round
// ones.
func newLogScale(least, most, start, finish float64) logScale {
	l := logScale{math.Pow(10, math.Floor(math.Log10(least))), math.Pow(10, math.Ceil(math.Log10(most))), start, finish}
	for _, tick := range l.ticks(1, 2, 5) {
		if tick <= least*(1+rounding) {
			l.from = tick
		}
	}
	for _, tick := range slices.Backward(l.ticks(1, 2, 5)) {
		if tick >= most*(1-rounding) {
			l.to = tick
		}
	}
	if l.from == l.to {
		l.to *= 10
	}
	return l
}

func (l logScale) at(value float64) float64 {
	return l.start + (l.finish-l.start)*math.Log(value/l.from)/math.Log(l.to/l.from)
}

const rounding = 1e-9 // of powers of ten

// ticks returns the round values on the scale: the factors, of each decade.
func (l logScale) ticks(factors ...float64) []float64 {
	var ticks []float64
	for exponent := math.Floor(math.Log10(l.from)); exponent <= math.Log10(l.to); exponent++ {
		for _, factor := range factors {
			tick := factor * math.Pow(10, exponent)
			if tick >= l.from*(1-rounding) && tick <= l.to*(1+rounding) {
				ticks = append(ticks, tick)
			}
		}
	}
	return ticks
}

// tickLabel writes a round value.
func tickLabel(tick float64) string {
	if tick < 1 {
		return strconv.FormatFloat(tick, 'g', 1, 64)
	}
	return number(tick)
}
