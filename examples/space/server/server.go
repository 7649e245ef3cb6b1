package main

import (
	"crypto/tls"
	"fmt"
	"log"
	"net"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/cluster"
	"github.com/queuednet/queuednet/examples/space/game"
	"github.com/queuednet/queuednet/websocket"
)

// settings are what the flags say.
type settings struct {
	TCP, HTTP string          // addresses
	Inspect   string          // address of the page for operators, empty for none
	TLS       *tls.Config     // of both, nil for none
	Origins   []string        // of pages on other sites
	Admin     string          // the word for /admin
	Seed      uint64          // of the world
	Players   int             // at most
	Rate      int             // datagrams a second from a client; beyond it, it is slowed
	Keep      time.Duration   // how long a ship waits for its player
	Idle      time.Duration   // without a key, until a player is sent away
	Report    time.Duration   // how often a line of figures is printed, 0 for never
	Client    *wasmClient     // for browsers
	Cluster   *cluster.Config // the other servers; nil is alone
}

// A server is the world and those who play in it. Everything but its HTTP side
// is for the goroutine that calls frame.
type server struct {
	settings
	manager  *queuednet.QueuedConnectionManager
	listener *queuednet.QueuedConnectionListener
	reader   *queuednet.QueuedConnectionReader
	writer   *queuednet.ConnectionWriter
	tcp      net.Listener // where clients of TCP come in
	web      *web
	inspect  *web // nil for none

	fleet
	world     *game.World
	strangers map[*queuednet.Connection]bool // who has not said hello yet
	members   map[*queuednet.Connection]*member
	byToken   map[game.Token]*member // also those who are lost
	newcomers map[*queuednet.Connection]*newcomer

	out      queuednet.Datagram
	snapshot game.Snapshot
	in       messages
	report   report
}

// messages is memory for what is read, so that it is not made anew each time.
type messages struct {
	hello game.Hello
	input game.Input
	say   game.Say
	ping  game.Ping
}

// config bounds what a client can do to the others.
func (o settings) config() *queuednet.Config {
	return &queuednet.Config{
		MaxConnections:        o.Players + 100,
		FirstDatagramTimeout:  10 * time.Second,
		MaxDatagramSize:       256,
		MaxDatagramsPerSecond: o.Rate,
		MaxReceiveQueue:       64 << 10,
		MaxSendQueue:          256 << 10, // some 20 seconds of a game
	}
}

// newServer listens. It plays once frame is called.
func newServer(o settings) (*server, error) {
	config := o.config()
	m := queuednet.NewQueuedConnectionManager(config)
	s := &server{
		settings:  o,
		manager:   m,
		listener:  queuednet.NewQueuedConnectionListener(m),
		reader:    queuednet.NewQueuedConnectionReader(m),
		writer:    queuednet.NewConnectionWriter(m),
		world:     game.NewWorld(o.Seed),
		strangers: make(map[*queuednet.Connection]bool),
		members:   make(map[*queuednet.Connection]*member),
		byToken:   make(map[game.Token]*member),
		newcomers: make(map[*queuednet.Connection]*newcomer),
	}
	sockets, err := websocket.NewServer(&websocket.ServerOptions{Config: config, Origins: o.Origins})
	if err == nil {
		err = s.openFleet(o.Cluster)
	}
	if err == nil {
		err = s.listen(sockets)
	}
	if err == nil {
		s.web, err = serveWeb(o, sockets)
	}
	if err == nil && o.Inspect != "" {
		if s.inspect, err = serveInspect(o.Inspect, m); err != nil {
			s.web.close()
		}
	}
	if err != nil {
		m.Close()
		s.node.Close()
		return nil, err
	}
	return s, nil
}

// listen lets clients of TCP and of WebSockets into the same listener.
func (s *server) listen(sockets *websocket.Server) (err error) {
	if s.tcp, err = net.Listen("tcp", s.TCP); err != nil {
		return fmt.Errorf("listening for clients: %w", err)
	}
	if s.TLS != nil {
		s.tcp = tls.NewListener(s.tcp, s.TLS)
	}
	for _, l := range []net.Listener{s.tcp, sockets} {
		rendezvous, err := s.manager.AdoptRendezvous(l)
		if err != nil {
			return err
		}
		if err := s.listener.AddConnection(rendezvous); err != nil {
			return err
		}
	}
	return nil
}

// frame is a tick: what has come, a step of the world, what it tells.
func (s *server) frame() {
	begin := time.Now()
	for conn := range s.listener.NewConnections() {
		if s.reader.AddConnection(conn) == nil {
			s.strangers[conn] = true
		}
	}
	for datagram := range s.reader.Datagrams() {
		s.report.in(datagram.Length())
		s.handle(datagram.Connection(), &datagram.Datagram)
	}
	for conn := range s.manager.ResetConnections() {
		s.ended(conn)
	}
	s.listenToNodes()
	s.comeIn()
	s.world.Step()
	s.look()
	s.tell()
	s.report.frame(time.Since(begin))
	s.report.print(s.Report, len(s.members))
}

// close tells everybody that the server goes down, and BLOCKS until they know.
func (s *server) close() {
	s.node.Drain()
	for _, p := range s.byToken {
		s.keep(p)
	}
	for conn := range s.members {
		s.send(conn, &game.Goodbye{Again: true, Text: "The server is restarting."})
	}
	if err := s.manager.Close(); err != nil {
		log.Print("closing: ", err)
	}
	s.node.Close()
	s.web.close()
	if s.inspect != nil {
		s.inspect.close()
	}
}

// send sends a message to one client. Its error is that of a connection which has
// ended, and the end is reported.
func (s *server) send(conn *queuednet.Connection, m game.Message) {
	game.Encode(&s.out, m)
	s.report.out(s.out.Length(), 1)
	s.writer.Send(&s.out, conn)
}
