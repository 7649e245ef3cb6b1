package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/examples/space/game"
	"github.com/queuednet/queuednet/examples/space/player"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var ways = []string{"tcp", "websocket"}

// Bots fight over real sockets, half of them by WebSocket, until ships have
// been lost; and what a client has predicted of its ship is what the server has.
func TestBotsFight(t *testing.T) {
	b := newTable(t, nil)
	for i := range 16 {
		b.bots = append(b.bots, player.NewBot(player.Options{
			Manager: b.manager, Dial: b.dialer(ways[i%2]), Name: fmt.Sprint("bot ", i),
		}, uint64(i)))
	}
	b.until("all playing", func() bool {
		return !slices.ContainsFunc(b.bots, func(p *player.Bot) bool { return p.State() != player.Playing })
	})
	kills := func() (n int) {
		for _, m := range b.byToken {
			n += int(m.pilot.Kills)
		}
		return n
	}
	b.until("three kills", func() bool { return kills() >= 3 })
	for _, p := range b.bots {
		assert.Equal(t, player.Playing, p.State(), p.Reason())
		b.until("told of all", func() bool {
			return p.Snapshots() > 0 && len(p.Rows()) == 16 && len(p.Blips()) > 0 && p.RoundTrip() > 0
		})
	}
}

// When the server has taken an input, its ship is exactly the one that the client had
// predicted. The server waits for each: without one it would let the ship coast.
func TestClientAndServerAgree(t *testing.T) {
	for _, how := range ways {
		t.Run(how, func(t *testing.T) {
			b := newTable(t, nil)
			p := b.join(how, "Vega")
			m := b.member(p)
			b.players = nil // what it does from now on is done below
			p.Say("these were the inputs so far")
			b.until("without more of them", func() bool { return m.talk.spent > 0 })
			keys := []game.Keys{game.KeyThrust | game.KeyLeft, game.KeyThrust, game.KeyRight | game.KeyFire, game.KeyBrake}
			for i := range 400 {
				b.now = b.now.Add(player.Tick)
				p.Update(b.now, keys[i/25%len(keys)])
				b.awaitInput()
				b.frame()
				require.Equal(t, p.Predicted(), m.pilot.Ship, "tick %d", i)
			}
			assert.NotZero(t, m.pilot.Ship.Vel)
		})
	}
}

// awaitInput lets the server handle what arrives until there was an input.
func (b *table) awaitInput() {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	for input := false; !input; {
		require.NoError(b.t, b.server.manager.WaitForReaders(ctx))
		for datagram := range b.reader.Datagrams() {
			input = input || game.KindOf(&datagram.Datagram) == game.KindInput
			b.handle(datagram.Connection(), &datagram.Datagram)
		}
	}
}

// A player whose connection breaks comes back by itself, to the same ship.
func TestReconnectTakesTheSameShip(t *testing.T) {
	for _, how := range ways {
		t.Run(how, func(t *testing.T) {
			b := newTable(t, nil)
			p, witness := b.join(how, "Vega"), b.join("tcp", "Rigel")
			m, id := b.member(p), p.ID()
			m.pilot.Kills = 7
			p.Break()
			assert.Equal(t, player.Waiting, p.State())
			assert.Positive(t, p.RetryIn())
			b.players = []*player.Player{witness} // it comes back when the server knows that it was away
			b.until("lost", func() bool { return m.conn == nil })
			b.players = append(b.players, p)
			b.until("back", func() bool { return p.State() == player.Playing && m.conn != nil })
			assert.Equal(t, id, p.ID())
			assert.Same(t, m, b.member(p))
			assert.Len(t, b.byToken, 2)
			b.until("its score is as it was", func() bool {
				return len(p.Rows()) == 2 && p.Rows()[0].Kills == 7 && p.Rows()[0].Name == "Vega"
			})
			b.until("told", func() bool { return heard(witness, "Vega is back") })
			n := p.Snapshots()
			b.until("playing on", func() bool { return p.Snapshots() > n+10 && p.Predicted() == m.pilot.Ship })
		})
	}
}

// Of two connections with the same token the newer one has the ship, and the
// older one is told.
func TestTokenTakesTheShipOver(t *testing.T) {
	b := newTable(t, nil)
	p := b.join("tcp", "Vega")
	m := b.member(p)
	r := b.raw("websocket")
	var dg queuednet.Datagram
	game.Encode(&dg, &game.Hello{Magic: game.Magic, Version: game.Version, Name: "other", Token: m.token})
	r.send(t, dg.Message())
	b.until("told", func() bool { return p.State() == player.Over })
	assert.Contains(t, p.Reason(), "taken over")
	assert.Same(t, m, b.byToken[m.token])
	assert.NotNil(t, m.conn)
	assert.Len(t, b.world.Pilots(), 1)
}

func TestLostShipIsTakenAway(t *testing.T) {
	b := newTable(t, func(o *settings) { o.Keep = time.Second })
	p, witness := b.join("tcp", "Vega"), b.join("tcp", "Rigel")
	id := p.ID()
	b.players = b.players[1:] // it does not come back
	p.Break()
	b.until("lost", func() bool { return heard(witness, "Vega has lost the connection") })
	b.until("gone", func() bool { return b.world.Pilot(id) == nil })
	b.until("told", func() bool { return heard(witness, "Vega did not come back") })
	assert.Equal(t, "?", witness.Name(id))
}

func TestLeave(t *testing.T) {
	b := newTable(t, nil)
	p, witness := b.join("websocket", "Vega"), b.join("tcp", "Rigel")
	p.Leave()
	assert.Equal(t, player.Over, p.State())
	b.until("told", func() bool { return heard(witness, "Vega has left") })
	assert.Len(t, b.world.Pilots(), 1)
}

func TestServerGoesDown(t *testing.T) {
	b := newTable(t, nil)
	p := b.join("tcp", "Vega")
	closed := make(chan struct{})
	go func() { b.server.close(); close(closed) }()
	for begin := time.Now(); p.State() == player.Playing && time.Since(begin) < patience; time.Sleep(time.Millisecond) {
		p.Update(time.Now(), 0)
	}
	assert.Equal(t, player.Waiting, p.State(), "it will try again")
	assert.Contains(t, p.Reason(), "restarting")
	<-closed
}

// Over TLS everything is the same, and a certificate that is not trusted is an
// error which the player sees.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	config, err := certificate(dir)
	require.NoError(t, err)
	again, err := certificate(dir)
	require.NoError(t, err)
	assert.Equal(t, config.Certificates[0].Certificate, again.Certificates[0].Certificate, "it is made once")
	b := newTable(t, func(o *settings) { o.TLS = config })
	for _, how := range ways {
		b.join(how, how)
	}
	p := player.New(player.Options{Manager: b.manager, Dial: player.Dialer(b.tcp.Addr().String(), trusting(newConfig(t)))})
	b.players = append(b.players, p)
	b.until("refused", func() bool { return strings.Contains(p.Reason(), "certificate") })
}

func TestPage(t *testing.T) {
	b := newTable(t, nil)
	for _, c := range []struct{ path, contains, kind string }{
		{"/", "client.wasm", "text/html; charset=utf-8"},
		{"/client.wasm", "a program ", "application/wasm"},
		{"/wasm_exec.js", "class", "text/javascript; charset=utf-8"},
	} {
		response, err := http.Get("http://" + b.web.socket.Addr().String() + c.path)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		require.NoError(t, err)
		assert.Equal(t, http.StatusOK, response.StatusCode, c.path)
		assert.Equal(t, c.kind, response.Header.Get("Content-Type"))
		assert.Contains(t, string(body), c.contains, c.path)
	}
}

// The page for operators is not where the players are.
func TestInspect(t *testing.T) {
	b := newTable(t, func(o *settings) { o.Inspect = "localhost:0" })
	get := func(w *web) (int, string) {
		response, err := http.Get("http://" + w.socket.Addr().String() + "/debug/queuednet/stats.json")
		require.NoError(t, err)
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return response.StatusCode, string(body)
	}
	status, text := get(b.inspect)
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, text, b.tcp.Addr().String())
	status, _ = get(b.web)
	assert.Equal(t, http.StatusNotFound, status)
}

// Without a client to be built the page says why, and the rest plays.
func TestPageWithoutClient(t *testing.T) {
	missing := newWasmClient("no such file")
	b := newTable(t, func(o *settings) { o.Client = missing })
	response, err := http.Get("http://" + b.web.socket.Addr().String() + "/client.wasm")
	require.NoError(t, err)
	body, _ := io.ReadAll(response.Body)
	response.Body.Close()
	assert.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
	assert.Contains(t, string(body), "no such file")
	b.join("tcp", "Vega")
}

// A server that is there and says nothing, to a hello or later, is left, and
// tried again.
func TestSilentServer(t *testing.T) {
	b := newTable(t, nil)
	p := b.join("tcp", "Vega")
	b.now = b.now.Add(time.Hour) // the program stood still
	b.tick()
	require.Equal(t, player.Playing, p.State())
	b.whisper(b.member(p), "the last word")
	for begin := time.Now(); !heard(p, "the last word"); time.Sleep(time.Millisecond) { // all before it arrives
		require.Less(t, time.Since(begin), patience)
		p.Update(b.now, 0)
	}
	begin := b.now
	for p.State() == player.Playing { // the server stands still
		b.now = b.now.Add(time.Second / 2)
		p.Update(b.now, 0)
	}
	assert.WithinRange(t, b.now, begin.Add(8*time.Second), begin.Add(9*time.Second))
	assert.Contains(t, p.Reason(), "does not answer")
	b.until("back", func() bool { return p.State() == player.Playing })

	silent, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	defer silent.Close()
	p = player.New(player.Options{Manager: b.manager, Dial: player.Dialer(silent.Addr().String(), nil)})
	b.players = []*player.Player{p}
	b.until("given up", func() bool { return strings.Contains(p.Reason(), "does not answer") })
}
