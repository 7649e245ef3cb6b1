package cluster

import (
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// entries returns how many groups the node has.
func (m *member) entries() int {
	m.groups.mu.RLock()
	defer m.groups.mu.RUnlock()
	return len(m.groups.byToken) + len(m.groups.byHash)
}

// forgets waits until the node has so few groups.
func (m *member) forgets(left int) {
	m.t.Helper()
	m.until("groups to be forgotten", func() bool {
		runtime.GC()
		return m.entries() <= 2*left
	})
}

// Names without end take no memory for ever, whatever was done with their groups.
func TestGroupsAreForgotten(t *testing.T) {
	nodes := embeddedNodes(t, 2, func(c *Config) { c.DeadAfter = time.Second })
	a, b := nodes[0], nodes[1]
	b.Group("end").Watch()
	count := 2_000
	if *long {
		count = 200_000
	}
	conn, _ := newEnd(t).player()
	var before, after runtime.MemStats
	round := func(round int) {
		for i := range count {
			g := a.Group(fmt.Sprint("round ", round, " group ", i))
			g.Watch()
			g.Join(conn)
			g.SetRelay(&queuednet.ConnectionWriter{})
			g.Broadcast(nil, dot)
			g.SetRelay(nil)
			g.Leave(conn)
			g.Unwatch()
			a.poll()
		}
		hears(t, "end", a, b)
		b.messages, b.events = nil, nil
		a.forgets(1)
		b.forgets(1)
	}
	round(0)
	runtime.ReadMemStats(&before)
	for i := range 3 {
		round(i + 1)
	}
	runtime.ReadMemStats(&after)
	t.Logf("heap: %d KiB, after %d groups more %d KiB", before.HeapAlloc>>10, 3*count, after.HeapAlloc>>10)
	assert.Less(t, after.HeapAlloc, before.HeapAlloc+8<<20)
	assert.Less(t, after.HeapObjects, before.HeapObjects+uint64(count))
}

var dot = queuednet.NewDatagram([]byte("."))

// A group that somebody is in, that is watched or that has a relay stays without a pointer to it.
func TestGroupsThatStay(t *testing.T) {
	nodes := embeddedNodes(t, 2, func(c *Config) { c.DeadAfter = time.Second })
	a, b := nodes[0], nodes[1]
	conn, _ := newEnd(t).player()
	require.NoError(t, b.Group("joined").Join(conn))
	b.Group("watched").Watch()
	writer := &queuednet.ConnectionWriter{}
	b.Group("relayed").SetRelay(writer)
	held := b.Group("held")
	b.Group("none")
	b.forgets(4)
	assert.Equal(t, 2*4, b.entries())
	assert.Same(t, held, b.Group("held"))
	assert.Same(t, writer, b.Group("relayed").relay.Load())
	for _, group := range []string{"joined", "watched"} {
		hears(t, group, a, b)
	}
}

// Another node goes on listening while a group is forgotten and made again: it misses nothing, and nothing
// is late.
func TestGroupIsMadeAgain(t *testing.T) {
	nodes := embeddedNodes(t, 2, func(c *Config) { c.DeadAfter = time.Second })
	a, b := nodes[0], nodes[1]
	b.Group("zone").Watch()
	fence(a, b)
	for round := range 3 {
		for i := range 5 {
			a.say("zone", strconv.Itoa(round*5+i))
		}
		b.until("them", func() bool { return len(b.messages) == (round+1)*5 })
		a.forgets(0)
	}
	for i, text := range b.messages {
		assert.Equal(t, "zone:"+strconv.Itoa(i), text)
	}
	assert.Zero(t, b.Stats().Missed)
	assert.Zero(t, b.Stats().Late)
}

// What is missing is counted exactly across generations of a group.
func TestGenerations(t *testing.T) {
	s := stream{}
	for _, step := range []struct {
		first  uint64
		count  int
		missed uint64
		late   bool
	}{
		{first: 8, count: 2},
		{first: 10, count: 1},
		{first: 1<<placeBits + 1, count: 3},
		{first: 11, count: 1, late: true},
		{first: 1<<placeBits + 6, count: 1, missed: 2},
		{first: 5<<placeBits + 4, count: 1, missed: 3},
		{first: 5<<placeBits + 5, count: 1},
	} {
		missed, late := s.take(step.first, step.count)
		assert.Equal(t, step.missed, missed, "%+v", step)
		assert.Equal(t, step.late, late, "%+v", step)
	}
}
