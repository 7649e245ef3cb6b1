package cluster

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/require"
)

// A register has the ids that are alive on all nodes, as one node is told of them.
type register struct {
	*member
	alive map[uint32]bool
	count map[uint16]int
}

// update takes what has come: the ids of a node begin and end with it, and none is there twice.
func (r *register) update() {
	for m := range r.Messages() {
		for b := m.Payload(); len(b) > 0; b = b[4:] {
			id := binary.LittleEndian.Uint32(b)
			require.False(r.t, r.alive[id], "%d twice", id)
			require.Equal(r.t, m.From(), NodeOf(id))
			r.alive[id] = true
			r.count[m.From()]++
		}
	}
	for e := range r.Events() {
		r.events = append(r.events, e)
		if e.Kind != NodeLeft {
			continue
		}
		for id := range r.alive {
			if NodeOf(id) == e.Node {
				delete(r.alive, id)
			}
		}
		r.count[e.Node] = 0
	}
}

// await updates the register until done is true.
func (r *register) await(what string, done func() bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	for r.update(); !done(); r.update() {
		require.NoError(r.t, ctx.Err(), what)
		short, stop := context.WithTimeout(ctx, 20*time.Millisecond) // done may be about something else
		r.WaitForMessages(short)
		stop()
	}
}

// handOut makes a node take ids and tell the register, until that has them.
func (r *register) handOut(m *member, ids int) {
	want := r.count[m.Number()] + ids
	for ids > 0 {
		var d queuednet.Datagram
		for ; ids > 0 && d.Length() < 32_000; ids-- {
			id, ok := m.IDs().Next()
			require.True(r.t, ok)
			d.AddUint32(id)
		}
		require.NoError(r.t, m.Send(&d, r.Self()))
		r.await("ids", func() bool { return m.Stats().SendQueue < 1<<20 })
	}
	r.await("all ids", func() bool { return r.count[m.Number()] == want })
}

// Nodes hand out ids, as many as they can, and are killed, closed and started again in between: no id is
// there twice.
func TestIDsOfNodesThatRestart(t *testing.T) {
	ids := 20_000
	if *long {
		ids = 500_000 // twice: nearly all that a node has
	}
	nodes := embeddedNodes(t, 4, deadSoon)
	r := &register{member: nodes[3], alive: make(map[uint32]bool), count: make(map[uint16]int)}
	for _, m := range nodes[:3] {
		r.handOut(m, ids)
	}
	for i, end := range []func(m *member){crash, func(m *member) { require.NoError(t, m.Close()) }} {
		old := nodes[i+1]
		end(old)
		config := quick(Config{Number: old.Number(), Listen: "127.0.0.1:0", Routes: []string{r.ListenAddress()}})
		deadSoon(config)
		again := open(t, config)
		again.until("the register", func() bool { return again.saw(NodeJoined, r.Number()) == 1 })
		r.handOut(nodes[0], ids/4)
		r.await("its leaving", func() bool { return r.saw(NodeLeft, old.Number()) == 1 })
		r.handOut(again, 2*ids)
	}
	require.Len(t, r.alive, ids+2*(ids/4)+2*2*ids)
	require.Zero(t, r.Stats().Missed)
}
