package main

import (
	"image/png"
	"os"
	"time"

	"github.com/hajimehoshi/ebiten/v2"
)

// A screenshot is to be taken once enough is to be seen, and ends the program. A
// nil one is none.
type screenshot struct {
	file  string
	from  time.Time // not before
	until time.Time // then whatever there is
	err   error
	taken bool
}

func (s *screenshot) done() bool { return s != nil && s.taken }

// take writes the file, if it is time to.
func (s *screenshot) take(screen *ebiten.Image, a *app) {
	now := time.Now()
	if s == nil || s.taken || now.Before(s.from) || !a.lively() && now.Before(s.until) {
		return
	}
	s.taken = true
	file, err := os.Create(s.file)
	if err != nil {
		s.err = err
		return
	}
	if s.err = png.Encode(file, screen); s.err == nil {
		s.err = file.Close()
	}
}

// lively reports whether there is something to see: a fight, and an explosion.
func (a *app) lively() bool {
	if a.player == nil {
		return false
	}
	near := 0
	for _, d := range a.player.Others() {
		if a.canvas.sees(d.X, d.Y, -60) {
			near++
		}
	}
	burst := false
	for _, w := range a.effects.waves {
		burst = burst || w.reach > 100 && w.age > 6 && w.age < 22 && a.canvas.sees(w.x, w.y, -100)
	}
	_, alive := a.player.Own()
	return alive && near >= 3 && burst && len(a.player.Shots()) > 2
}
