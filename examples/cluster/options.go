package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/queuednet/queuednet/examples/internal/cli"
)

// options of a server. Each flag may also be given as a variable of the environment,
// -advertise as WORLD_ADVERTISE: that is how manifests do it.
type options struct {
	number              string
	players, health     string
	listen, advertise   string
	routes, nats        string
	tls, secret         string
	ticketKey           string
	drain               time.Duration
	insecure, withStdin bool
}

const environmentPrefix = "WORLD_"

func (o *options) define(flags *flag.FlagSet) {
	flags.StringVar(&o.number, "number", "ordinal", "of the node, unique, 1 to 4095; ordinal: the one at the end of the host's name, as of a StatefulSet's pod, plus one")
	flags.StringVar(&o.players, "players", ":4100", "`ip:port` for players, or :port")
	flags.StringVar(&o.health, "health", ":8080", "`host:port` of /healthz, /readyz and /stats")
	flags.StringVar(&o.listen, "listen", "", "`host:port` for the other nodes; empty: alone, or -nats")
	flags.StringVar(&o.advertise, "advertise", "", "`host:port` by which the others reach -listen, if it is another one")
	flags.StringVar(&o.routes, "routes", "", "`addresses` of other nodes, with commas between; one's own may be among them")
	flags.StringVar(&o.nats, "nats", "", "`URLs` of NATS servers to use in the place of the embedded ones")
	flags.StringVar(&o.tls, "tls", "", "`directory` with tls.crt, tls.key and ca.crt, for what is between nodes")
	flags.StringVar(&o.secret, "secret", "", "`file` with what the nodes know and others do not")
	flags.StringVar(&o.ticketKey, "ticket-key", "", "`file` with what players' tickets are sealed with, 32 bytes or more; needed with -nats, else it comes from -secret")
	flags.DurationVar(&o.drain, "drain", 10*time.Second, "how long players have to move after SIGTERM")
	flags.BoolVar(&o.insecure, "insecure", false, "go without -tls and -secret, also beyond this machine: whoever reaches -listen rules the world")
	flags.BoolVar(&o.withStdin, "with-stdin", false, "end, as after SIGTERM, when standard input does")
}

// parse reads the command line, and the environment for what it does not set.
func (o *options) parse(args []string, getenv func(string) string, stdout io.Writer) error {
	flags := flag.NewFlagSet("cluster -server", flag.ContinueOnError)
	o.define(flags)
	var errs []error
	flags.VisitAll(func(f *flag.Flag) {
		name := environmentPrefix + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if value := getenv(name); value != "" {
			if err := flags.Set(f.Name, value); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
			}
		}
	})
	return errors.Join(append(errs, cli.Parse(flags, args, stdout))...)
}

// nodeNumber returns the number that -number means on a host.
func nodeNumber(number, host string) (uint16, error) {
	add := 0
	if number == "ordinal" {
		number, add = host[strings.LastIndexByte(host, '-')+1:], 1
	}
	n, err := strconv.ParseUint(number, 10, 12)
	if err != nil {
		return 0, fmt.Errorf("-number, on host %q: %w", host, err)
	}
	return uint16(n) + uint16(add), nil
}
