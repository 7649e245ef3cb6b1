// Command tls is a server over TLS and its client. Players have accounts instead of
// passwords: each is a certificate that the server's own authority has signed, and
// that the player shows in the handshake.
//
//	go run ./examples/tls server
//	go run ./examples/tls client
//
// At its first run the server makes the authority, its own certificate and the
// account Ada, of which the client makes use; package keys says which file is for
// whom. An account more, and what happens without one:
//
//	go run ./examples/tls account Grace
//	go run ./examples/tls client -account Grace
//	go run ./examples/tls client -account ""
//
// A player says one text to all and prints what others say. A client without an
// account is told so by a datagram before it is closed. An account that comes in a
// second time takes the place of the first. Ctrl-C ends either. With -h a command
// prints its flags.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/examples/internal/cli"
	"github.com/queuednet/queuednet/examples/tls/keys"
)

func main() { cli.Main("tls", run) }

func run(ctx context.Context, args []string, stdout io.Writer) error {
	commands := map[string]func(context.Context, []string, io.Writer) error{
		"server": runServer, "client": runClient, "account": runAccount,
	}
	if len(args) == 0 || commands[args[0]] == nil {
		return errors.New("say which: tls server, tls client, or tls account NAME")
	}
	return commands[args[0]](ctx, args[1:], stdout)
}

// runAccount makes the certificate of an account.
func runAccount(_ context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("account NAME", flag.ContinueOnError)
	dir := keysFlag(flags)
	var name string
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	}
	if err := cli.Parse(flags, args, stdout); err != nil {
		return err
	}
	d, err := keys.Open(*dir)
	if err != nil {
		return err
	}
	file, err := d.MakeAccount(name)
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, "certificate and key:", file)
	return nil
}

func keysFlag(flags *flag.FlagSet) *string {
	return flags.String("keys", keys.DefaultDir(), "the `directory` of the certificates")
}

// What a datagram is for is its first byte. All have one string after it.
const (
	hello   = 1 // client: the first datagram
	say     = 2 // client: a text for all
	welcome = 3 // server: the account
	refused = 4 // server: why, then it closes
	said    = 5 // server: who and what
)

func message(kind uint8, text string) *queuednet.Datagram {
	var dg queuednet.Datagram
	dg.AddUint8(kind)
	dg.AddString(text)
	return &dg
}
