// Command demo shows in a few seconds what the library promises. It runs a
// server and eight clients in one process, each with a loop of its own that runs
// 60 times a second, over real TCP on the loopback interface:
//
//	go run ./examples/demo [-duration 5s] [-clients 8]
//
// They exchange positions while four of the clients go bad: one is cut off in the
// middle of a datagram, one resets its connection, one stops reading, and one
// floods the server. Every datagram is numbered, so that none can be lost, come
// twice or come out of order unnoticed.
//
// Then it prints what happened, each promise with what was measured, and exits
// with code 0 if all of them were kept, else with code 1. On a terminal a line
// shows what is going on meanwhile. Ctrl-C breaks it off, with code 1.
//
// The server's loop is in server.go and a client's in client.go; these are to
// learn from. How to misbehave is in misfits.go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/queuednet/queuednet/examples/internal/cli"
)

func main() { cli.Main("demo", run) }

// options says what to run, and what is promised of it.
type options struct {
	duration time.Duration
	clients  int
	misfits  []role // of the last clients; the first ones play
	patience time.Duration

	// A server at its defaults would hold out for longer than the demo takes.
	maxReceiveQueue int
	maxSendQueue    int
	writeTimeout    time.Duration

	// Limits for 99 in 100. Both are far above what is to be expected, because
	// the machine may have other things to do.
	roundTrip time.Duration // of a position while somebody floods
	library   time.Duration // that a frame of the server spends in the library
}

func defaults() options {
	return options{
		duration:        5 * time.Second,
		clients:         8,
		misfits:         []role{isCutOff, resets, stopsReading, floods},
		patience:        20 * time.Second,
		maxReceiveQueue: 256 << 10,
		maxSendQueue:    1 << 20,
		writeTimeout:    time.Second,
		roundTrip:       250 * time.Millisecond,
		library:         16 * time.Millisecond,
	}
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	options := defaults()
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.DurationVar(&options.duration, "duration", options.duration, "how long they play, at least 500ms; they go on until the bad ones have gone")
	flags.IntVar(&options.clients, "clients", options.clients, "the `number` of clients, 5 to 250; the last four are the bad ones")
	if err := cli.Parse(flags, args, stdout); err != nil {
		return err
	}
	switch {
	case options.duration < 500*time.Millisecond:
		return fmt.Errorf("-duration %v is too short to see anything", options.duration)
	case options.clients < 5 || options.clients > 250:
		return fmt.Errorf("-clients %d is not within 5 to 250", options.clients)
	}
	return demo(ctx, options, stdout)
}

// demo plays, prints what happened, and fails if it was not as promised.
func demo(ctx context.Context, options options, stdout io.Writer) error {
	fmt.Fprintf(stdout, "A server and %d clients, each a loop at 60 Hz, over loopback TCP for %v.\n\n", options.clients, options.duration)
	progress := io.Discard
	if isTerminal(stdout) {
		progress = stdout
	}
	report, err := play(ctx, options, progress)
	if err != nil {
		return err
	}
	report.print(stdout)
	promises, broken := report.promises(), 0
	for _, promise := range promises {
		fmt.Fprintln(stdout, promise)
		if !promise.kept {
			broken++
		}
	}
	if broken > 0 {
		fmt.Fprint(stdout, report.note(promises))
		return fmt.Errorf("%d promises were not kept", broken)
	}
	return nil
}

var errInterrupted = errors.New("interrupted")

// isTerminal reports whether somebody watches, rather than a file or a program.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
