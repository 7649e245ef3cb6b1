package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/examples/space/game"
	"github.com/queuednet/queuednet/examples/space/player"
)

var botNames = []string{
	"Vega", "Rigel", "Deneb", "Altair", "Mira", "Antares", "Bellatrix", "Capella", "Spica", "Castor",
	"Pollux", "Regulus", "Sirius", "Procyon", "Arcturus", "Izar", "Electra", "Maia", "Alcor", "Mizar",
}

// A swarm is a number of bots, clients like all others: the odd ones connect by
// WebSocket, the others by TCP. They share a manager of their own.
type swarm struct {
	manager *queuednet.QueuedConnectionManager
	bots    []*player.Bot
	report  time.Duration // how often a line of figures is printed, 0 for never
	since   time.Time     // the last line
	seen    int           // snapshots until then
	stop    chan struct{}
	done    chan struct{}
}

// newSwarm starts bots, on a goroutine of its own, that play until close is called.
func newSwarm(n int, report time.Duration, dial, dialWeb func(context.Context) (net.Conn, error)) *swarm {
	s := &swarm{
		manager: queuednet.NewQueuedConnectionManager(nil),
		report:  report,
		stop:    make(chan struct{}),
		done:    make(chan struct{}),
	}
	for i := range n {
		name := botNames[i%len(botNames)]
		if i >= len(botNames) {
			name = fmt.Sprintf("%s %d", name, i/len(botNames)+1)
		}
		options := player.Options{Manager: s.manager, Dial: dial, Name: name}
		if i%2 == 1 {
			options.Dial = dialWeb
		}
		s.bots = append(s.bots, player.NewBot(options, uint64(i)))
	}
	go s.run()
	return s
}

func (s *swarm) run() {
	defer close(s.done)
	everyTick(s.stop, s.update)
}

// update is a tick of all bots.
func (s *swarm) update(now time.Time) {
	for _, b := range s.bots {
		b.Update(now)
	}
	for conn := range s.manager.ResetConnections() {
		for _, b := range s.bots {
			b.Ended(conn)
		}
	}
	s.print(now)
}

// count returns how many bots play, how many snapshots all have seen, and how long
// a ping takes on average.
func (s *swarm) count() (playing, snapshots int, ping time.Duration) {
	for _, b := range s.bots {
		snapshots += b.Snapshots()
		if b.State() == player.Playing {
			playing++
			ping += b.RoundTrip()
		}
	}
	return playing, snapshots, ping / time.Duration(max(playing, 1))
}

// print prints what has arrived, if it is time to.
func (s *swarm) print(now time.Time) {
	d := now.Sub(s.since)
	if !s.since.IsZero() && d < max(s.report, time.Second) {
		return
	}
	playing, snapshots, ping := s.count()
	if !s.since.IsZero() && s.report > 0 {
		due := d.Seconds() * float64(len(s.bots)) * game.TicksPerSecond / snapshotEvery
		log.Printf("%d of %d bots play, ping %v; %.1f %% of the snapshots have arrived",
			playing, len(s.bots), ping.Round(time.Millisecond), 100*float64(snapshots-s.seen)/due)
	}
	s.since, s.seen = now, snapshots
}

// close BLOCKS until the bots have left.
func (s *swarm) close() {
	close(s.stop)
	<-s.done
	for _, b := range s.bots {
		b.Leave()
	}
	s.manager.Close()
}
