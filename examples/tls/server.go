package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"strings"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/examples/internal/cli"
	"github.com/queuednet/queuednet/examples/tls/keys"
)

func runServer(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("server", flag.ContinueOnError)
	address := flags.String("address", "localhost:9443", "the `host:port` to listen on")
	names := flags.String("names", "localhost,127.0.0.1,::1", "the `names` and IP addresses that clients know the server by")
	dir := keysFlag(flags)
	if err := cli.Parse(flags, args, stdout); err != nil {
		return err
	}
	d, err := keys.Open(*dir)
	if err != nil {
		return err
	}
	if _, err := d.MakeAccount("Ada"); err != nil {
		return err
	}
	config, err := d.Server(strings.Split(*names, ","))
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, "keys in", *dir)
	s, err := newServer(*address, config, stdout)
	if err != nil {
		return err
	}
	for s.manager.WaitForReaders(ctx) == nil {
		s.frame()
	}
	return s.manager.Close() // waits until the last messages have arrived
}

type server struct {
	stdout  io.Writer
	manager *queuednet.QueuedConnectionManager

	listener *queuednet.QueuedConnectionListener
	reader   *queuednet.QueuedConnectionReader
	writer   *queuednet.ConnectionWriter

	players  map[*queuednet.Connection]string // their accounts
	accounts map[string]*queuednet.Connection // the same the other way
}

func newServer(address string, config *tls.Config, stdout io.Writer) (*server, error) {
	manager := queuednet.NewQueuedConnectionManager(&queuednet.Config{
		FirstDatagramTimeout: 10 * time.Second, // bounds the handshake too
		MaxDatagramSize:      1024,
	})
	socket, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	rendezvous, err := manager.AdoptRendezvous(tls.NewListener(socket, config))
	if err != nil {
		return nil, err
	}
	s := &server{
		stdout:   stdout,
		manager:  manager,
		listener: queuednet.NewQueuedConnectionListener(manager),
		reader:   queuednet.NewQueuedConnectionReader(manager),
		writer:   queuednet.NewConnectionWriter(manager),
		players:  make(map[*queuednet.Connection]string),
		accounts: make(map[string]*queuednet.Connection),
	}
	fmt.Fprintln(stdout, "listening on", rendezvous.LocalAddress())
	return s, s.listener.AddConnection(rendezvous)
}

// frame is one frame of the server.
func (s *server) frame() {
	for conn := range s.listener.NewConnections() {
		_ = s.reader.AddConnection(conn) // it fails only if the client has gone already
	}
	for datagram := range s.reader.Datagrams() {
		conn := datagram.Connection()
		it := datagram.Iterator()
		kind, text := it.GetUint8(), it.GetString()
		player, known := s.players[conn]
		switch {
		case errors.Is(conn.Err(), net.ErrClosed): // refused, or replaced by its other connection
		case it.Err() != nil:
			s.refuse(conn, "a broken message: "+it.Err().Error())
		case kind == hello && !known:
			s.login(conn)
		case kind == say && known:
			fmt.Fprintf(s.stdout, "%s: %s\n", player, cli.Printable(text))
			_ = s.writer.Broadcast(message(said, player+": "+text), maps.Keys(s.players))
		default:
			s.refuse(conn, fmt.Sprintf("no message %d was expected", kind))
		}
	}
	for conn := range s.manager.ResetConnections() {
		fmt.Fprintf(s.stdout, "- %v %s: %v\n", conn.Address(), s.players[conn], conn.Err())
		s.forget(conn)
	}
}

// login takes or refuses a client that has said hello. That is the moment to look
// at its certificate: a datagram of it has come, so that its handshake is done.
// Before that, ConnectionState would wait for the handshake, and with it the loop.
func (s *server) login(conn *queuednet.Connection) {
	name, ok := keys.Account(conn.NetConn().(*tls.Conn).ConnectionState())
	if !ok {
		s.refuse(conn, "you have no account: show the certificate that the operator has made for you")
		return
	}
	if other := s.accounts[name]; other != nil {
		s.refuse(other, "your account has come in from "+conn.Address().String())
	}
	s.players[conn], s.accounts[name] = name, conn
	fmt.Fprintln(s.stdout, "+", conn.Address(), name)
	_ = s.writer.Send(message(welcome, name), conn)
}

// refuse tells a client why it may not stay and closes it. The message arrives.
func (s *server) refuse(conn *queuednet.Connection, why string) {
	fmt.Fprintf(s.stdout, "! %v: %s\n", conn.Address(), why)
	_ = s.writer.Send(message(refused, why), conn)
	s.manager.CloseConnection(conn)
	s.forget(conn)
}

func (s *server) forget(conn *queuednet.Connection) {
	if name, known := s.players[conn]; known {
		delete(s.players, conn)
		delete(s.accounts, name)
	}
}
