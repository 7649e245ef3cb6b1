package main

import (
	"io"
	"log/slog"
	"testing"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// answers gives a zone a roster of another node, as an answer to a question of a stay.
func answers(z *zone, stay, number uint32, ids ...uint64) {
	var d queuednet.Datagram
	beginEvent(&d, kindRoster, event{two, z.id, number})
	d.AddUint32(stay)
	for _, id := range ids {
		d.AddUint64(id)
	}
	it := d.Iterator()
	it.GetUint8()
	z.answered(readEvent(&it), &it, &d)
}

func TestZoneTakesAnswersOfThisStayOnly(t *testing.T) {
	s, err := newServer(options{number: "1", players: "127.0.0.1:0"}, slog.New(slog.NewTextHandler(io.Discard, nil)))
	require.NoError(t, err)
	defer s.close()
	z := s.zones[3]
	answers(z, 0, 5, 20)
	assert.Empty(t, z.there, "nobody is here")
	z.asked[two.node] = s.now
	z.here[10], z.stay = &player{}, 2
	answers(z, 1, 5, 20)
	assert.Empty(t, z.there, "since then it may have missed something")
	answers(z, 0, 6, 20)
	assert.Len(t, z.there[two.node].players, 1)
	assert.Contains(t, z.asked, two.node, "that was no answer")
	answers(z, 2, 7, 20, 21)
	assert.Empty(t, z.asked)
	require.Contains(t, z.there, two.node)
	assert.Equal(t, uint32(7), z.there[two.node].last)
	assert.Len(t, z.there[two.node].players, 2)
	z.forget(two)
	assert.Empty(t, z.there)
}

// An event that does not go out makes the node tell later who is there.
func TestZoneTellsAgain(t *testing.T) {
	s, err := newServer(options{number: "1", players: "127.0.0.1:0"}, slog.New(slog.NewTextHandler(io.Discard, nil)))
	require.NoError(t, err)
	defer s.close()
	z := s.zones[3]
	beginEvent(&s.out, kindEnter, z.next())
	assert.True(t, z.tell(&s.out))
	assert.False(t, z.untold)
	z.untold = true
	z.tellAgain()
	assert.False(t, z.untold, "now it has gone out")
	s.node.Leave()
	beginEvent(&s.out, kindExit, z.next())
	assert.False(t, z.tell(&s.out))
	z.tellAgain()
	assert.True(t, z.untold)
}
