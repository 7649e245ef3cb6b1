package main

import (
	"fmt"
	"math"
	"time"

	"github.com/queuednet/queuednet/distributed"
	"github.com/queuednet/queuednet/examples/internal/cli"
)

// An avatar is a client's side of an Avatar, its own or another's.
type avatar struct {
	distributed.DistributedObject
	world *world
	name  string
	x, y  float64
}

// The fields, and their getters for those who come later.

func (a *avatar) SetName(name string)       { a.name = name }
func (a *avatar) GetName() string           { return a.name }
func (a *avatar) SetXY(x, y float64)        { a.x, a.y = x, y }
func (a *avatar) GetXY() (float64, float64) { return a.x, a.y }

// Say is called when another avatar speaks.
func (a *avatar) Say(text string) {
	fmt.Fprintf(a.world.stdout, "client: %s says %q\n", cli.Printable(a.name), text)
	a.world.heard[a.name] = true
}

// AnnounceGenerate is called when an avatar is complete.
func (a *avatar) AnnounceGenerate() {
	if !a.IsLocal() {
		fmt.Fprintf(a.world.stdout, "client: %s is here\n", cli.Printable(a.name))
	}
}

// A heardBell is a client's side of a Bell.
type heardBell struct {
	distributed.DistributedObject
	world *world
}

// Rung is called when the bell rings.
func (b *heardBell) Rung(by string, times uint16) {
	fmt.Fprintf(b.world.stdout, "client: the bell, rung by %s, for the %d. time\n", cli.Printable(by), times)
	b.world.heard["bell"] = true
	b.world.heard[by] = b.world.heard[by] || by == "Gopher"
}

// openClient makes the client, which connects over TCP.
func (w *world) openClient() (err error) {
	if w.client, err = distributed.NewClientRepository(&distributed.ClientConfig{HandleField: HandleField}, DCFile); err != nil {
		return err
	}
	for class, new := range map[string]func() distributed.Object{
		"Bell":        func() distributed.Object { return &heardBell{world: w} },
		"Avatar":      func() distributed.Object { return &avatar{world: w} },
		"TimeManager": distributed.NewTimeManager,
	} {
		if err := w.client.Register(class, new); err != nil {
			return err
		}
	}
	return w.client.Connect("127.0.0.1", w.port, 10*time.Second)
}

// updateClient is a frame of the client: it walks in a circle, and rings once a second.
func (w *world) updateClient(frame int) {
	w.client.Update()
	for e := range w.client.Events() {
		if e.Err != nil {
			fmt.Fprintln(w.stdout, "client:", e.Err)
		}
		if e.Kind == distributed.CreateReady {
			w.avatar = &avatar{world: w, name: "Gopher"}
			w.complain(w.client.SetInterestZones(zone))
			w.complain(w.client.CreateDistributedObject(w.avatar, zone))
		}
	}
	if w.avatar == nil || w.avatar.Repository() == nil {
		return
	}
	if frame%6 == 0 { // ten times a second
		angle := 2 * math.Pi * float64(frame) / (10 * frameRate)
		w.avatar.x, w.avatar.y = 10*math.Cos(angle), 10*math.Sin(angle)
		w.complain(SendAvatarSetXY(w.avatar, w.avatar.x, w.avatar.y))
	}
	if frame%frameRate == 0 {
		w.complain(SendAvatarSay(w.avatar, "hello from Go"))
		for _, o := range w.client.Objects() {
			if b, ok := o.(*heardBell); ok {
				w.complain(SendBellRing(b))
			}
		}
	}
}

func (w *world) complain(err error) {
	if err != nil {
		fmt.Fprintln(w.stdout, "client:", err)
	}
}
