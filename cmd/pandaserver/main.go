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
	"strconv"
	"sync"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/distributed"
	"github.com/queuednet/queuednet/distributed/dc"
	"github.com/queuednet/queuednet/internal/pandaserver"
)

func main() { pandaserver.Main("pandaserver", run) }

// options are what the command line says.
type options struct {
	pandaserver.Options
	inspect   string
	cert, key string
}

func parse(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	flags := flag.NewFlagSet("pandaserver", flag.ContinueOnError)
	o.Define(flags, 1_000_000)
	flags.StringVar(&o.cert, "tls-cert", "", "serve TLS with the certificate in this PEM `file`")
	flags.StringVar(&o.key, "tls-key", "", "the PEM `file` with the key of the certificate")
	flags.StringVar(&o.inspect, "inspect", "", "serve a page about clients, objects and zones by HTTP at this `host:port`, such as localhost:8080; whoever reaches it can read it")
	if err := o.Parse(flags, args, stderr); err != nil {
		return nil, err
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
	logger := o.Logger(stderr)
	file, err := dc.ParseFiles(o.Files...)
	if err != nil {
		return err
	}
	server, err := distributed.NewServerRepository(&o.Server, file)
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
	p := &program{server: server, logger: logger, began: time.Now(), frame: o.Frame}
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
	if o.cert == "" {
		return o.Listen(server)
	}
	certificate, err := tls.LoadX509KeyPair(o.cert, o.key)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(o.Address, strconv.Itoa(o.Port)))
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
			pandaserver.Log(p.logger, event)
		}
		p.mu.Unlock()
		time.Sleep(p.frame)
	}
}
