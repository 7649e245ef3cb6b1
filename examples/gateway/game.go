package main

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/pires/go-proxyproto"

	"github.com/queuednet/queuednet"
)

const frameTime = time.Second / 20

// A message is this byte and a string, both ways.
const msgText = 1

// A game is what the loop owns. What the watch reads of it is atomic.
type game struct {
	options options
	log     *slog.Logger
	sockets *sockets

	manager    *queuednet.QueuedConnectionManager
	rendezvous *queuednet.Connection
	listener   *queuednet.QueuedConnectionListener
	reader     *queuednet.QueuedConnectionReader
	writer     *queuednet.ConnectionWriter
	players    map[*queuednet.Connection]struct{}
	draining   bool

	lastFrame atomic.Int64 // when the loop was last alive, in nanoseconds since 1970
	welcoming atomic.Bool  // new players may come
}

func newGame(o options, sockets *sockets, log *slog.Logger) (*game, error) {
	manager := queuednet.NewQueuedConnectionManager(&queuednet.Config{
		MaxConnections:       o.players,
		MaxDatagramSize:      1024,
		FirstDatagramTimeout: o.hello, // and for the proxy's line
		Logger:               log,
	})
	rendezvous, err := manager.AdoptRendezvous(behind(o, sockets.players))
	if err != nil {
		return nil, err
	}
	g := &game{
		options: o, log: log, sockets: sockets,
		manager:    manager,
		rendezvous: rendezvous,
		listener:   queuednet.NewQueuedConnectionListener(manager),
		reader:     queuednet.NewQueuedConnectionReader(manager),
		writer:     queuednet.NewConnectionWriter(manager),
		players:    make(map[*queuednet.Connection]struct{}),
	}
	g.welcoming.Store(true)
	g.lastFrame.Store(time.Now().UnixNano())
	return g, g.listener.AddConnection(rendezvous)
}

// full reports whether the next player would be refused, by MaxConnections. Any
// goroutine may ask.
func (g *game) full() bool {
	stats := g.manager.Stats()
	return g.options.players > 0 && stats.Open+stats.Closing >= g.options.players
}

// behind puts the PROXY protocol over a listener if there are proxies. Nobody else
// may connect then: anybody could claim any address.
func behind(o options, players net.Listener) net.Listener {
	if len(o.proxies) == 0 {
		return players
	}
	return &proxyproto.Listener{
		Listener:          players,
		ReadHeaderTimeout: o.hello,
		ConnPolicy: func(of proxyproto.ConnPolicyOptions) (proxyproto.Policy, error) {
			upstream := of.Upstream.(*net.TCPAddr).AddrPort().Addr().Unmap()
			for _, proxy := range o.proxies {
				if proxy.Contains(upstream) {
					return proxyproto.REQUIRE, nil
				}
			}
			return proxyproto.REJECT, fmt.Errorf("%v is no proxy of ours: %w", upstream, proxyproto.ErrInvalidUpstream)
		},
	}
}

// serve is the loop until ctx is done, or until a successor accepts, which is true.
func (g *game) serve(ctx context.Context, restart <-chan os.Signal, begin func() *successor) bool {
	frames := time.NewTicker(frameTime)
	defer frames.Stop()
	var next *successor
	for {
		select {
		case <-frames.C:
			g.frame()
		case <-restart:
			if next == nil {
				next = begin()
			}
		case err := <-next.ready():
			if err == nil {
				g.log.Info("the successor accepts", "successor", next.pid())
				return true
			}
			g.log.Error("no successor: going on", "error", err)
			next = nil
		case <-ctx.Done():
			return false
		}
	}
}

// retire is the loop of a process that has a successor: it accepts nobody, and
// ends when the last player has left, or ctx is done.
func (g *game) retire(ctx context.Context) {
	g.welcoming.Store(false)
	// Only Accept of this process ends, not the socket, which the successor has too.
	// What has been accepted and waits for a proxy's line still comes in, which it
	// would not after RemoveConnection.
	g.sockets.stopAccepting()
	settled := time.Now()
	if len(g.options.proxies) > 0 {
		settled = settled.Add(g.options.hello + time.Second)
	}
	accepting := true
	for range time.Tick(frameTime) {
		g.frame()
		switch {
		case ctx.Err() != nil:
			return
		case accepting && time.Now().After(settled):
			g.listener.RemoveConnection(g.rendezvous) // what is queued is for the next frame
			g.manager.CloseConnection(g.rendezvous)
			accepting = false
		case !accepting && len(g.players) == 0:
			return
		}
	}
}

// drain tells the players that it is over and waits until they have left.
func (g *game) drain() {
	g.welcoming.Store(false)
	g.draining = true
	g.log.Info("draining", "players", len(g.players), "time", g.options.drain)
	last := time.Now().Add(g.options.drain)
	g.say(maps.Keys(g.players), "the server ends in %v: please leave", g.options.drain)
	for range time.Tick(frameTime) {
		g.frame()
		if len(g.players) == 0 || time.Now().After(last) {
			break
		}
	}
	g.manager.CloseConnection(g.rendezvous)
	g.say(maps.Keys(g.players), "goodbye")
	for conn := range g.players {
		g.manager.CloseConnection(conn) // in the background; what was said arrives
	}
}

// frame is a frame of the game. It never waits.
func (g *game) frame() {
	g.lastFrame.Store(time.Now().UnixNano())
	for conn := range g.listener.NewConnections() {
		g.players[conn] = struct{}{}
		_ = g.reader.AddConnection(conn) // fails only if it is gone already, which ResetConnections tells
		g.log.Info("player", "address", conn.Address().String())
		g.say(one(conn), "welcome, %v: you are with process %d", conn.Address(), os.Getpid())
		if g.draining {
			g.say(one(conn), "the server ends soon: please come again later")
		}
	}
	for datagram := range g.reader.Datagrams() {
		it := datagram.Iterator()
		kind, text := it.GetUint8(), it.GetString()
		if it.Err() == nil && kind == msgText {
			g.say(one(datagram.Connection()), "%d: %s", os.Getpid(), text)
		}
	}
	for conn := range g.manager.ResetConnections() {
		if _, is := g.players[conn]; is {
			delete(g.players, conn)
			g.log.Info("left", "address", conn.Address().String(), "reason", conn.Err())
		}
	}
}

// say sends a text. It fails only for those whose connection is gone, which
// ResetConnections tells.
func (g *game) say(to iter.Seq[*queuednet.Connection], format string, args ...any) {
	var dg queuednet.Datagram
	dg.AddUint8(msgText)
	dg.AddString(fmt.Sprintf(format, args...))
	_ = g.writer.Broadcast(&dg, to)
}

func one(conn *queuednet.Connection) iter.Seq[*queuednet.Connection] {
	return func(yield func(*queuednet.Connection) bool) { yield(conn) }
}
