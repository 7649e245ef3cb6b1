// Command distributed is a small world of distributed objects, all in one process but as
// it would be in several: a server, an AI that owns a bell and the clock, and a client
// with an avatar that walks about and rings the bell. Where Panda3D is installed, a
// client of unmodified Panda3D, client.py, is in the world too. The Go programs call and are
// called by the code in world_dc.go, which cmd/dc has generated for world.dc.
//
//	go run ./examples/distributed [-python python3] [-port 0] [-stay]
//
// It ends when everybody has been heard, or with -stay when Ctrl-C ends it: then other
// programs can join meanwhile.
package main

import (
	"context"
	_ "embed"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/queuednet/queuednet/distributed"
	"github.com/queuednet/queuednet/examples/internal/cli"
)

//go:generate go run ../../cmd/dc generate -package main -o world_dc.go world.dc

//go:embed world.dc
var worldDC []byte // for client.py

//go:embed client.py
var clientPy []byte

const (
	frameRate = 60
	lastFrame = 30 * frameRate // of a world in which somebody is not heard
)

func main() { cli.Main("distributed", run) }

// A world is the programs of the example, one frame loop for all.
type world struct {
	stdout io.Writer
	server *distributed.ServerRepository
	port   int // where it listens
	ai     *distributed.ClientRepository
	client *distributed.ClientRepository
	bell   *bell
	avatar *avatar
	heard  map[string]bool // who has been heard in some way
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("distributed", flag.ContinueOnError)
	python := flags.String("python", "python3", "the `program` that runs client.py, if it has Panda3D")
	port := flags.Int("port", 0, "the TCP `port` to listen on; 0 for any that is free")
	stay := flags.Bool("stay", false, "go on until Ctrl-C")
	if err := cli.Parse(flags, args, stdout); err != nil {
		return err
	}
	w := &world{stdout: stdout, heard: make(map[string]bool)}
	defer w.close()
	if err := w.open(*port); err != nil {
		return err
	}
	expected, panda := []string{"bell", "Gopher"}, startPanda(ctx, *python, w.port, stdout)
	if panda != nil {
		defer panda.end()
		expected = append(expected, "Panda")
	} else {
		fmt.Fprintln(stdout, "there is no Panda3D here: Go plays alone")
	}
	tick := time.NewTicker(time.Second / frameRate)
	defer tick.Stop()
	for frame := 0; *stay || !w.allHeard(expected); frame++ {
		if frame == lastFrame && !*stay {
			return fmt.Errorf("only %v were heard, not %v", w.heard, expected)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			w.frame(frame)
		}
	}
	fmt.Fprintln(stdout, "everybody has been heard")
	return nil
}

func (w *world) allHeard(expected []string) bool {
	for _, name := range expected {
		if !w.heard[name] {
			return false
		}
	}
	return true
}

// open starts the server, the AI in its process, and the client over TCP.
func (w *world) open(port int) (err error) {
	if w.server, err = distributed.NewServerRepository(nil, DCFile); err != nil {
		return err
	}
	rendezvous, err := w.server.OpenTCPServerRendezvous(port, 0)
	if err != nil {
		return err
	}
	w.port = rendezvous.LocalAddress().Port()
	fmt.Fprintln(w.stdout, "server: listening on", rendezvous.LocalAddress())
	if err := w.openAI(); err != nil {
		return err
	}
	return w.openClient()
}

// frame is a frame of everybody.
func (w *world) frame(frame int) {
	w.server.Update()
	for e := range w.server.Events() {
		switch e.Kind {
		case distributed.ClientJoined, distributed.ClientLeft:
			fmt.Fprintln(w.stdout, "server:", e.Kind, e.Client.DoIDBase())
		}
	}
	w.updateAI()
	w.updateClient(frame)
}

// close ends what open has started.
func (w *world) close() {
	for _, c := range []*distributed.ClientRepository{w.client, w.ai} {
		if c != nil {
			c.Close()
		}
	}
	if w.server != nil {
		w.server.Close()
	}
}
