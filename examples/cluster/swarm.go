package main

import (
	"maps"
	"math/rand/v2"
	"net"
	"strconv"
	"time"

	"github.com/queuednet/queuednet"
)

// A swarm is many bots in one loop.
type swarm struct {
	manager   *queuednet.QueuedConnectionManager
	reader    *queuednet.QueuedConnectionReader
	writer    *queuednet.ConnectionWriter
	addresses []string
	all       []*bot
	bots      map[*queuednet.Connection]*bot
	out       queuednet.Datagram
	now       time.Time
	quiet     bool // they neither go nor shout

	moves []*move
	acked map[stream][]uint32 // numbers of the shouts that were acknowledged
}

func newSwarm(bots int, addresses []string, seed uint64) *swarm {
	s := &swarm{
		manager:   queuednet.NewQueuedConnectionManager(&queuednet.Config{ReportClosed: true}),
		addresses: addresses, now: time.Now(),
		bots: make(map[*queuednet.Connection]*bot), acked: make(map[stream][]uint32),
	}
	s.reader = queuednet.NewQueuedConnectionReader(s.manager)
	s.writer = queuednet.NewConnectionWriter(s.manager)
	for i := range bots {
		b := &bot{swarm: s, random: rand.New(rand.NewPCG(seed, uint64(i))), server: i % len(addresses)}
		b.enter(noZone)
		s.all = append(s.all, b)
	}
	return s
}

// frame is one frame of all bots.
func (s *swarm) frame() {
	s.now = time.Now()
	for datagram := range s.reader.Datagrams() {
		if b := s.bots[datagram.Connection()]; b != nil {
			b.handle(datagram.Iterator(), s.now)
		}
	}
	for conn := range s.manager.ResetConnections() {
		if b := s.bots[conn]; b != nil {
			delete(s.bots, conn)
			b.lost(s.now)
		}
	}
	for _, b := range s.all {
		b.step(s.now)
	}
}

func (s *swarm) connect(server int) *queuednet.PendingConnection {
	host, port, _ := net.SplitHostPort(s.addresses[server])
	number, _ := strconv.Atoi(port)
	return s.manager.BeginTCPClientConnection(host, number, connectIn)
}

func (s *swarm) acknowledged(e event) {
	of := stream{e.source, e.zone}
	s.acked[of] = append(s.acked[of], e.number)
}

// playing returns how many bots play.
func (s *swarm) playing() (n int) {
	for _, b := range s.all {
		if b.playing {
			n++
		}
	}
	return n
}

// hears reports whether a bot still has a run of a node among those that it hears.
func (s *swarm) hears(of source) bool {
	for _, b := range s.all {
		if _, ok := b.account.heard[of]; ok {
			return true
		}
	}
	return false
}

// settled reports whether all has arrived: each bot sees whoever is in its zone, and has
// heard each acknowledged shout of the nodes that it hears.
func (s *swarm) settled() bool {
	zones := make(map[uint16]map[uint64]struct{})
	for _, b := range s.all {
		if !b.playing || b.number > b.acked {
			return false
		}
		if zones[b.zone] == nil {
			zones[b.zone] = make(map[uint64]struct{})
		}
		zones[b.zone][b.player] = struct{}{}
	}
	for _, b := range s.all {
		if !maps.Equal(b.account.view(), zones[b.zone]) || s.behind(b) {
			return false
		}
	}
	return true
}

// behind reports whether something that was acknowledged has not reached a bot.
func (s *swarm) behind(b *bot) bool {
	for of, last := range b.account.heard {
		for _, number := range s.acked[stream{of, b.zone}] {
			if number > last {
				return true
			}
		}
	}
	return false
}

func (s *swarm) close() { s.manager.Close() }
