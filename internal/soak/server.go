package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/queuednet/queuednet"
)

// A player is a connection as the server knows it.
type player struct {
	conn    *queuednet.Connection
	address string
	life    *life // nil until its first message
	wide    bool  // headers of 4 bytes
	ingame  bool
	check   check
	sent    flow
	asked   bool   // to be closed
	wants   int    // bytes still to be sent to one that asked for much
	closed  string // by the server, and why
	frame   int    // of the close
}

// A server is a program as the library is for: one goroutine, 60 frames a second.
type server struct {
	ledger  *ledger
	random  *rand.Rand
	manager *queuednet.QueuedConnectionManager

	narrow, wide             *queuednet.Connection // rendezvous, for headers of 2 and 4 bytes
	listener                 *queuednet.QueuedConnectionListener
	lobby, game, wideReader  *queuednet.QueuedConnectionReader
	narrowWriter, wideWriter *queuednet.ConnectionWriter
	packets                  *echo

	players    map[*queuednet.Connection]*player
	frames     int
	broadcasts uint32
	message    queuednet.Datagram
	bytes      []byte
	figures    serverFigures
}

type serverFigures struct{ accepted, moved, refused int }

const broadcastEvery = 4 // frames

func newServer(l *ledger, seed uint64) (*server, error) {
	m := queuednet.NewQueuedConnectionManager(&queuednet.Config{
		MaxDatagramSize: longest,
		MaxReceiveQueue: 256 << 10,
		MaxSendQueue:    1 << 20,
		WriteTimeout:    2 * time.Second,
		// What is collected leaves within the time of a frame or two.
		CollectTCPInterval: 50 * time.Millisecond,
	})
	s := &server{
		ledger: l, manager: m, random: rand.New(rand.NewPCG(seed, 1)),
		listener:     queuednet.NewQueuedConnectionListener(m),
		lobby:        queuednet.NewQueuedConnectionReader(m),
		game:         queuednet.NewQueuedConnectionReader(m),
		wideReader:   queuednet.NewQueuedConnectionReader(m),
		narrowWriter: queuednet.NewConnectionWriter(m),
		wideWriter:   queuednet.NewConnectionWriter(m),
		players:      make(map[*queuednet.Connection]*player),
	}
	err := errors.Join(s.wideReader.SetTCPHeaderSize(4), s.wideWriter.SetTCPHeaderSize(4))
	for _, rendezvous := range []**queuednet.Connection{&s.narrow, &s.wide} {
		var address queuednet.NetAddress
		if err == nil {
			err = address.SetLocalhost(0)
		}
		if err == nil {
			*rendezvous, err = m.OpenTCPServerRendezvousAt(address, 100)
		}
		if err == nil {
			err = s.listener.AddConnection(*rendezvous)
		}
	}
	if err == nil {
		s.packets, err = newEcho(m)
	}
	if err != nil {
		m.Close()
		return nil, err
	}
	return s, nil
}

// run is the loop. It ends when told to, and then closes everything.
func (s *server) run(stop <-chan struct{}) error {
	ticker := time.NewTicker(time.Second / 60)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return s.close()
		case <-ticker.C:
			s.ledger.fail(s.frame())
		}
	}
}

func (s *server) frame() error {
	s.frames++
	for conn := range s.listener.NewConnections() {
		if err := s.comes(conn); err != nil {
			return err
		}
	}
	takes := []func() error{s.takeTCP, s.packets.answer, s.takeEnds}
	// In any order: an end is not there before its data has been taken.
	s.random.Shuffle(len(takes), func(i, j int) { takes[i], takes[j] = takes[j], takes[i] })
	for _, take := range takes {
		if err := take(); err != nil {
			return err
		}
	}
	s.closeSome()
	for _, p := range s.players {
		s.sendMuch(p)
	}
	if s.frames%broadcastEvery == 0 {
		s.broadcast(false)
		s.broadcast(true)
		s.broadcasts++
	}
	return nil
}

func (s *server) comes(conn *queuednet.Connection) error {
	p := &player{conn: conn, address: conn.Address().String(), wide: conn.Rendezvous() == s.wide}
	s.players[conn] = p
	s.figures.accepted++
	conn.SetCollectTCP(s.random.IntN(4) == 0)
	reader := s.lobby
	if p.wide {
		reader = s.wideReader
	}
	return reader.AddConnection(conn)
}

func (s *server) takeTCP() error {
	return errors.Join(s.drain(s.lobby), s.move(), s.drain(s.game), s.drain(s.wideReader))
}

// drain takes what a reader has, in one of the two ways.
func (s *server) drain(reader *queuednet.QueuedConnectionReader) error {
	if s.random.IntN(2) == 0 {
		for datagram := range reader.Datagrams() {
			if err := s.take(datagram); err != nil {
				return err
			}
		}
		return nil
	}
	var datagram queuednet.NetDatagram
	for reader.DataAvailable() {
		if !reader.GetData(&datagram) {
			continue
		}
		if err := s.take(&datagram); err != nil {
			return err
		}
	}
	return nil
}

func (s *server) take(datagram *queuednet.NetDatagram) error {
	p := s.players[datagram.Connection()]
	switch {
	case p == nil:
		return fmt.Errorf("a datagram of %v after its end", datagram.Address())
	case p.closed != "":
		return nil // it was queued before
	}
	first := p.life == nil
	if first {
		_, number, _, err := parseMessage(datagram.Message())
		if err != nil {
			return err
		}
		if p.life = s.ledger.find(number); p.life == nil {
			return fmt.Errorf("life %d is not open", number)
		}
		p.check.life = number
	}
	k, err := p.check.take(datagram.Message())
	switch {
	case err != nil:
		return fmt.Errorf("at the server: %w", err)
	case k == leave:
		p.asked = true
	case k == much:
		p.wants = 64 << 20
	case first || p.received()%16 == 0:
		s.send(p, sizeFor(s.random, s.most(p)))
	}
	return nil
}

func (p *player) received() int { return p.check.datagrams }

// most is the longest datagram that a player is sent. One who floods is answered
// briefly: all the answers together must fit into MaxSendQueue, because on a busy
// machine it may read none of them for a while.
func (s *server) most(p *player) int {
	if p.received() > 500 {
		return 100
	}
	if p.wide {
		return longest
	}
	return 1<<16 - 1
}

func (s *server) writer(wide bool) *queuednet.ConnectionWriter {
	if wide {
		return s.wideWriter
	}
	return s.narrowWriter
}

// send sends the next message of a player's own.
func (s *server) send(p *player, size int) (ok bool) {
	s.bytes = appendMessage(s.bytes[:0], numbered, p.life.number, uint32(p.sent.datagrams)+1, size)
	s.message.Assign(s.bytes)
	if s.writer(p.wide).Send(&s.message, p.conn) != nil {
		s.figures.refused++
		return false
	}
	p.sent.datagrams++
	p.sent.bytes += size
	return true
}

// sendMuch sends to one that does not read, until that ends it.
func (s *server) sendMuch(p *player) {
	for range 10 {
		const size = 30_000
		if p.wants < size || p.closed != "" || !s.send(p, size) {
			return
		}
		p.wants -= size
	}
}

// broadcast sends to all players whose headers have one of both sizes.
func (s *server) broadcast(wide bool) {
	to := make(map[string]*player)
	for _, p := range s.players {
		if p.life != nil && p.closed == "" && p.wide == wide {
			to[p.address] = p
		}
	}
	s.bytes = appendMessage(s.bytes[:0], broadcast, 0, s.broadcasts+1, messageHead+int(s.broadcasts*7%400))
	s.message.Assign(s.bytes)
	err := s.writer(wide).Broadcast(&s.message, func(yield func(*queuednet.Connection) bool) {
		for _, p := range to {
			if !yield(p.conn) {
				return
			}
		}
	})
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range all.Unwrap() { // each names its receiver
			address, _, _ := strings.Cut(err.Error(), ": ")
			if to[address] == nil {
				s.ledger.fail(fmt.Errorf("a broadcast failed for nobody: %w", err))
			}
			delete(to, address)
			s.figures.refused++
		}
	}
	size := len(s.bytes)
	for _, p := range to {
		p.sent.shared++
		p.sent.bytes += size
		if s.random.IntN(10) == 0 { // behind what others have been sent as well
			s.send(p, sizeFor(s.random, 1000))
		}
	}
}

// move lets players go from the lobby to the game. What is queued in the lobby
// is older than what the game will get, so it is taken in between.
func (s *server) move() error {
	var moving []*player
	for conn, p := range s.players {
		if p.wide || p.ingame || p.closed != "" || p.received() < 3 || s.random.IntN(20) > 0 {
			continue
		}
		if s.lobby.RemoveConnection(conn) {
			moving = append(moving, p)
		}
	}
	if len(moving) == 0 {
		return nil
	}
	if err := s.drain(s.lobby); err != nil {
		return err
	}
	for _, p := range moving {
		// It may have ended in between; then its end is reported.
		if err := s.game.AddConnection(p.conn); err != nil && p.conn.Err() == nil {
			return fmt.Errorf("moving a player: %w", err)
		}
		p.ingame = true
		s.figures.moved++
	}
	return nil
}

// takeEnds takes the ends: each of a connection that had none before.
func (s *server) takeEnds() error {
	for conn := range s.manager.ResetConnections() {
		p := s.players[conn]
		switch {
		case p == nil:
			return fmt.Errorf("the end of %v, %w, was reported twice", conn.Address(), conn.Err())
		case p.closed != "":
			return fmt.Errorf("the end of %v, %w, was reported after its close", conn.Address(), conn.Err())
		case conn.Err() == nil:
			return fmt.Errorf("the end of %v has no reason", conn.Address())
		}
		s.gone(p, endName(conn.Err()))
		delete(s.players, conn)
	}
	return nil
}

func (s *server) gone(p *player, reason string) {
	if p.life == nil {
		s.ledger.strangerOver(reason)
		return
	}
	s.ledger.serverOver(p.life, &account{sent: p.sent, received: p.check.flow, reason: reason})
}

// closeSome closes those who asked for it, and now and then another one.
func (s *server) closeSome() {
	for conn, p := range s.players {
		reason := ""
		switch {
		case p.closed != "":
			if s.frames-p.frame > 120 {
				delete(s.players, conn) // nothing of it can be queued any more
			}
		case p.asked:
			reason = asked
		case p.life != nil && s.random.IntN(20_000) == 0:
			reason = kicks
		}
		if reason != "" && s.manager.CloseConnection(conn) {
			p.closed, p.frame = reason, s.frames
			s.gone(p, reason)
		}
	}
}

// close ends the server when all clients have gone.
func (s *server) close() error {
	var left []string
	for _, p := range s.players {
		if p.closed == "" {
			left = append(left, p.address)
		}
	}
	if len(left) > 0 {
		slices.Sort(left)
		return errors.Join(fmt.Errorf("the server still has %v", left), s.manager.Close())
	}
	return s.manager.Close()
}
