// Package pandaserver is what the commands pandaserver and pandaserver-cluster have in common: how
// they begin and end, the flags of a server of distributed objects, and what it logs.
package pandaserver

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/distributed"
)

// Main runs a program until Ctrl-C or SIGTERM ends its context. A second Ctrl-C ends the process at
// once. An error is one line on stderr, and the exit code 1.
func Main(name string, run func(ctx context.Context, args []string, stderr io.Writer) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // from now on Ctrl-C does what it does without us
	err := run(ctx, os.Args[1:], os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// Options are what the command line says of the server.
type Options struct {
	Address string // to listen on for clients; empty: all
	Port    int
	Frame   time.Duration // how long one lasts at least
	Verbose bool
	Server  distributed.ServerConfig
	Network queuednet.Config
	Files   []string

	idRange uint
}

// Define defines the flags, with a default of -id-range.
func (o *Options) Define(flags *flag.FlagSet, idRange uint) {
	flags.StringVar(&o.Address, "address", "", "the `host` to listen on; all interfaces without it")
	flags.IntVar(&o.Port, "port", 4400, "the TCP `port` to listen on; 0 for any that is free")
	flags.IntVar(&o.Network.TCPHeaderSize, "header", 2, "the `bytes` of the length before each datagram, 2 or 4, as tcp-header-size of the clients")
	flags.DurationVar(&o.Frame, "frame", time.Millisecond, "the least `time` from frame to frame: a longer one puts more of what a client is sent into one write, and makes it that much later")
	flags.BoolVar(&o.Verbose, "v", false, "log what objects do too")
	flags.IntVar(&o.Server.MaxClients, "max-clients", 0, "the most clients; 0 for as many as there are ranges of ids")
	flags.IntVar(&o.Server.MaxObjectsPerClient, "max-objects", 0, "the most objects of a client; 0 for 10,000")
	flags.IntVar(&o.Server.MaxZonesPerClient, "max-zones", 0, "the most zones of interest of a client; 0 for 20,000")
	flags.IntVar(&o.Server.MaxOpenedPerSecond, "max-opened", 0, "the most zones, and objects in them, that a client may open a second; 0 for 10,000")
	flags.IntVar(&o.Network.MaxDatagramsPerSecond, "max-rate", 20_000, "the most messages that a client may send a second; more are read more slowly; 0 for no limit")
	flags.IntVar(&o.Network.MaxBytesPerSecond, "max-bytes", 0, "the most bytes that a client may send a second; more are read more slowly; 0 for no limit")
	flags.IntVar(&o.Network.MaxConnectionsPerAddress, "max-per-address", 0, "the most clients of one IP address; 0 for no limit")
	flags.IntVar(&o.Network.MaxAcceptsPerSecond, "max-accepts", 0, "the most connections that one IP address may open a second; 0 for no limit")
	flags.BoolVar(&o.Server.CacheFields, "cache", false, "keep required and ram fields, and answer newcomers without asking the owners")
	flags.IntVar(&o.Server.MaxCachedBytes, "max-cached", 0, "the most bytes that -cache keeps of a client's objects; 0 for 16 MiB")
	flags.BoolVar(&o.Server.RepairRequired, "repair", false, "leave required fields that are not broadcast out of what clients get: Panda3D misreads them")
	flags.BoolVar(&o.Server.AskAll, "ask-all", false, "ask all clients of a zone for their objects, and pass the answers on to all, as Panda3D's server does")
	flags.BoolVar(&o.Server.RelayUnchecked, "unchecked", false, "pass fields on without checking them; malformed ones kill clients of Panda3D")
	flags.UintVar(&o.idRange, "id-range", idRange, "how many object ids a client has, as server-doid-range")
}

// Parse parses the command line and checks what was defined by Define.
func (o *Options) Parse(flags *flag.FlagSet, args []string, stderr io.Writer) error {
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintf(stderr, "usage: %s [flags] file.dc ...\n", flags.Name())
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	o.Server.IDRange, o.Server.Net, o.Files = uint32(o.idRange), &o.Network, flags.Args()
	switch {
	case uint(o.Server.IDRange) != o.idRange:
		return fmt.Errorf("-id-range cannot be %d", o.idRange)
	case len(o.Files) == 0:
		return errors.New("no DC files; -h for help")
	case o.Frame < 0 || o.Frame > time.Second:
		return fmt.Errorf("-frame cannot be %v", o.Frame)
	}
	return nil
}

// Logger returns a logger that writes to stderr, and makes it the server's.
func (o *Options) Logger(stderr io.Writer) *slog.Logger {
	level := slog.LevelInfo
	if o.Verbose {
		level = slog.LevelDebug
	}
	logger := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))
	o.Server.Logger, o.Network.Logger = logger, logger
	return logger
}

// Listen opens the rendezvous for clients.
func (o *Options) Listen(server *distributed.ServerRepository) (*queuednet.Connection, error) {
	if o.Address == "" {
		return server.OpenTCPServerRendezvous(o.Port, 0)
	}
	var address queuednet.NetAddress
	if err := address.SetHost(o.Address, o.Port); err != nil {
		return nil, err
	}
	return server.OpenTCPServerRendezvousAt(address, 0)
}

// Log says what has happened. Why messages were dropped the repository says itself.
func Log(logger *slog.Logger, e distributed.Event) {
	switch e.Kind {
	case distributed.ClientJoined:
		logger.Info(e.Kind.String(), "client", e.Client.DoIDBase(), "address", e.Client.Address().String())
	case distributed.ClientLeft:
		logger.Info(e.Kind.String(), "client", e.Client.DoIDBase(), "reason", e.Err)
	case distributed.ObjectGenerated, distributed.ObjectMoved, distributed.ObjectDeleted:
		logger.Debug(e.Kind.String(), "object", e.DoID, "class", e.Class.Name(), "zone", e.Zone, "client", e.Client.DoIDBase())
	}
}
