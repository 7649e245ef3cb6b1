package distributed

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A moment is a state of a server that a broken message can meet: c sends it, and owns the
// object c.base of Thing in zone 5 unless the moment says otherwise; watcher sees 5 and 6.
type moment struct {
	config ServerConfig
	before func(s *state, c, watcher *Client)
}

var moments = map[string]moment{
	"owns an object": {},
	"has only joined": {before: func(s *state, c, _ *Client) {
		s.handle(c, remove(c.base))
	}},
	"has an interest that is not applied": {before: func(s *state, c, _ *Client) {
		s.handle(c, interest(5, 6, 7, 8))
	}},
	"waits for generates": {before: func(s *state, c, watcher *Client) {
		s.handle(watcher, thing(9, watcher.base))
		s.handle(c, interest(9))
		s.endFrame()
	}},
	"is waited for": {before: func(s *state, c, watcher *Client) {
		s.handle(watcher, interest())
		s.handle(watcher, interest(5, 6))
		s.endFrame()
	}},
	"has many objects": {before: func(s *state, c, _ *Client) {
		for i := range uint32(20) {
			s.handle(c, thing(5+i%3, c.base+i))
		}
	}},
	"has moved": {before: func(s *state, c, _ *Client) {
		s.handle(c, setZone(c.base, 6))
	}},
	"may open nothing more": {before: func(s *state, c, _ *Client) {
		c.openable = -1e9
	}},
	"the server answers":             {config: ServerConfig{CacheFields: true}},
	"the server repairs":             {config: ServerConfig{RepairRequired: true}},
	"the server repairs and answers": {config: ServerConfig{RepairRequired: true, CacheFields: true}},
	"the server asks all":            {config: ServerConfig{AskAll: true}},
	"the server checks nothing":      {config: ServerConfig{RelayUnchecked: true}},
}

// brokenMessages calls do with each message that a client sends, cut at every length and
// with every byte changed in several ways.
func brokenMessages(base, other uint32, do func(payload []byte)) {
	p := &peer{base: base}
	all := append(everyMessage(p),
		generate(5, classNumber("Trap"), base+2, "01 02 0100 0500 0000000005000000"),
		generate(6, classNumber("Thing"), base, "0600 6e6f6e616d65 0100 2e00 07"),
		set(base, "Thing", "setAB", 1.5, 2.5), set(other, "Thing", "ask", 7), set(base, "Thing", "setName", "noname"),
		target(other, base, "Thing", "say", "hello"), unhex("3023"), remove(other), setZone(other, 7))
	for _, payload := range all {
		for n := range len(payload) + 1 {
			do(payload[:n])
		}
		for at := range payload {
			for _, flip := range []byte{0x01, 0x02, 0x80, 0xff} {
				broken := append([]byte(nil), payload...)
				broken[at] ^= flip
				do(broken)
			}
		}
	}
}

// Every message, cut at every length and with every byte changed, in every moment: the server's
// tables stay consistent, what others get can be unpacked, and they are served.
func TestBrokenMessages(t *testing.T) {
	for name, m := range moments {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tried := 0
			try := func(payload []byte) {
				tried++
				m.try(t, payload)
			}
			brokenMessages(1, 1_000_001, try)
			require.Greater(t, tried, 900)
		})
	}
}

func (m moment) try(t *testing.T, payload []byte) {
	config := m.config
	config = config.withDefaults()
	out := &inbox{t: t, checked: !config.RelayUnchecked}
	s := newState(&config, testFile, out, 65535)
	s.now = time.Unix(1_000_000, 0)
	c, watcher := &Client{}, &Client{}
	s.join(c)
	s.join(watcher)
	s.handle(watcher, interest(5, 6))
	s.handle(c, thing(5, c.base))
	if m.before != nil {
		m.before(s, c, watcher)
	}
	if !s.handle(c, payload) {
		s.leave(c)
	}
	s.requireConsistent(t)
	s.endFrame()
	s.requireConsistent(t)

	other := &Client{}
	require.True(t, s.join(other))
	s.handle(other, thing(5, other.base))
	out.got = nil
	s.handle(other, say(other.base, "alive"))
	require.Equal(t, hexes([][]byte{sayFrom(&peer{base: other.base}, "alive")}), out.got[watcher], "% x", payload)
	for _, client := range []*Client{c, watcher, other} {
		if s.clients[client.base] == client {
			s.leave(client)
		}
		s.requireConsistent(t)
	}
	require.Empty(t, s.zones)
	require.Empty(t, s.objects)
}

// An inbox keeps what is sent to each client, and requires that it can be unpacked.
type inbox struct {
	t       *testing.T
	checked bool
	got     map[*Client][]string
}

func (b *inbox) send(payload []byte, to *Client) {
	if b.got == nil {
		b.got = make(map[*Client][]string)
	}
	b.got[to] = append(b.got[to], hexes([][]byte{payload})...)
	if b.checked {
		reader{b.t}.check(payload)
	}
}

func (b *inbox) sendZone(payload []byte, to []*membership, except *Client) {
	for _, m := range to {
		if m.client != except {
			b.send(payload, m.client)
		}
	}
}

// requireConsistent requires that the tables of a server say the same in every direction.
func (s *state) requireConsistent(t *testing.T) {
	t.Helper()
	objects, waited := 0, make(map[*object]int)
	for base, c := range s.clients {
		require.Equal(t, base, c.base)
		for id, o := range c.objects {
			objects++
			require.True(t, o.doID == id && o.owner == c && s.objects[id] == o && s.owns(c, id))
			require.Contains(t, o.zone.objects, o)
		}
		owned := make(map[uint32]int)
		for _, o := range c.objects {
			owned[o.zone.id]++
		}
		for id := range owned {
			require.Contains(t, c.zones, id, "an object is in a zone that is not open for its owner")
		}
		for id, m := range c.zones {
			require.True(t, m.client == c && m.zone == s.zones[id] && m.zone.members[m.index] == m)
			require.Equal(t, owned[id], m.owned)
			require.True(t, m.explicit || m.owned > 0)
		}
		for o := range c.waiting {
			waited[o]++
			require.Contains(t, c.zones, o.zone.id)
			require.True(t, s.objects[o.doID] == o || s.foreign[o.doID] == o)
		}
	}
	require.Len(t, s.objects, objects)
	for id, o := range s.objects {
		require.Equal(t, waited[o], o.waiting, "object %d", id)
	}
	for id, z := range s.zones {
		require.Equal(t, id, z.id)
		require.NotZero(t, len(z.members)+len(z.objects))
		for _, m := range z.members {
			require.Same(t, m, m.client.zones[id])
		}
		for o := range z.objects {
			require.Same(t, z, o.zone)
		}
		require.True(t, len(z.members) > 0 || len(z.foreign) == 0)
	}
	for id, o := range s.foreign {
		require.True(t, o.doID == id && o.owner == nil && s.objects[id] == nil)
		require.Equal(t, waited[o], o.waiting, "object %d", id)
		require.Contains(t, o.zone.foreign, o)
	}
}

// What a client that waits in Joins sends is as harmless: the broken messages of one that is
// accepted then, and of one that is put out.
func TestBrokenMessagesHeld(t *testing.T) {
	t.Parallel()
	s := newScene(t, &ServerConfig{HoldJoins: true, MaxWaitingBytes: 1 << 20})
	for _, accept := range []bool{true, false} {
		p := s.dial()
		posted := 0
		brokenMessages(1, 1_000_001, func(payload []byte) {
			if len(payload) < 2 || payload[0] != 0x30 { // but for the message that it leaves
				_, err := p.Write(frame(payload))
				require.NoError(t, err)
				posted++
			}
		})
		var waiting *Client
		s.until("all held", func() bool {
			for waiting = range s.server.Joins() {
			}
			return waiting != nil && len(waiting.Held()) == posted
		})
		if accept {
			waiting.Accept()
			s.until("joined", func() bool { return waiting.DoIDBase() != 0 })
			s.server.state.requireConsistent(t)
			require.GreaterOrEqual(t, s.server.Stats().Received, uint64(posted))
		} else {
			waiting.Disconnect(errNo)
			s.untilEvent(ClientRefused)
		}
	}
	require.EqualValues(t, 1, s.server.Stats().Clients)
}
