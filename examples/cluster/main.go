// Command cluster is a world on several servers: players on all of them meet in its zones,
// and a server may die, or be replaced, while they play.
//
//	cd examples/cluster && go run .
//
// starts three servers, which are processes of their own, and 300 bots. It kills a server
// with SIGKILL, and later replaces all of them one after the other. Each thing said is
// numbered, and at the end a table says what was noticed when, who moved, and what was
// lost. The exit code is 0 only if that is what CLUSTER.md promises.
//
//	go run . -server -number 1 -listen 10.0.0.1:6222 -routes 10.0.0.2:6222 -tls DIR -secret DIR/secret
//
// is one such server by itself, as it is deployed: see deploy. -server -h lists its flags.
//
//	go run . -secrets -dir DIR -hosts 10.0.0.1,10.0.0.2
//
// makes a certificate and a secret for the nodes, and -probe URL asks a server how it is.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the next signal ends the process
	err := run(ctx, os.Args[1:])
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "-server":
			return runServer(ctx, args[1:])
		case "-secrets":
			return runSecrets(args[1:], os.Stdout)
		case "-probe":
			return runProbe(args[1:])
		}
	}
	return runDemo(ctx, args, os.Stdout)
}

// runServer is one server. Its log, on standard output, says what happens in the cluster.
func runServer(ctx context.Context, args []string) error {
	var o options
	if err := o.parse(args, os.Getenv, os.Stdout); err != nil {
		return err
	}
	if o.withStdin {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			cancel()
		}()
	}
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	health, err := net.Listen("tcp", o.health)
	if err != nil {
		return err
	}
	defer health.Close()
	s, err := newServer(o, log)
	if err != nil {
		return err
	}
	watch := s.watch(health)
	defer watch.Close()
	log.Info("serving", "incarnation", s.self.incarnation, "players", s.rendezvous.LocalAddress().String(), "health", health.Addr().String())
	err = s.serve(ctx)
	began := time.Now()
	s.close()
	log.Info("ended", "closing", time.Since(began).String(), "stats", s.node.Stats())
	return err
}
