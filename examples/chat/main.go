// Command chat is a chat for terminals, server and client in one: rooms, names,
// operators who can kick, and a client that comes back by itself.
//
//	cd examples/chat && go run .
//
// That serves a chat at localhost:9200 and opens it; in a second terminal the same
// command finds the server and joins. More:
//
//	go run . -serve -address :9200 -password secret    the server alone
//	go run . -connect -address example.com:9200        the client alone
//	go run . -plain < lines.txt                        lines in, lines out, for scripts
//
// What begins with a slash is a command: /join ROOM, /nick NAME, /who, /rooms,
// /kick NAME WHY, /op PASSWORD, /help, /quit. Who has been in a room the longest is
// its operator; who knows the server's password can be one everywhere. A room keeps
// its last lines for those who come later.
//
// The files: wire.go is what goes over the network, server*.go and room.go are the
// server, client.go is what both interfaces have in common, plain.go and screen*.go
// are these.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"
	"sync"
	"syscall"

	tea "charm.land/bubbletea/v2"

	"github.com/queuednet/queuednet/examples/internal/cli"
)

func main() {
	cli.Main("chat", func(ctx context.Context, args []string, stdout io.Writer) error {
		return run(ctx, args, os.Stdin, stdout)
	})
}

type options struct {
	address, password string
	name, room        string
	serve, connect    bool
	plain             bool
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	var o options
	flags := flag.NewFlagSet("chat", flag.ContinueOnError)
	flags.StringVar(&o.address, "address", "localhost:9200", "the `host:port` of the server")
	flags.BoolVar(&o.serve, "serve", false, "only serve")
	flags.BoolVar(&o.connect, "connect", false, "do not serve, even if nobody does")
	flags.StringVar(&o.password, "password", "", "what operators of all rooms must know, a `word`; there are none without it")
	flags.StringVar(&o.name, "name", userName(), "your `name`")
	flags.StringVar(&o.room, "room", firstRoom, "the `room` to enter")
	flags.BoolVar(&o.plain, "plain", false, "lines in, lines out, instead of a screen")
	if err := cli.Parse(flags, args, out); err != nil {
		return err
	}
	if o.serve && o.connect {
		return errors.New("-serve and -connect exclude each other")
	}
	if o.serve {
		return serve(ctx, o, out)
	}
	return join(ctx, o, in, out)
}

// serve is the server alone. It says what happens.
func serve(ctx context.Context, o options, out io.Writer) error {
	s, err := newServer(o.address, o.password, out)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "listening on", s.rendezvous.LocalAddress())
	return s.run(ctx)
}

// join is a client, with a server beside it if nobody serves that address.
func join(ctx context.Context, o options, in io.Reader, out io.Writer) error {
	c, err := newClient(o.address, o.name, o.room)
	if err != nil {
		return err
	}
	defer c.close()
	var serving sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer serving.Wait() // the farewell arrives
	defer cancel()
	if !o.connect {
		s, err := newServer(o.address, o.password, io.Discard)
		switch {
		case err == nil:
			c.port = s.rendezvous.LocalAddress().Port() // the system's choice, perhaps
			serving.Go(func() { _ = s.run(ctx) })
		case !servedElsewhere(err):
			return err
		}
	}
	if o.plain {
		return plain(ctx, c, in, out)
	}
	if _, err := tea.NewProgram(newScreen(c), tea.WithContext(ctx)).Run(); err != nil && !errors.Is(err, tea.ErrProgramKilled) {
		return err
	}
	return c.fault
}

// servedElsewhere reports whether an address cannot be served because somebody else
// does so, on this machine or another one. Windows has numbers of its own.
func servedElsewhere(err error) bool {
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.EADDRNOTAVAIL) ||
		errors.Is(err, syscall.Errno(10048)) || errors.Is(err, syscall.Errno(10049))
}

// userName is who has logged in, as a name in the chat.
func userName() string {
	if u, err := user.Current(); err == nil {
		name := u.Username[strings.LastIndexByte(u.Username, '\\')+1:] // DOMAIN\name
		if checkName(name) == nil {
			return name
		}
	}
	return "guest"
}
