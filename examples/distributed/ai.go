package main

import (
	"fmt"

	"github.com/queuednet/queuednet/distributed"
	"github.com/queuednet/queuednet/examples/internal/cli"
)

// zone is where everything is.
const zone = 1

// A bell is the AI's side of a Bell: it rings when asked.
type bell struct {
	distributed.DistributedObject
	world *world
	times uint16
}

// Ring is called for a client that asks.
func (b *bell) Ring() error {
	b.times++
	by := "somebody"
	for _, o := range b.Repository().Objects() {
		if a, ok := o.(*seenAvatar); ok && a.Owner() == b.Repository().AvatarIDFromSender() {
			by = a.name
		}
	}
	fmt.Fprintf(b.world.stdout, "ai: %s rings the bell\n", cli.Printable(by))
	return SendBellRung(b, by, b.times)
}

// A seenAvatar is the AI's side of an Avatar: it needs only the name.
type seenAvatar struct {
	distributed.DistributedObject
	name string
}

// SetName takes the name.
func (a *seenAvatar) SetName(name string) { a.name = name }

// openAI makes an AI in the server's process, which owns the bell and the clock.
func (w *world) openAI() (err error) {
	if w.ai, err = distributed.NewClientRepository(&distributed.ClientConfig{HandleField: HandleField}, DCFile); err != nil {
		return err
	}
	for class, new := range map[string]func() distributed.Object{
		"Bell":        func() distributed.Object { return &bell{world: w} },
		"Avatar":      func() distributed.Object { return &seenAvatar{} },
		"TimeManager": distributed.NewTimeManagerAI,
	} {
		if err := w.ai.Register(class, new); err != nil {
			return err
		}
	}
	return w.ai.ConnectLocal(w.server)
}

// updateAI is a frame of the AI.
func (w *world) updateAI() {
	w.ai.Update()
	for e := range w.ai.Events() {
		if e.Err != nil {
			fmt.Fprintln(w.stdout, "ai:", e.Err)
		}
		if e.Kind != distributed.CreateReady {
			continue
		}
		w.bell = &bell{world: w}
		for _, err := range []error{
			w.ai.SetInterestZones(zone),
			w.ai.CreateDistributedObject(distributed.NewTimeManagerAI(), zone),
			w.ai.CreateDistributedObject(w.bell, zone),
		} {
			if err != nil {
				fmt.Fprintln(w.stdout, "ai:", err)
			}
		}
	}
}
