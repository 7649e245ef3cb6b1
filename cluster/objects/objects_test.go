package objects

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/queuednet/queuednet/cluster"
	"github.com/queuednet/queuednet/distributed"
	"github.com/stretchr/testify/require"
)

// Clients of three nodes play together: objects appear, speak, are asked and answer, move and go.
func TestThreeNodes(t *testing.T) {
	w := newWorld(t, 3)
	a, b, c := w.connect(w.servers[0], 5), w.connect(w.servers[1], 5), w.connect(w.servers[2], 6)
	require.NotEqual(t, a.DoIDBase(), b.DoIDBase())
	o := a.create(5, "first")
	id := o.DoID()
	b.hears(id, "name first")
	require.NoError(t, o.SendUpdate("say", "hello"))
	b.hears(id, "say hello")

	copyOfB := b.Object(id).(*thing)
	require.NoError(t, copyOfB.SendUpdate("ask", 7))
	a.hears(id, "ask 7 from %d", b.DoIDBase())
	require.NoError(t, o.SendUpdateTo(b.DoIDBase(), "answer", "b"))
	b.hears(id, "answer b")
	require.NoError(t, copyOfB.SendUpdate("poke", 3))
	a.hears(id, "poke 3 from %d", b.DoIDBase())

	require.NoError(t, a.SetObjectZone(o, 6))
	b.hears(id, "delete")
	c.hears(id, "name first")
	late := w.connect(w.servers[1], 6) // a newcomer of a node that knows nothing of the zone
	late.hears(id, "name first")
	require.Equal(t, 1, c.count(prefixed(id, "name first")), "who has it does not get it again")
	require.NoError(t, a.SendDelete(o))
	c.hears(id, "delete")
	late.hears(id, "delete")
	for _, s := range w.servers {
		require.Zero(t, s.processes.Stats().Invalid)
		require.Zero(t, s.processes.Stats().Refused)
	}
}

// The objects of a client that goes are deleted at the clients of other nodes.
func TestClientLeaves(t *testing.T) {
	w := newWorld(t, 2)
	a, b := w.connect(w.servers[0]), w.connect(w.servers[1], 5)
	id := a.create(5, "of one who goes").DoID()
	b.hears(id, "name of one who goes")
	a.Disconnect()
	b.hears(id, "delete")
	again := w.connect(w.servers[0])
	require.NotEqual(t, a.DoIDBase(), again.DoIDBase())
}

// A node that is killed takes the objects of its clients along, everywhere; one that comes back
// with its number begins anew.
func TestNodeKilled(t *testing.T) {
	w := &world{t: t, deadAfter: deadSoon}
	w.start(1)
	w.start(2)
	a, b := w.connect(w.servers[0], 5), w.connect(w.servers[1], 5)
	p := w.startProcess()
	there := w.connectPort(p.port, 5)
	other := there.create(5, "there").DoID()
	stays := a.create(5, "stays")
	for _, player := range []*player{a, b} {
		player.hears(p.doID, "name of a process")
		player.hears(other, "name there")
	}
	there.hears(stays.DoID(), "name stays")
	require.NoError(t, p.cmd.Process.Kill())
	for _, player := range []*player{a, b} {
		player.hears(p.doID, "delete")
		player.hears(other, "delete")
	}
	w.until("lost", func() bool { return slices.Contains(there.events, distributed.ConnectionLost) })
	require.NoError(t, stays.SendUpdate("say", "still here"))
	b.hears(stays.DoID(), "say still here")
	require.Zero(t, w.servers[0].Stats().ForeignObjects)
	require.Zero(t, b.count(prefixed(stays.DoID(), "delete")))

	again := w.startProcess()
	for _, player := range []*player{a, b} {
		player.hears(again.doID, "name of a process")
	}
}

// One node after the other is stopped and started again: what the clients of the others have stays.
func TestRollingRestart(t *testing.T) {
	w := newWorld(t, 3)
	var players []*player
	ids := make(map[uint32]bool)
	for _, s := range w.servers {
		players = append(players, w.connect(s, 5))
	}
	for i, p := range players {
		ids[p.create(5, "one").DoID()] = true
		for _, other := range players {
			if other != p {
				w.until("seen", func() bool { return len(other.calls) >= i })
			}
		}
	}
	for i := range players {
		old, s := players[i], w.servers[0]
		gone := old.DoIDBase()
		number := s.node.Number()
		w.stop(s)
		w.until("its player is lost", func() bool { return slices.Contains(old.events, distributed.ConnectionLost) })
		for j, p := range players {
			if j != i {
				p.hears(gone, "delete")
			}
		}
		s = w.start(number)
		players[i] = w.connect(s, 5)
		o := players[i].create(5, "again")
		require.NotContains(t, ids, o.DoID())
		ids[o.DoID()] = true
		for j, p := range players {
			if j != i {
				p.hears(o.DoID(), "name again")
			}
		}
		w.until("the new one sees all", func() bool {
			n := 0
			for range players[i].Objects() {
				n++
			}
			return n == 3
		})
	}
}

// What the program sends over the node reaches it beside what the repository does.
func TestMessagesOfTheProgram(t *testing.T) {
	var got []string
	one, err := startServer(cluster.Config{Number: 1}, &distributed.ServerConfig{}, testFile, Config{
		Message: func(m *cluster.Message) { got = append(got, string(m.Payload())) },
	})
	require.NoError(t, err)
	w := &world{t: t, servers: []*server{one}}
	t.Cleanup(func() { one.node.Close(); one.Close() })
	d := newDatagram("chat")
	require.NoError(t, one.node.Send(d, one.node.Self()))
	w.until("message", func() bool { return len(got) == 1 })
	require.Equal(t, []string{"chat"}, got)
	require.ErrorIs(t, one.processes.Send(7, nil), cluster.ErrNoNode)
}

// Nodes that divide the ids in another way do not hear each other, and say so.
func TestAnotherDivision(t *testing.T) {
	w := &world{t: t}
	var logs [2]bytes.Buffer
	for i, maxNodes := range []int{64, 32} {
		s, err := startServer(cluster.Config{Number: uint16(i + 1), Routes: w.routes},
			&distributed.ServerConfig{Logger: slog.New(slog.NewTextHandler(&logs[i], nil))}, testFile, Config{MaxNodes: maxNodes})
		require.NoError(t, err)
		t.Cleanup(func() { s.node.Close(); s.Close() })
		w.servers, w.routes = append(w.servers, s), append(w.routes, s.node.ListenAddress())
	}
	w.until("both say so", func() bool {
		return strings.Contains(logs[0].String(), "process not heard") && strings.Contains(logs[1].String(), "process not heard")
	})
	a, b := w.connect(w.servers[0], 5), w.connect(w.servers[1], 5)
	one, two := a.create(5, "one").DoID(), b.create(5, "two").DoID()
	again := w.connect(w.servers[0], 5)
	again.hears(one, "name one")
	require.Zero(t, again.count(prefixed(two, "name two")))
	require.Zero(t, w.servers[0].Stats().ForeignObjects)
	require.Equal(t, 1, strings.Count(logs[0].String(), "process not heard"), "once")
}

func TestConfigErrors(t *testing.T) {
	node, err := cluster.Open(nil)
	require.NoError(t, err)
	for _, config := range []*Config{{IDRange: 1}, {MaxNodes: -1}, {MaxNodes: 5000, IDRange: 1_000_000}} {
		_, err := New(node, config)
		require.Error(t, err)
	}
	alone, err := New(node, nil)
	require.NoError(t, err)
	require.Same(t, node, alone.Node())
	small, err := cluster.Open(&cluster.Config{MaxMessageSize: MaxMessageSize - 1})
	require.NoError(t, err)
	_, err = New(small, nil)
	require.ErrorContains(t, err, "MaxMessageSize is 65598")
	require.NoError(t, small.Close())
	require.NoError(t, node.Close())
	_, err = New(node, nil)
	require.Error(t, err)
}

// Ranges of all numbers together are all ranges, each once, also after a restart; and the ids of a
// range are of its node, the last one included.
func TestRanges(t *testing.T) {
	for _, config := range []Config{{IDRange: 10_000, MaxNodes: 64}, {IDRange: 1_000_000, MaxNodes: 3}, {IDRange: 1 << 20, MaxNodes: 4095}} {
		all := make(map[uint32]bool)
		for number := range uint16(config.MaxNodes) {
			for _, incarnation := range []uint64{0, 1<<63 + 12345} {
				r := newRanges(&config, number, incarnation)
				taken := make(map[uint32]bool)
				for base, ok := r.take(); ok; base, ok = r.take() {
					if taken[base] || base%config.IDRange != 1 || all[base] != (incarnation != 0) ||
						r.node(base) != uint64(number) || r.node(base+config.IDRange-1) != uint64(number) { // 860,000 times
						t.Fatalf("%+v: node %d gets %d, of %d to %d; twice %v, of another node or an earlier run %v", config, number,
							base, r.node(base), r.node(base+config.IDRange-1), taken[base], all[base])
					}
					taken[base] = true
				}
				require.Len(t, taken, int(r.each))
				if incarnation == 0 {
					for base := range taken {
						all[base] = true
					}
				}
				r.release(1)
				base, ok := r.take()
				require.True(t, ok && base == 1)
			}
		}
	}
}
