package main

import (
	"fmt"
	"html"
	"image/color"
	"strings"

	"charm.land/lipgloss/v2"
	uv "github.com/charmbracelet/ultraviolet"
)

const (
	cellWidth, cellHeight = 9.0, 19.0
	background, text      = "#16161e", "#e6e6ef"
)

// svg draws what a terminal of a size would show as a picture.
func svg(content string, width, height int) string {
	canvas := lipgloss.NewCanvas(width, height)
	canvas.Compose(lipgloss.NewLayer(content))
	var b strings.Builder
	w, h := float64(width)*cellWidth+20, float64(height)*cellHeight+20
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" width="%g" height="%g" font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="15">`+"\n", w, h, w, h)
	fmt.Fprintf(&b, `<rect width="%g" height="%g" rx="8" fill="%s"/>`+"\n", w, h, background)
	for y := range height {
		for x := 0; x < width; {
			x += drawRun(&b, canvas, x, y)
		}
	}
	return b.String() + "</svg>\n"
}

// drawRun draws the cells from x on that look alike, and returns how many.
func drawRun(b *strings.Builder, canvas *lipgloss.Canvas, x, y int) int {
	first := canvas.CellAt(x, y)
	if first == nil {
		return 1
	}
	var run strings.Builder
	n := 0
	for x+n < canvas.Width() {
		cell := canvas.CellAt(x+n, y)
		if cell == nil || !cell.Style.Equal(&first.Style) {
			break
		}
		run.WriteString(cell.Content)
		n += max(1, cell.Width)
	}
	left, top := 10+float64(x)*cellWidth, 10+float64(y)*cellHeight
	if first.Style.Bg != nil {
		fmt.Fprintf(b, `<rect x="%g" y="%g" width="%g" height="%g" fill="%s"/>`+"\n", left, top, float64(n)*cellWidth+0.5, cellHeight, hex(first.Style.Bg))
	}
	if strings.TrimSpace(run.String()) != "" {
		fill, weight := text, ""
		if first.Style.Fg != nil {
			fill = hex(first.Style.Fg)
		}
		if first.Style.Attrs&uv.AttrBold != 0 {
			weight = ` font-weight="bold"`
		}
		fmt.Fprintf(b, `<text x="%g" y="%g" textLength="%g" xml:space="preserve" fill="%s"%s>%s</text>`+"\n",
			left, top+14, float64(n)*cellWidth, fill, weight, html.EscapeString(run.String()))
	}
	return n
}

func hex(c color.Color) string {
	r, g, b, _ := c.RGBA()
	return fmt.Sprintf("#%02x%02x%02x", r>>8, g>>8, b>>8)
}
