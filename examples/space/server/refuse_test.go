package main

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/examples/space/game"
	"github.com/queuednet/queuednet/examples/space/player"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func newConfig(t *testing.T) *tls.Config {
	config, err := certificate(t.TempDir())
	require.NoError(t, err)
	return config
}

func message(m game.Message) []byte {
	var dg queuednet.Datagram
	game.Encode(&dg, m)
	return dg.Message()
}

// Who is no client of this version is told what is wrong, and nobody else notices.
func TestBadHello(t *testing.T) {
	b := newTable(t, nil)
	witness := b.join("tcp", "Vega")
	for _, c := range []struct {
		name  string
		first []byte
		told  string
	}{
		{"an older client", message(&game.Hello{Magic: game.Magic, Version: game.Version - 1}), "speaks version 2, your client version 1"},
		{"a newer client", message(&game.Hello{Magic: game.Magic, Version: game.Version + 1}), "reload the page"},
		{"another magic", message(&game.Hello{Magic: 1, Version: game.Version}), "not a client"},
		{"another message", message(&game.Input{}), "not a client"},
		{"a broken hello", message(&game.Hello{Magic: game.Magic, Version: game.Version})[:9], "not a client"},
		{"nothing", []byte{}, "not a client"},
	} {
		for _, how := range ways {
			t.Run(c.name+" by "+how, func(t *testing.T) {
				r := b.raw(how)
				r.send(t, c.first)
				told := b.farewell(r)
				assert.Contains(t, told.Text, c.told)
				assert.False(t, told.Again)
			})
		}
	}
	assert.Empty(t, b.strangers)
	assert.Len(t, b.world.Pilots(), 1)
	assert.Equal(t, player.Playing, witness.State())
}

// A member whose client sends nonsense is sent away; its ship waits for a better one.
func TestNonsense(t *testing.T) {
	b := newTable(t, nil)
	for name, nonsense := range map[string][]byte{
		"a message of the server": message(&game.Chat{From: 1, Text: "I am you"}),
		"a second hello":          message(&game.Hello{Magic: game.Magic, Version: game.Version}),
		"a cut input":             message(&game.Input{})[:4],
		"an unknown kind":         {200, 1, 2, 3},
	} {
		t.Run(name, func(t *testing.T) {
			r := b.raw("tcp")
			r.send(t, message(&game.Hello{Magic: game.Magic, Version: game.Version, Name: name}))
			r.send(t, nonsense)
			r.send(t, nonsense) // after it is forgotten
			assert.Contains(t, b.farewell(r).Text, "does not understand")
		})
	}
	assert.Empty(t, b.members)
}

func TestFull(t *testing.T) {
	b := newTable(t, func(o *settings) { o.Players = 1 })
	first := b.join("tcp", "Vega")
	p := player.New(player.Options{Manager: b.manager, Dial: b.dialer("tcp"), Name: "Rigel"})
	b.players = append(b.players, p)
	b.until("refused", func() bool { return strings.Contains(p.Reason(), "full") })
	assert.Equal(t, player.Waiting, p.State())
	first.Leave()
	b.until("let in", func() bool { return p.State() == player.Playing })
}

func TestKick(t *testing.T) {
	b := newTable(t, nil)
	p, bad := b.join("tcp", "Vega"), b.join("websocket", "Rigel")
	p.Say("/kick Rigel")
	b.until("refused", func() bool { return heard(p, "Only an admin") })
	p.Say("/admin wrong")
	b.until("refused", func() bool { return heard(p, "admin: false") })
	p.Say("/admin sesame")
	b.until("an admin", func() bool { return heard(p, "admin: true") })
	b.talkAgain(p)
	p.Say("/kick nobody")
	b.until("told", func() bool { return heard(p, "Nobody is called nobody") })
	p.Say("/kick rigel")
	b.until("kicked", func() bool { return bad.State() == player.Over })
	assert.Equal(t, "You were kicked by Vega.", bad.Reason())
	b.until("told", func() bool { return heard(p, "Rigel was kicked by Vega") })
	assert.Len(t, b.world.Pilots(), 1)
	for range 100 {
		b.tick()
	}
	assert.Equal(t, player.Over, bad.State(), "it does not come back")
}

// talkAgain waits until a player may talk as much as in the beginning.
func (b *table) talkAgain(p *player.Player) {
	m := b.member(p)
	b.until("allowed to talk", func() bool { return int32(m.talk.spent-b.world.Tick) < 0 })
}

func TestIdleIsKicked(t *testing.T) {
	b := newTable(t, func(o *settings) { o.Idle = 2 * time.Second })
	p := player.New(player.Options{Manager: b.manager, Dial: b.dialer("tcp"), Name: "Vega"})
	b.players = append(b.players, p)
	b.until("kicked", func() bool { return p.State() == player.Over })
	assert.Contains(t, p.Reason(), "no key for 2s")
}

func TestChat(t *testing.T) {
	b := newTable(t, nil)
	p, q := b.join("tcp", "Vega"), b.join("websocket", "Rigel")
	p.Say("hello \x00\x1b[31m  world\n")
	b.until("heard", func() bool { return heard(q, "hello [31m world") })
	line := q.Lines()[len(q.Lines())-1]
	assert.Equal(t, "Vega", line.From)
	b.talkAgain(p)
	for range 10 {
		p.Say("spam")
	}
	b.until("told", func() bool { return heard(p, "You talk too fast") })
	b.talkAgain(p)
	p.Say("enough")
	b.until("heard", func() bool { return heard(q, "enough") }) // and all before it
	n := 0
	for _, l := range q.Lines() {
		if l.Text == "spam" {
			n++
		}
	}
	assert.Equal(t, talkAtOnce, n)
	p.Say("/help")
	b.until("told", func() bool { return heard(p, "Commands:") })
}

func TestNames(t *testing.T) {
	b := newTable(t, nil)
	asked := []string{"", "  Vega ", "\x00\x07", strings.Repeat("ü", 99), strings.Repeat("x", 99), "\xff\xfeMira\u202e\u200b"}
	for _, name := range asked {
		b.join("tcp", name)
	}
	names := make(map[string]bool)
	for _, m := range b.byToken {
		names[m.name] = true
	}
	for _, name := range []string{"pilot", "pilot 2", "Vega", "Mira", strings.Repeat("ü", 10), strings.Repeat("x", nameRunes)} {
		assert.Contains(t, names, name)
	}
	assert.Equal(t, "VEGA 2", b.freeName("VEGA"))
}
