// Command pandaserver-cluster is one of several servers of Panda3D's distributed objects that
// together are one: clients of all of them see each other's objects.
//
//	pandaserver-cluster -number 1 -listen 10.0.0.1:6222 -tls-cert node.pem -tls-key node.key -tls-ca ca.pem -secret @secret.txt direct.dc game.dc
//	pandaserver-cluster -number 2 -listen 10.0.0.2:6222 -routes 10.0.0.1:6222 … direct.dc game.dc
//
// With -servers the nodes are clients of NATS servers that run somewhere, in place of -listen and -routes:
//
//	pandaserver-cluster -number 1 -servers tls://nats.example:4222 -tls-ca ca.pem -secret @node.creds direct.dc game.dc
//
// All have the same DC files in the same order, -id-range and -max-nodes. The routes between them go
// over -listen, clients connect to -port. Ctrl-C or SIGTERM ends it: the others are told, and delete the objects of its
// clients. -h lists the flags; cmd/pandaserver has those that a single server has beside.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/queuednet/queuednet/cluster"
	"github.com/queuednet/queuednet/cluster/objects"
	"github.com/queuednet/queuednet/distributed"
	"github.com/queuednet/queuednet/distributed/dc"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	err := run(ctx, os.Args[1:], os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "pandaserver-cluster:", err)
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct {
	node          cluster.Config
	objects       objects.Config
	server        distributed.ServerConfig
	port          int
	frame         time.Duration
	cert, key, ca string
	files         []string
}

func parse(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	flags := flag.NewFlagSet("pandaserver-cluster", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: pandaserver-cluster -number n {-listen host:port | -servers urls} [flags] file.dc ...")
		flags.PrintDefaults()
	}
	number := flags.Uint("number", 0, "the `number` of this node, from 1 on, that no other one has")
	flags.StringVar(&o.node.Listen, "listen", "", "the `host:port` at which other nodes reach this one")
	flags.StringVar(&o.node.Advertise, "advertise", "", "the `host:port` by which others reach -listen, if they see another one: behind an address translation, or where certificates have names")
	routes := flags.String("routes", "", "the -listen of other nodes, with commas between; one that runs is enough")
	servers := flags.String("servers", "", "the `URLs` of NATS servers to use in place of -listen, with commas between")
	flags.StringVar(&o.node.Secret, "secret", "", "the `password` of the nodes, or what -servers ask for: user:password, a token, an nkey's seed, credentials; with @ in front the file that has it")
	flags.StringVar(&o.cert, "tls-cert", "", "the PEM `file` with this node's certificate, for other nodes or -servers")
	flags.StringVar(&o.key, "tls-key", "", "the PEM `file` with the key of the certificate")
	flags.StringVar(&o.ca, "tls-ca", "", "the PEM `file` with the authority of all nodes' certificates, or of the -servers'")
	flags.BoolVar(&o.node.Insecure, "insecure", false, "allow nodes on a network without TLS and -secret: whoever reaches -listen is then one of them")
	flags.IntVar(&o.port, "port", 4400, "the TCP `port` for clients; 0 for any that is free")
	flags.DurationVar(&o.frame, "frame", 2*time.Millisecond, "the longest `time` from frame to frame, and the least while there is much to do")
	idRange := flags.Uint("id-range", 10_000, "how many object ids a client has; the same on all nodes")
	flags.IntVar(&o.objects.MaxNodes, "max-nodes", 64, "one more than the highest -number; the same on all nodes")
	flags.BoolVar(&o.server.CacheFields, "cache", false, "keep required and ram fields, and answer newcomers without asking the owners")
	flags.BoolVar(&o.server.RepairRequired, "repair", false, "leave required fields that are not broadcast out of what clients get: Panda3D misreads them")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	o.node.Number, o.objects.IDRange, o.files = uint16(*number), uint32(*idRange), flags.Args()
	switch {
	case uint(o.node.Number) != *number || uint(o.objects.IDRange) != *idRange:
		return nil, errors.New("-number or -id-range is too large")
	case len(o.files) == 0:
		return nil, errors.New("no DC files; -h for help")
	case o.frame <= 0 || o.frame > time.Second:
		return nil, fmt.Errorf("-frame cannot be %v", o.frame)
	}
	if *routes != "" {
		o.node.Routes = strings.Split(*routes, ",")
	}
	if *servers != "" {
		o.node.Servers = strings.Split(*servers, ",")
	}
	return o, o.secure()
}

// secure reads the files of TLS and of the secret.
func (o *options) secure() error {
	if name, ok := strings.CutPrefix(o.node.Secret, "@"); ok {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		o.node.Secret = strings.TrimSpace(string(text))
	}
	switch {
	case o.cert == "" && o.key == "" && o.ca == "":
		return nil
	case (o.cert == "") != (o.key == ""):
		return errors.New("-tls-cert and -tls-key belong together")
	case o.node.Listen != "" && (o.cert == "" || o.ca == ""):
		return errors.New("-listen needs all of -tls-cert, -tls-key and -tls-ca, or none")
	}
	o.node.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	if o.cert != "" {
		certificate, err := tls.LoadX509KeyPair(o.cert, o.key)
		if err != nil {
			return err
		}
		o.node.TLS.Certificates = []tls.Certificate{certificate}
	}
	if o.ca != "" {
		text, err := os.ReadFile(o.ca)
		if err != nil {
			return err
		}
		o.node.TLS.RootCAs = x509.NewCertPool()
		if !o.node.TLS.RootCAs.AppendCertsFromPEM(text) {
			return fmt.Errorf("%s: no certificate in it", o.ca)
		}
	}
	return nil
}

func run(ctx context.Context, args []string, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(stderr, nil))
	o.server.Logger, o.node.Logger = logger, logger
	file, err := dc.ParseFiles(o.files...)
	if err != nil {
		return err
	}
	node, err := cluster.Open(&o.node)
	if err != nil {
		return err
	}
	defer node.Close()
	processes, err := objects.New(node, &o.objects)
	if err != nil {
		return err
	}
	o.server.IDRange, o.server.Processes = processes.IDRange(), processes
	server, err := distributed.NewServerRepository(&o.server, file)
	if err != nil {
		return err
	}
	defer server.Close()
	rendezvous, err := server.OpenTCPServerRendezvous(o.port, 0)
	if err != nil {
		return err
	}
	logger.Info("listening", "clients", rendezvous.LocalAddress().String(), "nodes", node.ListenAddress(), "number", node.Number())
	loop(ctx, node, server, o.frame)
	if err := node.Err(); err != nil {
		return err
	}
	logger.Info("ending")
	node.Leave()
	return server.Close()
}

// loop runs a frame whenever clients have sent something, and so often for what other nodes send. It
// ends with the context, and with the node's part in the cluster.
func loop(ctx context.Context, node *cluster.Node, server *distributed.ServerRepository, frame time.Duration) {
	for ctx.Err() == nil && node.Err() == nil {
		wait, cancel := context.WithTimeout(ctx, frame)
		_ = server.Manager().WaitForReaders(wait)
		cancel()
		server.Update()
		node.SetConnections(server.Stats().Clients)
	}
}
