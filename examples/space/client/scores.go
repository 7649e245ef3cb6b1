package main

import (
	"fmt"

	"github.com/queuednet/queuednet/examples/space/player"
)

const (
	rowsShown = 8
	rowHeight = 21
	tableWide = 264
)

// tableTop is where the table begins: below what stands on the left, if the window has
// no room beside that.
func (a *app) tableTop() float64 {
	if a.canvas.w < 560 {
		return 80
	}
	return 16
}

// rows returns the lines of the table that are shown: the best, and one's own.
func (a *app) rows() (rows []player.Row, first []int) {
	most := rowsShown
	if a.full {
		most = 29
	}
	for i, r := range a.player.Rows() {
		if len(rows) < most || r.ID == a.player.ID() {
			rows, first = append(rows, r), append(first, i+1)
		}
	}
	return rows, first
}

func (a *app) drawScores() {
	rows, _ := a.rows()
	c := &a.canvas
	x, top := c.w-tableWide-16, a.tableTop()
	c.panel(x, top, tableWide, float64(len(rows)+1)*rowHeight+12, glass, edge.faded(0.3))
	for i, r := range rows {
		if r.ID == a.player.ID() {
			k := c.scale
			c.solid.box((x+2)*k, (top+float64(i+1)*rowHeight+5)*k, (tableWide-4)*k, rowHeight*k, ownColor.faded(0.16))
		}
	}
}

func (a *app) drawScoreTexts() {
	c := &a.canvas
	x, y := c.w-tableWide-16, a.tableTop()+6
	column := func(s string, at float64, t tint) { c.text(s, regular, 14, x+at, y, right, t) }
	c.text(fmt.Sprintf("%d pilots", len(a.player.Rows())), bold, 13, x+12, y, left, pale.faded(0.8))
	column("kills", 170, pale.faded(0.6))
	column("lost", 210, pale.faded(0.6))
	column("ms", 252, pale.faded(0.6))
	rows, place := a.rows()
	for i, r := range rows {
		y += rowHeight
		t := pilotColor(r.ID)
		if r.ID == a.player.ID() {
			t = ownColor
		}
		ping := fmt.Sprint(r.RoundTrip)
		if r.Lost {
			ping, t = "lost", t.faded(0.4)
		}
		c.text(fmt.Sprintf("%d  %s", place[i], r.Name), regular, 14, x+12, y, left, t)
		column(fmt.Sprint(r.Kills), 170, pale)
		column(fmt.Sprint(r.Deaths), 210, pale.faded(0.8))
		column(ping, 252, pale.faded(0.6))
	}
}
