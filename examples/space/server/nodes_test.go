package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/examples/space/game"
	"github.com/queuednet/queuednet/examples/space/player"
	"github.com/queuednet/queuednet/internal/free"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A galaxy is three servers of one world, as processes, and players of them.
type galaxy struct {
	t       *testing.T
	manager *queuednet.QueuedConnectionManager
	tcp     []string
	servers []*exec.Cmd
	players []*player.Player
	keys    game.Keys // that all of them hold down
	now     time.Time
}

func newGalaxy(t *testing.T) *galaxy {
	g := &galaxy{t: t, manager: queuednet.NewQueuedConnectionManager(nil), now: time.Now()}
	t.Cleanup(func() { g.manager.Close() })
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte(strings.Repeat("a secret", 5)), 0o600))
	addresses, err := free.Addresses(9)
	require.NoError(t, err)
	g.tcp = addresses[:3:3]
	routes, web := addresses[3:6], addresses[6:]
	for i := range 3 {
		server := exec.Command(os.Args[0], "-tcp", g.tcp[i], "-http", web[i], "-inspect", "", "-bots", "0", "-report", "0",
			"-node", fmt.Sprint(i+1), "-listen", routes[i], "-routes", strings.Join(routes, ","), "-secret", secret,
			"-wasm", secret) // it is not asked for
		server.Stderr = &logWriter{t: t, number: i + 1}
		require.NoError(t, server.Start())
		g.servers = append(g.servers, server)
		t.Cleanup(func() { server.Process.Kill(); server.Wait() })
	}
	for _, address := range web {
		require.Eventually(t, func() bool {
			response, err := http.Get("http://" + address)
			if err == nil {
				response.Body.Close()
			}
			return err == nil
		}, patience, 10*time.Millisecond)
	}
	return g
}

// logWriter is what a server says.
type logWriter struct {
	t      *testing.T
	number int
}

func (l *logWriter) Write(b []byte) (int, error) {
	l.t.Logf("server %d: %s", l.number, strings.TrimSpace(string(b)))
	return len(b), nil
}

// join adds a player, on a server first, and waits until it plays.
func (g *galaxy) join(server int, name string) *player.Player {
	addresses := append(slices.Clone(g.tcp[server:]), g.tcp[:server]...)
	p := player.New(player.Options{Manager: g.manager, Dial: player.Dialer(strings.Join(addresses, ","), nil), Name: name})
	g.players = append(g.players, p)
	g.until(name+" playing", func() bool { return p.State() == player.Playing && p.Snapshots() > 0 })
	return p
}

func (g *galaxy) until(what string, done func() bool) {
	g.t.Helper()
	tick := time.NewTicker(player.Tick)
	defer tick.Stop()
	for begin := time.Now(); !done(); {
		require.Less(g.t, time.Since(begin), patience, "still not %s", what)
		g.now = <-tick.C
		for _, p := range g.players {
			p.Update(g.now, g.keys)
		}
		for conn := range g.manager.ResetConnections() {
			for _, p := range g.players {
				p.Ended(conn)
			}
		}
	}
}

// all reports whether each player sees all of them in its table, and on its radar.
func (g *galaxy) all() bool {
	return !slices.ContainsFunc(g.players, func(p *player.Player) bool {
		return len(p.Rows()) != len(g.players) || len(p.Blips()) != len(g.players) ||
			slices.ContainsFunc(p.Rows(), func(r player.Row) bool { return r.Name == "?" })
	})
}

// Three servers are one world: players of all see and hear each other. One is killed, and
// its player plays on at another one, as who it was.
func TestThreeServersAreOneWorld(t *testing.T) {
	g := newGalaxy(t)
	vega, rigel, deneb := g.join(0, "Vega"), g.join(1, "Rigel"), g.join(2, "Deneb")
	g.until("all see all", g.all)
	ids := map[game.ID]bool{vega.ID(): true, rigel.ID(): true, deneb.ID(): true}
	assert.Len(t, ids, 3)
	vega.Say("hello from the first")
	g.until("heard", func() bool { return heard(rigel, "hello from the first") && heard(deneb, "hello from the first") })
	other := g.join(2, "vega")
	g.until("told of the newcomer", g.all)
	assert.Equal(t, "vega 2", vega.Name(other.ID()), "a name is free on all servers or on none")

	// A ship is kept elsewhere once in 60 ticks, of which each second one is told; and what
	// was kept before a text has arrived with it.
	g.keys = game.KeyThrust
	told := rigel.Snapshots()
	g.until("under way", func() bool { return rigel.Snapshots() > told+20 })
	g.keys = 0
	told = rigel.Snapshots()
	g.until("kept", func() bool { return rigel.Snapshots() > told+40 })
	rigel.Say("farewell")
	g.until("heard", func() bool { return heard(vega, "farewell") && heard(deneb, "farewell") })
	was, ship := rigel.ID(), rigel.Predicted()
	require.NoError(t, g.servers[1].Process.Kill())
	g.until("noticed", func() bool { return rigel.State() != player.Playing })
	g.until("playing on", func() bool { return rigel.State() == player.Playing })
	assert.NotEqual(t, nodeOf(was), nodeOf(rigel.ID()))
	assert.True(t, rigel.Predicted().Pos.Sub(ship.Pos).Within(1000*game.One), "it is where it was a second before")
	g.until("all see all again", g.all)
	assert.Equal(t, "Rigel", vega.Name(rigel.ID()))
	assert.Equal(t, "?", vega.Name(was))

	require.NoError(t, g.servers[2].Process.Signal(os.Interrupt))
	reasons := make(map[*player.Player]string)
	g.until("sent away", func() bool {
		for _, p := range []*player.Player{deneb, other} {
			if p.State() == player.Waiting {
				reasons[p] = p.Reason()
			}
		}
		return len(reasons) == 2
	})
	assert.Contains(t, reasons[deneb], "restarting")
	g.until("all on one server", func() bool { return nodeOf(deneb.ID()) == 1 && nodeOf(other.ID()) == 1 && g.all() })
	assert.Equal(t, "Deneb", vega.Name(deneb.ID()))
	assert.Equal(t, player.Playing, vega.State())
}
