package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
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
	kills := func() (n int) {
		for _, m := range b.byToken {
			n += int(m.pilot.Kills)
		}
		return n
	}
	b.until("three kills", func() bool { return kills() >= 3 })
	for _, p := range b.bots {
		assert.Equal(t, player.Playing, p.State(), p.Reason())
		assert.Positive(t, p.Snapshots())
		b.until("a table", func() bool { return len(p.Rows()) == 16 })
		assert.NotEmpty(t, p.Blips())
		assert.NotZero(t, p.RoundTrip())
	}
}

// When the server has taken the last input, its ship is exactly the one that the
// client had predicted.
func TestClientAndServerAgree(t *testing.T) {
	for _, how := range ways {
		t.Run(how, func(t *testing.T) {
			b := newTable(t, nil)
			p := b.join(how, "Vega")
			keys := []game.Keys{game.KeyThrust | game.KeyLeft, game.KeyThrust, game.KeyRight | game.KeyFire, game.KeyBrake}
			for i := range 400 {
				b.now = b.now.Add(player.Tick)
				b.frame()
				p.Update(b.now, keys[i/25%len(keys)])
				time.Sleep(time.Millisecond)
			}
			pilot := b.member(p).pilot
			b.players = nil // it sends nothing more, and the server takes what is on its way
			b.until("agreed", func() bool { return p.Predicted() == pilot.Ship })
			assert.NotZero(t, pilot.Ship.Angle)
		})
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
			b.until("lost", func() bool { return m.conn == nil })
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
	b.until("refused", func() bool { return p.State() == player.Waiting && p.Reason() != "" })
	assert.Contains(t, p.Reason(), "certificate")
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
	for range 50 { // what is on its way arrives
		p.Update(b.now, 0)
		time.Sleep(time.Millisecond)
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
	b.until("given up", func() bool { return p.State() == player.Waiting && p.Reason() != "" })
	assert.Contains(t, p.Reason(), "does not answer")
}
