package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/examples/internal/cli"
	"github.com/queuednet/queuednet/examples/tls/keys"
)

const (
	frameRate = 60

	// The server must have answered by then, and the handshake be done.
	timeout = 5 * time.Second
)

func runClient(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("client", flag.ContinueOnError)
	address := flags.String("address", "localhost:9443", "the server's `host:port`")
	serverName := flags.String("name", "", "the `name` that the server's certificate must have; the host of the address without it")
	account := flags.String("account", "Ada", "the `name` of the account; empty for none")
	dir := keysFlag(flags)
	text := flags.String("say", "Hello, world!", "what to say, a `text`")
	if err := cli.Parse(flags, args, stdout); err != nil {
		return err
	}
	config, err := keys.Client(*dir, *account)
	if err != nil {
		return err
	}
	config.ServerName = *serverName

	manager := queuednet.NewQueuedConnectionManager(nil)
	defer manager.Close()
	conn, err := connect(ctx, manager, *address, config)
	switch {
	case ctx.Err() != nil: // Ctrl-C, and whatever came of it
		return nil
	case err != nil:
		return explain(err, *dir)
	}
	fmt.Fprintln(stdout, "connected to", conn.Address())
	c := &client{
		stdout:  stdout,
		manager: manager,
		reader:  queuednet.NewQueuedConnectionReader(manager),
		writer:  queuednet.NewConnectionWriter(manager),
		server:  conn,
		say:     *text,
	}
	return c.play(ctx)
}

// connect connects in the background, as a game would, and waits. The handshake
// is part of it, so that a wrong certificate is an error here.
func connect(ctx context.Context, manager *queuednet.QueuedConnectionManager, address string, config *tls.Config) (*queuednet.Connection, error) {
	dialer := &tls.Dialer{Config: config} // takes the ServerName from the address if it has none
	pending := manager.BeginClientConnection(func(ctx context.Context) (net.Conn, error) {
		return dialer.DialContext(ctx, "tcp", address)
	}, timeout)
	return pending.Wait(ctx)
}

// explain says what a person can do about a certificate that is not trusted.
func explain(err error, dir string) error {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return fmt.Errorf("this is not the server that trust.pem in %s is for: %w", dir, err)
	}
	if wrong, ok := errors.AsType[x509.HostnameError](err); ok {
		return fmt.Errorf("the server has no certificate for %q: -name says which name it must have: %w", wrong.Host, err)
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return fmt.Errorf("the server's certificate is out of date, or this machine's clock is wrong: %w", err)
	}
	return fmt.Errorf("cannot connect: %w", err)
}

type client struct {
	stdout  io.Writer
	manager *queuednet.QueuedConnectionManager
	reader  *queuednet.QueuedConnectionReader
	writer  *queuednet.ConnectionWriter
	server  *queuednet.Connection
	say     string
}

// play is the client's loop. It returns when the server is gone, or with Ctrl-C.
func (c *client) play(ctx context.Context) error {
	// These fail only if the server is gone already, which ResetConnections tells.
	_ = c.reader.AddConnection(c.server)
	_ = c.writer.Send(message(hello, ""), c.server)
	for frame := time.Tick(time.Second / frameRate); ; {
		for datagram := range c.reader.Datagrams() {
			if err := c.handle(datagram.Iterator()); err != nil {
				return err
			}
		}
		for conn := range c.manager.ResetConnections() {
			return fmt.Errorf("the server is gone: %w", conn.Err())
		}
		select {
		case <-frame:
		case <-ctx.Done():
			c.manager.CloseConnection(c.server)
			return c.manager.Close() // waits until the last message has arrived
		}
	}
}

// handle deals with a message of the server. An error ends the client.
func (c *client) handle(it queuednet.DatagramIterator) error {
	kind, text := it.GetUint8(), cli.Printable(it.GetString())
	switch {
	case it.Err() != nil:
		return fmt.Errorf("a broken message: %w", it.Err())
	case kind == welcome:
		fmt.Fprintln(c.stdout, "welcome,", text)
		_ = c.writer.Send(message(say, c.say), c.server)
	case kind == said:
		fmt.Fprintln(c.stdout, text)
	case kind == refused:
		return errors.New("the server says: " + text)
	}
	return nil
}
