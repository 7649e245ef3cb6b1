package main

import (
	"context"
	"io"
	"log"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/examples/space/game"
	"github.com/queuednet/queuednet/examples/space/player"
	"github.com/stretchr/testify/require"
)

// The servers that a test kills are this program again.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "-tcp" {
		main()
		return
	}
	log.SetOutput(io.Discard)
	os.Exit(m.Run())
}

const patience = 90 * time.Second // for everything that happens unless something is wrong

// A table is a server and players of it, over real sockets, whose ticks a test
// makes: a tick of the game takes a millisecond, or longer if a player lags behind.
type table struct {
	*server
	t       *testing.T
	manager *queuednet.QueuedConnectionManager // of the players
	players []*player.Player
	bots    []*player.Bot
	told    map[*player.Player]told
	now     time.Time
}

// told is how many snapshots a player has had, and the tick in which the last one arrived.
type told struct {
	snapshots int
	at        uint32
}

func newTable(t *testing.T, change func(*settings)) *table {
	t.Helper()
	file := filepath.Join(t.TempDir(), "client.wasm")
	require.NoError(t, os.WriteFile(file, []byte(strings.Repeat("a program ", 100)), 0o600))
	o := settings{
		TCP: "localhost:0", HTTP: "localhost:0", Admin: "sesame", Seed: 1, Players: 50, Rate: 10000,
		Keep: time.Hour, Idle: time.Hour, Client: newWasmClient(file),
	}
	if change != nil {
		change(&o)
	}
	s, err := newServer(o)
	require.NoError(t, err)
	b := &table{server: s, t: t, manager: queuednet.NewQueuedConnectionManager(nil), told: make(map[*player.Player]told), now: time.Now()}
	t.Cleanup(func() {
		b.server.close()
		b.manager.Close()
		<-o.Client.ready // it reads its file
	})
	return b
}

// dialer returns how to connect by "tcp" or "websocket".
func (b *table) dialer(how string) func(context.Context) (net.Conn, error) {
	address := b.tcp.Addr().String()
	if how == "websocket" {
		address = "ws://" + b.web.socket.Addr().String() + "/play"
		if b.TLS != nil {
			address = "wss" + strings.TrimPrefix(address, "ws")
		}
	}
	if b.TLS != nil {
		return player.Dialer(address, trusting(b.TLS))
	}
	return player.Dialer(address, nil)
}

// join adds a player and waits until it plays.
func (b *table) join(how, name string) *player.Player {
	b.t.Helper()
	p := player.New(player.Options{Manager: b.manager, Dial: b.dialer(how), Name: name})
	b.players = append(b.players, p)
	b.until("playing", func() bool { return p.State() == player.Playing && p.Snapshots() > 0 })
	return p
}

// tick is a tick of the server and of all players. The game stands still while a player
// lags behind.
func (b *table) tick() {
	if !b.lagging() {
		b.now = b.now.Add(player.Tick)
		b.frame()
	}
	for _, p := range b.players {
		p.Update(b.now, 0)
	}
	for _, p := range b.bots {
		p.Update(b.now)
	}
	for conn := range b.manager.ResetConnections() {
		for _, p := range b.players {
			p.Ended(conn)
		}
		for _, p := range b.bots {
			p.Ended(conn)
		}
	}
	time.Sleep(time.Millisecond) // the pace of this game
}

// lagging reports whether somebody who plays has had no snapshot for two seconds of the game.
// A busy machine may not run for so long the goroutines that carry them, and after eight
// seconds of the game a player takes its server for dead.
func (b *table) lagging() (lags bool) {
	all := slices.Clone(b.players)
	for _, bot := range b.bots {
		all = append(all, bot.Player)
	}
	for _, p := range all {
		if n := p.Snapshots(); n != b.told[p].snapshots || p.State() != player.Playing {
			b.told[p] = told{n, b.world.Tick}
		}
		lags = lags || b.world.Tick-b.told[p].at > 2*game.TicksPerSecond
	}
	return lags
}

// until plays until something is so.
func (b *table) until(what string, done func() bool) {
	b.t.Helper()
	for begin := time.Now(); !done(); b.tick() {
		if time.Since(begin) > patience {
			b.t.Fatalf("still not %s", what)
		}
	}
}

// member returns the server's side of a player.
func (b *table) member(p *player.Player) *member {
	for _, m := range b.byToken {
		if m.pilot.ID == p.ID() {
			return m
		}
	}
	return nil
}

// heard reports whether a line of p's chat contains a text.
func heard(p *player.Player, text string) bool {
	for _, l := range p.Lines() {
		if strings.Contains(l.Text, text) {
			return true
		}
	}
	return false
}

// A raw client sends what it likes.
type raw struct {
	conn   *queuednet.Connection
	reader *queuednet.QueuedConnectionReader
	writer *queuednet.ConnectionWriter
	last   *queuednet.Datagram // the last that has come
	ended  bool
}

func (b *table) raw(how string) *raw {
	b.t.Helper()
	m := queuednet.NewQueuedConnectionManager(nil)
	b.t.Cleanup(func() { m.Close() })
	conn, err := m.OpenClientConnection(b.dialer(how), patience)
	require.NoError(b.t, err)
	r := &raw{conn: conn, reader: queuednet.NewQueuedConnectionReader(m), writer: queuednet.NewConnectionWriter(m)}
	require.NoError(b.t, r.reader.AddConnection(conn))
	return r
}

func (r *raw) send(t *testing.T, data []byte) {
	t.Helper()
	require.NoError(t, r.writer.Send(queuednet.NewDatagram(data), r.conn))
}

// look takes what has come.
func (r *raw) look() {
	for dg := range r.reader.Datagrams() {
		r.last = dg.Datagram.Clone()
	}
	for range r.conn.Manager().ResetConnections() {
		r.ended = true
	}
}

// farewell waits for the end of a raw client and returns what it was told.
func (b *table) farewell(r *raw) game.Goodbye {
	b.t.Helper()
	b.until("ended", func() bool { r.look(); return r.ended })
	require.ErrorIs(b.t, r.conn.Err(), io.EOF)
	var m game.Goodbye
	require.NotNil(b.t, r.last)
	require.NoError(b.t, game.Decode(r.last, &m))
	return m
}
