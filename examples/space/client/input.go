package main

import (
	"github.com/hajimehoshi/ebiten/v2"
	"github.com/queuednet/queuednet/examples/space/game"
)

// controls are the keys of the keyboard.
var controls = []struct {
	key  game.Keys
	held []ebiten.Key
}{
	{game.KeyLeft, []ebiten.Key{ebiten.KeyArrowLeft, ebiten.KeyA}},
	{game.KeyRight, []ebiten.Key{ebiten.KeyArrowRight, ebiten.KeyD}},
	{game.KeyThrust, []ebiten.Key{ebiten.KeyArrowUp, ebiten.KeyW}},
	{game.KeyBrake, []ebiten.Key{ebiten.KeyArrowDown, ebiten.KeyS}},
	{game.KeyFire, []ebiten.Key{ebiten.KeySpace}},
	{game.KeyBoost, []ebiten.Key{ebiten.KeyShiftLeft, ebiten.KeyShiftRight}},
}

// held returns what the player holds down.
func held() (keys game.Keys) {
	for _, c := range controls {
		for _, k := range c.held {
			if ebiten.IsKeyPressed(k) {
				keys |= c.key
			}
		}
	}
	return keys
}

// A line is a text that is being typed.
type line struct{ text []rune }

// update takes what was typed in this tick, up to a number of letters.
func (l *line) update(most int) {
	l.text = ebiten.AppendInputChars(l.text)
	if len(l.text) > most {
		l.text = l.text[:most]
	}
	if repeated(ebiten.KeyBackspace) && len(l.text) > 0 {
		l.text = l.text[:len(l.text)-1]
	}
}
