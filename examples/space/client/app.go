package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"github.com/hajimehoshi/ebiten/v2"
	"github.com/hajimehoshi/ebiten/v2/inpututil"
	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/examples/space/game"
	"github.com/queuednet/queuednet/examples/space/player"
)

// options are what the command line, or the page's address, says.
type options struct {
	address string // of the server, for people
	dial    func(context.Context) (net.Conn, error)
	name    string
	bot     bool // let a bot play
	shot    *screenshot
}

// An app is the game with its picture. Ebitengine calls Update 60 times a second
// and Draw for each picture, on one goroutine.
type app struct {
	options
	manager *queuednet.QueuedConnectionManager
	player  *player.Player // nil before it plays: the title is shown
	bot     *player.Bot    // who has the keys, if not nil
	title   title
	chat    chat
	effects effects
	canvas  canvas
	ticks   int
	killer  string // who has destroyed the own ship last
	full    bool   // the whole score table is shown
	caption string // of the window
}

func newApp(o options) *app {
	a := &app{options: o, manager: queuednet.NewQueuedConnectionManager(nil), title: title{name: o.name}}
	if o.bot {
		a.join()
	}
	return a
}

// run BLOCKS until the window is closed.
func (a *app) run() error {
	ebiten.SetWindowSize(1280, 720)
	ebiten.SetWindowResizingMode(ebiten.WindowResizingModeEnabled)
	ebiten.SetRunnableOnUnfocused(true)
	err := ebiten.RunGame(a)
	if a.player != nil {
		a.player.Leave()
	}
	a.manager.Close()
	return err
}

// join begins to play.
func (a *app) join() {
	options := player.Options{Manager: a.manager, Dial: a.dial, Name: a.title.name}
	if a.options.bot {
		a.bot = player.NewBot(options, rand.Uint64())
		a.player = a.bot.Player
	} else {
		a.player = player.New(options)
	}
	a.effects = effects{}
	a.chat = chat{}
	a.killer = ""
}

// Update is a tick.
func (a *app) Update() error {
	a.ticks++
	a.entitle()
	if a.shot.done() {
		return ebiten.Termination
	}
	if a.player == nil {
		if a.title.update() {
			a.join()
		}
		return nil
	}
	a.play(time.Now())
	for conn := range a.manager.ResetConnections() {
		a.player.Ended(conn)
	}
	if a.player.State() == player.Over {
		a.title.say(a.player.Reason())
		a.player, a.bot = nil, nil
	}
	return nil
}

// play is a tick with a player.
func (a *app) play(now time.Time) {
	typing := a.chat.update(a.player)
	a.full = ebiten.IsKeyPressed(ebiten.KeyTab)
	switch {
	case a.bot != nil:
		a.bot.Update(now)
	case typing:
		a.player.Update(now, 0)
	default:
		a.player.Update(now, held())
	}
	if inpututil.IsKeyJustPressed(ebiten.KeyEscape) && !typing {
		a.player.Leave()
	}
	for _, e := range a.player.Happened() {
		if e.What == game.Destroyed && e.Who == a.player.ID() {
			a.killer = a.player.Name(e.By)
			if e.By == 0 {
				a.killer = "a rock"
			}
		}
	}
	a.effects.take(a.player)
	for _, d := range a.player.Others() {
		a.effects.trail(d)
	}
	if own, alive := a.player.Own(); alive {
		a.effects.trail(own)
	}
	a.effects.step()
}

// entitle writes over the window, or on the browser's tab, how the game goes.
func (a *app) entitle() {
	caption := "Space: queuednet"
	if a.player != nil && a.player.State() == player.Playing {
		for i, row := range a.player.Rows() {
			if row.ID == a.player.ID() {
				caption = fmt.Sprintf("Space: %s is no. %d of %d", row.Name, i+1, len(a.player.Rows()))
			}
		}
	}
	if caption != a.caption {
		a.caption = caption
		setCaption(caption)
	}
}

// Layout has a pixel for each of the screen's.
func (a *app) Layout(w, h int) (int, int) {
	scale := ebiten.Monitor().DeviceScaleFactor()
	return int(float64(w) * scale), int(float64(h) * scale)
}

// Draw draws a picture of what the last tick has left.
func (a *app) Draw(screen *ebiten.Image) {
	screen.Fill(night.color())
	if a.player == nil || a.player.Arena() == nil {
		a.canvas.begin(screen, 2048+float64(a.ticks)*0.8, 2048)
		sky(&a.canvas, a.ticks)
		a.canvas.flush()
		a.drawTitle()
	} else {
		a.drawWorld(screen)
		a.drawHUD()
	}
	a.shot.take(screen, a)
}

func (a *app) drawWorld(screen *ebiten.Image) {
	c, p := &a.canvas, a.player
	own, alive := p.Own()
	shakeX, shakeY := (rand.Float64()-0.5)*a.effects.shake, (rand.Float64()-0.5)*a.effects.shake
	c.begin(screen, own.X+shakeX, own.Y+shakeY)
	sky(c, a.ticks)
	c.flush()
	walls(c, a.ticks)
	rocks(c, p.Arena())
	c.flush()
	for _, s := range p.Shots() {
		shot(c, s)
	}
	for _, d := range p.Others() {
		ship(c, d, pilotColor(d.ID), a.ticks)
	}
	if alive {
		ship(c, own, ownColor, a.ticks)
	}
	a.effects.draw(c)
	c.flush()
	for _, d := range p.Others() {
		label(c, d, p.Name(d.ID), pilotColor(d.ID))
	}
	c.flush()
}
