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
// clients. -h lists the flags; those about clients and their limits are cmd/pandaserver's.
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
	"strings"
	"time"

	"github.com/queuednet/queuednet/cluster"
	"github.com/queuednet/queuednet/cluster/objects"
	"github.com/queuednet/queuednet/distributed"
	"github.com/queuednet/queuednet/distributed/dc"
	"github.com/queuednet/queuednet/internal/pandaserver"
)

func main() { pandaserver.Main("pandaserver-cluster", run) }

// options are what the command line says.
type options struct {
	pandaserver.Options
	node          cluster.Config
	objects       objects.Config
	cert, key, ca string
}

func parse(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	flags := flag.NewFlagSet("pandaserver-cluster -number n {-listen host:port | -servers urls}", flag.ContinueOnError)
	o.Define(flags, 10_000)
	number := flags.Uint("number", 0, "the `number` of this node, from 1 on, that no other one has")
	flags.StringVar(&o.node.Cluster, "cluster", "", "the `name` of the cluster, the same on all nodes, if several share the NATS -servers; queuednet without it")
	flags.StringVar(&o.node.Listen, "listen", "", "the `host:port` at which other nodes reach this one")
	flags.StringVar(&o.node.Advertise, "advertise", "", "the `host:port` by which others reach -listen, if they see another one: behind an address translation, or where certificates have names")
	routes := flags.String("routes", "", "the -listen of other nodes, with commas between; one that runs is enough")
	servers := flags.String("servers", "", "the `URLs` of NATS servers to use in place of -listen, with commas between")
	flags.StringVar(&o.node.Secret, "secret", "", "the `password` of the nodes, or what -servers ask for: user:password, a token, an nkey's seed, credentials; with @ in front the file that has it")
	flags.StringVar(&o.cert, "tls-cert", "", "the PEM `file` with this node's certificate, for other nodes or -servers")
	flags.StringVar(&o.key, "tls-key", "", "the PEM `file` with the key of the certificate")
	flags.StringVar(&o.ca, "tls-ca", "", "the PEM `file` with the authority of all nodes' certificates, or of the -servers'")
	flags.BoolVar(&o.node.Insecure, "insecure", false, "allow nodes on a network without TLS and -secret: whoever reaches -listen is then one of them")
	flags.IntVar(&o.objects.MaxNodes, "max-nodes", 64, "one more than the highest -number; the same on all nodes, as -id-range is")
	if err := o.Parse(flags, args, stderr); err != nil {
		return nil, err
	}
	o.node.Number, o.objects.IDRange = uint16(*number), o.Server.IDRange
	if uint(o.node.Number) != *number {
		return nil, fmt.Errorf("-number cannot be %d", *number)
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
	logger := o.Logger(stderr)
	o.node.Logger = logger
	file, err := dc.ParseFiles(o.Files...)
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
	o.Server.IDRange, o.Server.Processes = processes.IDRange(), processes
	server, err := distributed.NewServerRepository(&o.Server, file)
	if err != nil {
		return err
	}
	defer server.Close()
	rendezvous, err := o.Listen(server)
	if err != nil {
		return err
	}
	logger.Info("listening", "clients", rendezvous.LocalAddress().String(), "nodes", node.ListenAddress(), "number", node.Number())
	o.loop(ctx, node, server, logger)
	if err := node.Err(); err != nil {
		return err
	}
	logger.Info("ending")
	node.Leave()
	return server.Close()
}

// idleTime is how long there is no frame at most: some things are due after a time.
const idleTime = 100 * time.Millisecond

// loop runs a frame whenever clients or other nodes have sent something. It ends with the context, and
// with the node's part in the cluster.
func (o *options) loop(ctx context.Context, node *cluster.Node, server *distributed.ServerRepository, logger *slog.Logger) {
	idle := time.NewTicker(idleTime)
	defer idle.Stop()
	for ctx.Err() == nil && node.Err() == nil {
		select {
		case <-server.Manager().Notify():
		case <-node.Notify():
		case <-idle.C:
		case <-ctx.Done():
		}
		server.Update()
		for event := range server.Events() {
			pandaserver.Log(logger, event)
		}
		node.SetConnections(server.Stats().Clients)
		time.Sleep(o.Frame) // so that under load one frame does the work of many messages
	}
}
