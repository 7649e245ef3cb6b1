// Command pandaserver is a server of Panda3D's distributed objects: start it in the place
// of a ServerRepository in Python, with the same DC files in the same order, and programs
// of Panda3D connect to it as before.
//
//	go run ./cmd/pandaserver -port 4400 direct.dc game.dc
//
// It passes on only what the DC files allow, and no message of a client stops it; why it
// dropped one, it says on stderr. With -inspect it shows clients, objects and zones in a
// browser. Ctrl-C ends it. -h lists the limits.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/distributed"
	"github.com/queuednet/queuednet/distributed/dc"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	err := run(ctx, os.Args[1:], os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "pandaserver:", err)
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct {
	address, inspect string
	port             int
	cert, key        string
	verbose          bool
	frame            time.Duration
	files            []string
	server           distributed.ServerConfig
	network          queuednet.Config
}

func parse(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	flags := flag.NewFlagSet("pandaserver", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: pandaserver [flags] file.dc ...")
		flags.PrintDefaults()
	}
	flags.StringVar(&o.address, "address", "", "the `host` to listen on; all interfaces without it")
	flags.IntVar(&o.port, "port", 4400, "the TCP `port` to listen on; 0 for any that is free")
	flags.IntVar(&o.network.TCPHeaderSize, "header", 2, "the `bytes` of the length before each datagram, 2 or 4, as tcp-header-size of the clients")
	flags.StringVar(&o.cert, "tls-cert", "", "serve TLS with the certificate in this PEM `file`")
	flags.StringVar(&o.key, "tls-key", "", "the PEM `file` with the key of the certificate")
	flags.StringVar(&o.inspect, "inspect", "", "serve a page about clients, objects and zones by HTTP at this `host:port`, such as localhost:8080; whoever reaches it can read it")
	flags.DurationVar(&o.frame, "frame", time.Millisecond, "the least `time` from frame to frame: a longer one puts more of what a client is sent into one write, and makes it that much later")
	flags.BoolVar(&o.verbose, "v", false, "log what objects do too")
	flags.IntVar(&o.server.MaxClients, "max-clients", 0, "the most clients; 0 for as many as there are ranges of ids")
	flags.IntVar(&o.server.MaxObjectsPerClient, "max-objects", 0, "the most objects of a client; 0 for 10,000")
	flags.IntVar(&o.server.MaxZonesPerClient, "max-zones", 0, "the most zones of interest of a client; 0 for 20,000")
	flags.IntVar(&o.server.MaxOpenedPerSecond, "max-opened", 0, "the most zones, and objects in them, that a client may open a second; 0 for 10,000")
	flags.IntVar(&o.network.MaxDatagramsPerSecond, "max-rate", 20_000, "the most messages that a client may send a second; more are read more slowly; 0 for no limit")
	flags.IntVar(&o.network.MaxConnectionsPerAddress, "max-per-address", 0, "the most clients of one IP address; 0 for no limit")
	flags.IntVar(&o.network.MaxAcceptsPerSecond, "max-accepts", 0, "the most connections that one IP address may open a second; 0 for no limit")
	flags.BoolVar(&o.server.CacheFields, "cache", false, "keep required and ram fields, and answer newcomers without asking the owners")
	flags.BoolVar(&o.server.RepairRequired, "repair", false, "leave required fields that are not broadcast out of what clients get: Panda3D misreads them")
	flags.BoolVar(&o.server.AskAll, "ask-all", false, "ask all clients of a zone for their objects, and pass the answers on to all, as Panda3D's server does")
	flags.BoolVar(&o.server.RelayUnchecked, "unchecked", false, "pass fields on without checking them; malformed ones kill clients of Panda3D")
	idRange := flags.Uint("id-range", 0, "how many object ids a client has, as server-doid-range; 0 for 1,000,000")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	o.server.IDRange, o.server.Net, o.files = uint32(*idRange), &o.network, flags.Args()
	if uint(o.server.IDRange) != *idRange {
		return nil, fmt.Errorf("-id-range cannot be %d", *idRange)
	}
	if len(o.files) == 0 {
		return nil, errors.New("no DC files; -h for help")
	}
	if o.frame < 0 || o.frame > time.Second {
		return nil, fmt.Errorf("-frame cannot be %v", o.frame)
	}
	if (o.cert == "") != (o.key == "") {
		return nil, errors.New("-tls-cert and -tls-key go together")
	}
	return o, nil
}

func run(ctx context.Context, args []string, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	level := slog.LevelInfo
	if o.verbose {
		level = slog.LevelDebug
	}
	logger := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))
	o.server.Logger, o.network.Logger = logger, logger
	file, err := dc.ParseFiles(o.files...)
	if err != nil {
		return err
	}
	server, err := distributed.NewServerRepository(&o.server, file)
	if err != nil {
		return err
	}
	defer server.Close() // for the returns before the last one
	rendezvous, err := o.listen(server)
	if err != nil {
		return err
	}
	logger.Info("listening", "address", rendezvous.LocalAddress().String(), "classes", len(file.Classes()),
		"hash", fmt.Sprintf("0x%08x", file.Hash()), "tls", o.cert != "")
	p := &program{server: server, logger: logger, began: time.Now(), frame: o.frame}
	if o.inspect != "" {
		if err := p.serveInspect(ctx, o.inspect); err != nil {
			return err
		}
	}
	p.loop(ctx)
	logger.Info("ending")
	return server.Close()
}

// listen opens the rendezvous, with TLS if there is a certificate.
func (o *options) listen(server *distributed.ServerRepository) (*queuednet.Connection, error) {
	if o.cert == "" && o.address == "" {
		return server.OpenTCPServerRendezvous(o.port, 0)
	}
	if o.cert == "" {
		var address queuednet.NetAddress
		if err := address.SetHost(o.address, o.port); err != nil {
			return nil, err
		}
		return server.OpenTCPServerRendezvousAt(address, 0)
	}
	certificate, err := tls.LoadX509KeyPair(o.cert, o.key)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(o.address, strconv.Itoa(o.port)))
	if err != nil {
		return nil, err
	}
	return server.AdoptRendezvous(tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}}))
}

// A program is the server with what polls it and what looks at it.
type program struct {
	mu     sync.Mutex // of server, which is for one goroutine at a time
	server *distributed.ServerRepository
	logger *slog.Logger
	began  time.Time
	frame  time.Duration // how long one lasts at least, so that under load one does the work of many messages
}

// idleTime is how long there is no frame at most: some things are due after a time.
const idleTime = 100 * time.Millisecond

// loop runs a frame whenever there is something to do.
func (p *program) loop(ctx context.Context) {
	for ctx.Err() == nil {
		wait, cancel := context.WithTimeout(ctx, idleTime)
		_ = p.server.Manager().WaitForReaders(wait)
		cancel()
		p.mu.Lock()
		p.server.Update()
		for event := range p.server.Events() {
			p.log(event)
		}
		p.mu.Unlock()
		time.Sleep(p.frame)
	}
}

// log says what happened. Why messages were dropped the repository says itself.
func (p *program) log(e distributed.Event) {
	switch e.Kind {
	case distributed.ClientJoined:
		p.logger.Info(e.Kind.String(), "client", e.Client.DoIDBase(), "address", e.Client.Address().String())
	case distributed.ClientLeft:
		p.logger.Info(e.Kind.String(), "client", e.Client.DoIDBase(), "reason", e.Err)
	case distributed.ObjectGenerated, distributed.ObjectMoved, distributed.ObjectDeleted:
		p.logger.Debug(e.Kind.String(), "object", e.DoID, "class", e.Class.Name(), "zone", e.Zone, "client", e.Client.DoIDBase())
	}
}
