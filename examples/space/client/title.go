package main

import (
	"strings"

	"github.com/hajimehoshi/ebiten/v2"
	"github.com/hajimehoshi/ebiten/v2/inpututil"
	"github.com/queuednet/queuednet/examples/space/game"
	"github.com/queuednet/queuednet/examples/space/player"
)

// title is the screen before the game, where one says one's name.
type title struct {
	line
	name   string
	reason string // why the last game is over
}

// say tells why the game is over.
func (t *title) say(reason string) {
	t.reason = reason
	t.text = []rune(t.name)
}

// update reports whether the game begins.
func (t *title) update() bool {
	if t.text == nil {
		t.text = []rune(t.name)
	}
	t.line.update(16)
	if !inpututil.IsKeyJustPressed(ebiten.KeyEnter) && !inpututil.IsKeyJustPressed(ebiten.KeyNumpadEnter) {
		return false
	}
	t.name = strings.TrimSpace(string(t.text))
	t.reason = ""
	return true
}

func (a *app) drawTitle() {
	c := &a.canvas
	x := c.w / 2
	hero := player.Drawn{X: c.x, Y: c.y - 185, Angle: -0.35, Marks: game.MarkThrust}
	ship(c, hero, ownColor, a.ticks)
	if a.player == nil {
		c.panel(x-150, 338, 300, 44, glass, edge.faded(0.7))
	}
	c.flush()
	c.text("S P A C E", bold, 84, x, 212, middle, tint{0.93, 0.97, 1, 1})
	if a.player != nil {
		a.drawBanner(true, 340)
		return
	}
	cursor := " "
	if a.ticks/30%2 == 0 {
		cursor = "_"
	}
	c.text("your name", regular, 13, x, 314, middle, pale.faded(0.7))
	c.text(string(a.title.text)+cursor, bold, 22, x, 346, middle, tint{1, 1, 1, 1})
	c.text("Enter to play", bold, 17, x, 396, middle, edge)
	c.text(a.title.reason, regular, 17, x, 440, middle, tint{1, 0.6, 0.45, 1})
	for i, help := range [][2]string{
		{"turn", "left, right   or   A, D"}, {"thrust", "up   or   W"}, {"brake", "down   or   S"},
		{"fire", "space"}, {"boost", "shift"}, {"talk", "enter"}, {"all scores", "tab"},
	} {
		y := 500 + float64(i)*24
		c.text(help[0], regular, 15, x-16, y, right, pale.faded(0.6))
		c.text(help[1], regular, 15, x+16, y, left, pale)
	}
}
