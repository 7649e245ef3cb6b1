package main

import (
	"time"

	"github.com/hajimehoshi/ebiten/v2"
	"github.com/hajimehoshi/ebiten/v2/inpututil"
	"github.com/queuednet/queuednet/examples/space/player"
)

const (
	chatLines = 7
	chatFor   = 12 * time.Second
)

// repeated reports whether a key acts in this tick, as it does again and again
// while it is held.
func repeated(key ebiten.Key) bool {
	d := inpututil.KeyPressDuration(key)
	return d == 1 || d > 25 && d%3 == 0
}

// chat is the line that is being typed, if one is.
type chat struct {
	line
	typing bool
}

// update reports whether the keyboard is the chat's in this tick.
func (c *chat) update(p *player.Player) bool {
	enter := inpututil.IsKeyJustPressed(ebiten.KeyEnter) || inpututil.IsKeyJustPressed(ebiten.KeyNumpadEnter)
	switch {
	case c.typing && enter:
		p.Say(string(c.text))
		*c = chat{}
		return true
	case c.typing && inpututil.IsKeyJustPressed(ebiten.KeyEscape):
		*c = chat{}
		return true
	case enter:
		c.typing = true
	case c.typing:
		c.line.update(120)
	}
	return c.typing
}

// drawChat writes the last lines, which fade unless one is being typed.
func (a *app) drawChat() {
	c := &a.canvas
	y := c.bottom() - 38
	if a.chat.typing {
		c.panel(16, y, min(520, c.w-radarSize-48), 26, tint{0.02, 0.05, 0.1, 0.8}, edge.faded(0.5))
		c.flush()
		c.text("say: "+string(a.chat.text)+"_", regular, 15, 24, y+4, left, tint{1, 1, 1, 1})
	} else if a.player.State() == player.Playing {
		c.text("Enter to talk   ·   Tab for all scores   ·   Esc to leave", regular, 12, 18, y+8, left, pale.faded(0.35))
	}
	lines := a.player.Lines()
	lines = lines[max(len(lines)-chatLines, 0):]
	for i := len(lines) - 1; i >= 0; i-- {
		y -= 20
		l := lines[i]
		bright := min(max((chatFor-time.Since(l.At)).Seconds(), 0), 1)
		if a.chat.typing {
			bright = 1
		}
		x := 18.0
		if l.From != "" {
			c.text(l.From, bold, 14, x, y, left, edge.faded(bright))
			x += c.width(l.From, bold, 14) + 8
			c.text(l.Text, regular, 14, x, y, left, tint{1, 1, 1, 1}.faded(bright))
		} else {
			c.text(l.Text, regular, 14, x, y, left, pale.faded(0.8*bright))
		}
	}
}
