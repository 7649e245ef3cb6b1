package main

import (
	"context"
	"log/slog"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/cluster"
	"github.com/queuednet/queuednet/examples/internal/credentials"
)

const (
	frameTime  = time.Second / 60
	zoneCount  = 12
	maxPlayers = 5000

	firstTicket = 5 * time.Second // until a newcomer has said hello
)

// A server is one node of the world: it has some of the players, and knows of the others
// who are in the zones that its own players are in. All of it belongs to the loop but
// what is atomic.
type server struct {
	options options
	log     *slog.Logger

	manager    *queuednet.QueuedConnectionManager
	rendezvous *queuednet.Connection
	listener   *queuednet.QueuedConnectionListener
	reader     *queuednet.QueuedConnectionReader
	writer     *queuednet.ConnectionWriter
	node       *cluster.Node
	self       source

	players  map[*queuednet.Connection]*player // nil: has not said hello
	sessions map[cluster.SessionID]*player
	coming   map[*queuednet.Connection]*cluster.PendingSession // with tickets
	tickets  map[*queuednet.Connection][]byte                  // of those
	away     map[cluster.SessionID]time.Time                   // cut off, since when
	zones    [zoneCount]*zone
	nodes    map[uint16]source // the other nodes that are there
	now      time.Time         // of the frame
	until    time.Time         // when it drains: the latest end
	out      queuednet.Datagram

	lastFrame atomic.Int64 // in nanoseconds since 1970
	welcoming atomic.Bool  // new players may come
}

func newServer(o options, log *slog.Logger) (*server, error) {
	s := &server{
		options: o, log: log,
		players:  make(map[*queuednet.Connection]*player),
		sessions: make(map[cluster.SessionID]*player),
		coming:   make(map[*queuednet.Connection]*cluster.PendingSession),
		tickets:  make(map[*queuednet.Connection][]byte),
		away:     make(map[cluster.SessionID]time.Time),
		nodes:    make(map[uint16]source),
	}
	s.manager = queuednet.NewQueuedConnectionManager(&queuednet.Config{
		ReportClosed: true, MaxConnections: maxPlayers, MaxDatagramSize: 1024,
		FirstDatagramTimeout: firstTicket, MaxDatagramsPerSecond: 100,
	})
	s.listener = queuednet.NewQueuedConnectionListener(s.manager)
	s.reader = queuednet.NewQueuedConnectionReader(s.manager)
	s.writer = queuednet.NewConnectionWriter(s.manager)
	if err := s.open(); err != nil {
		s.close()
		return nil, err
	}
	s.self = source{s.node.Number(), s.node.Incarnation()}
	for i := range s.zones {
		s.zones[i] = newZone(s, uint16(i))
	}
	s.listener.AddConnection(s.rendezvous)
	s.now = time.Now()
	s.lastFrame.Store(s.now.UnixNano())
	s.welcoming.Store(true)
	return s, nil
}

// open opens what may fail.
func (s *server) open() (err error) {
	if s.rendezvous, err = openPlayers(s.manager, s.options.players); err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	number, err := nodeNumber(s.options.number, host)
	if err != nil {
		return err
	}
	config := &cluster.Config{
		Number: number, Name: host, Cluster: "world", Insecure: s.options.insecure, Logger: s.log,
		Listen: s.options.listen, Advertise: s.options.advertise, Routes: credentials.List(s.options.routes),
		Servers: credentials.List(s.options.nats),
	}
	if config.TLS, err = credentials.TLS(s.options.tls); err != nil {
		return err
	}
	if config.Secret, err = credentials.Secret(s.options.secret); err != nil {
		return err
	}
	if config.TicketKey, err = credentials.Secret(s.options.ticketKey); err != nil {
		return err
	}
	s.node, err = cluster.Open(config)
	return err
}

func openPlayers(manager *queuednet.QueuedConnectionManager, address string) (*queuednet.Connection, error) {
	if at, err := netip.ParseAddrPort(address); err == nil {
		return manager.OpenTCPServerRendezvousAt(queuednet.NetAddressFrom(at), 0)
	}
	if text, ok := strings.CutPrefix(address, ":"); ok {
		if port, err := strconv.Atoi(text); err == nil {
			return manager.OpenTCPServerRendezvous(port, 0)
		}
	}
	return nil, &badAddress{address}
}

// serve runs the loop until ctx is done and the players have moved, or until the node
// can take part no longer.
func (s *server) serve(ctx context.Context) error {
	ticker := time.NewTicker(frameTime)
	defer ticker.Stop()
	for range ticker.C {
		s.now = time.Now()
		s.lastFrame.Store(s.now.UnixNano())
		s.frame()
		if ctx.Err() != nil && s.welcoming.CompareAndSwap(true, false) {
			s.drain()
		}
		if !s.welcoming.Load() && (len(s.sessions)+len(s.coming) == 0 || s.now.After(s.until)) {
			s.log.Info("leaving", "players", len(s.sessions))
			s.node.Leave()
			return nil
		}
		if err := s.node.Err(); err != nil {
			return err
		}
	}
	return nil
}

// frame is one frame of a node. It never waits.
func (s *server) frame() {
	for conn := range s.listener.NewConnections() {
		s.players[conn] = nil
		s.reader.AddConnection(conn)
	}
	for datagram := range s.reader.Datagrams() { // what the players here do
		s.fromPlayer(datagram.Connection(), datagram.Iterator())
	}
	for message := range s.node.Messages() { // what happens on the other nodes
		s.fromNode(message)
	}
	for happening := range s.node.Events() { // what becomes of the other nodes
		s.happened(happening)
	}
	for conn := range s.manager.ResetConnections() { // who has left, and who was sent away
		s.gone(conn)
	}
	s.step()
	s.node.SetConnections(len(s.sessions))
}

// step does what is due.
func (s *server) step() {
	s.redeemed()
	for _, z := range s.zones {
		z.askAgain()
		z.tellAgain()
	}
	for _, p := range s.sessions {
		if s.now.Sub(p.keptAt) > keepEvery {
			s.keep(p)
		}
		if s.now.Sub(p.ticketAt) > ticketEvery {
			s.giveTicket(p)
		}
	}
	s.endSessions()
}

// drain sends the players to other nodes. Who comes now is sent away at once.
func (s *server) drain() {
	s.log.Info("draining", "players", len(s.sessions))
	s.until = s.now.Add(s.options.drain)
	s.node.Drain()
	for _, p := range s.sessions {
		s.keep(p)
		s.send(begin(&s.out, kindMoveOn), p.conn)
	}
}

// close BLOCKS until what was sent is out, at most for the CloseTimeouts.
func (s *server) close() {
	if s.node != nil {
		s.node.Close()
	}
	s.manager.Close()
}

type badAddress struct{ address string }

func (e *badAddress) Error() string { return "-players " + e.address + ": not ip:port or :port" }
