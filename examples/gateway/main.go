// Command gateway is a server as operators like it: behind a proxy that speaks the
// PROXY protocol, restarted without losing a player, drained by SIGTERM, and watched
// over by Kubernetes or Agones.
//
//	cd examples/gateway && go run . [-address :4000] [-health localhost:8080] [-proxies 10.0.0.0/8] [-hello 5s] [-drain 30s] [-players 1000]
//
// Players: each is welcomed, with the address by which the server knows it and the
// process that serves it, and gets back what it says. The messages are those of
// examples/client, so that this is one:
//
//	go run ./examples/client -port 4000
//
// With -proxies only these may connect, and the address is the one that they tell.
//
// SIGHUP starts the program anew, which may be another version by then. The new
// process gets the listening sockets, and takes who comes from the moment on at which
// it says that it is ready; the old one goes on with its players until the last one
// has left. If the new one does not come up, nothing has happened. (It needs a system
// with signals, and whoever has started the old process must not mind its end: in a
// container use two of them, and SIGTERM.)
//
// SIGTERM, or Ctrl-C, tells the players that the server ends, and gives them -drain to
// leave. A second one ends it at once.
//
// Health, at -health: /healthz is 200 while the game's loop runs, /readyz is 200 while
// new players are welcome and the server is not full, and else 503. They are what Kubernetes asks for as livenessProbe and
// readinessProbe. Beside the SDK server of Agones, which sets AGONES_SDK_HTTP_PORT, the
// program says Ready, Health and Shutdown to it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/queuednet/queuednet/examples/internal/cli"
)

type options struct {
	address, health string
	proxies         []netip.Prefix
	hello, drain    time.Duration
	players         int
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the next signal ends the process
	restart := make(chan os.Signal, 1)
	signal.Notify(restart, syscall.SIGHUP)
	if err := run(ctx, os.Args[1:], restart, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "gateway:", err)
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("gateway", flag.ContinueOnError)
	flags.StringVar(&o.address, "address", ":4000", "the `host:port` for players")
	flags.StringVar(&o.health, "health", "localhost:8080", "the `host:port` of /healthz and /readyz; a container needs :8080")
	flags.DurationVar(&o.hello, "hello", 5*time.Second, "how long a proxy or a player may take for its first words")
	flags.DurationVar(&o.drain, "drain", 30*time.Second, "how long players have to leave after SIGTERM")
	flags.IntVar(&o.players, "players", 1000, "how `many` players there may be; 0 is no limit")
	flags.Func("proxies", "the `networks` of the proxies that speak the PROXY protocol, such as 10.0.0.0/8,::1/128", func(text string) error {
		for network := range strings.SplitSeq(text, ",") {
			prefix, err := netip.ParsePrefix(strings.TrimSpace(network))
			if err != nil {
				return err
			}
			o.proxies = append(o.proxies, prefix)
		}
		return nil
	})
	return o, cli.Parse(flags, args, os.Stdout)
}

// run is the program. Its log says everything that an operator wants to know.
func run(ctx context.Context, args []string, restart <-chan os.Signal, stderr io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(stderr, nil)).With("pid", os.Getpid())
	sockets, err := openSockets(o)
	if err != nil {
		return err
	}
	defer sockets.close()
	g, err := newGame(o, sockets, log)
	if err != nil {
		return err
	}
	defer g.manager.Close()
	watch := watchOver(g, sockets.health, log)
	defer watch.close()
	if err := sockets.tellReady(); err != nil {
		log.Warn("the predecessor is gone", "error", err) // the more is this one needed
	}
	log.Info("serving", "players", sockets.players.Addr().String(), "health", sockets.health.Addr().String())

	if successor := g.serve(ctx, restart, func() *successor { return start(sockets, args, log) }); successor {
		watch.stopServing() // the successor answers
		g.retire(ctx)
	}
	if ctx.Err() != nil {
		g.drain()
	}
	watch.shutdown()
	err = g.manager.Close() // waits until the last messages have arrived
	log.Info("ended")
	return err
}
