package cluster

import (
	"strconv"
	"strings"
	"testing"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A message to a connection reaches it, and nobody after its end.
func TestDirected(t *testing.T) {
	nodes := embeddedNodes(t, 2, nil)
	a, b := nodes[0], nodes[1]
	e := newEnd(t)
	conn, player := e.player()
	address := b.Address(conn)
	assert.Equal(t, address, b.Address(conn))
	found, ok := b.Connection(address)
	assert.True(t, ok)
	assert.Same(t, conn, found)
	var d queuednet.Datagram
	address.AppendTo(&d)
	read, err := ReadAddress(d.Message())
	require.NoError(t, err)
	assert.Equal(t, address, read)

	a.tell(address, "for you")
	(&place{member: b, end: e}).forward(1)
	assert.Equal(t, []string{"for you"}, frames(t, player, 1))

	require.NoError(t, conn.Close())
	assert.True(t, b.RemoveConnection(conn))
	assert.False(t, b.RemoveConnection(conn))
	other, _ := e.player()
	assert.NotEqual(t, address, b.Address(other))
	assert.Equal(t, Address{}, b.Address(conn))
	a.tell(address, "too late")
	a.tell(Address{2, b.Incarnation(), 0}, "fence")
	b.until("fence", func() bool { return contains(b.messages, "to:fence") })
	assert.Equal(t, []string{"to:fence"}, b.messages)
	assert.EqualValues(t, 1, b.Stats().Undeliverable)
	assert.ErrorIs(t, a.Send(&d, Address{2, b.Incarnation() + 1, 0}), ErrNoNode)
	assert.ErrorIs(t, a.Send(&d, NodeAddress(3)), ErrNoNode)
}

// A connection that ends leaves its groups by itself.
func TestEndedConnectionsLeave(t *testing.T) {
	nodes := embeddedNodes(t, 2, nil)
	e := newEnd(t)
	conn, player := e.player()
	zone := nodes[1].Group("zone")
	require.NoError(t, zone.Join(conn))
	require.NoError(t, zone.Join(conn))
	hearsOfCounts(nodes[0], "zone", 1)
	player.Close()
	hearsOfCounts(nodes[0], "zone", 0)
	assert.False(t, zone.Has(conn))
	assert.Error(t, zone.Join(conn))
}

// Any string is the name of a group of its own.
func TestNames(t *testing.T) {
	nodes := embeddedNodes(t, 2, nil)
	a, b := nodes[0], nodes[1]
	names := []string{
		"", ".", "*", ">", " ", "a b", "a.b", "a*b", "a=2Eb", "=", "==", "=2E", "\x00", "\xff\xfe", "größe", "zone\r\nPUB x 0",
		strings.Repeat("x", 300), strings.Repeat("x", 301), strings.Repeat(".", 300), strings.Repeat("x", 200), "plain",
	}
	seen := make(map[string]bool)
	for _, name := range names {
		g := b.Group(name)
		assert.Same(t, g, b.Group(name))
		assert.False(t, seen[g.token], name)
		assert.Regexp(t, `^[a-zA-Z0-9_=-]{1,220}$`, g.token)
		seen[g.token] = true
		g.Watch()
	}
	fence(a, b)
	for i, name := range names {
		a.say(name, strconv.Itoa(i))
	}
	b.until("all", func() bool { return len(b.messages) >= len(names) })
	for i, name := range names {
		assert.Equal(t, name+":"+strconv.Itoa(i), b.messages[i])
	}
	assert.Len(t, b.messages, len(names))
}

// The counts of other nodes are known by node, also to one that comes later, and are
// forgotten with their node.
func TestCounts(t *testing.T) {
	nodes := embeddedNodes(t, 2, nil)
	e := newEnd(t)
	all := nodes[0].Group("all") // the change is told of groups that the program has
	for i := range 100 {
		conn, _ := e.player()
		require.NoError(t, nodes[1].Group("all").Join(conn))
		require.NoError(t, nodes[1].Group("g"+strconv.Itoa(i)).Join(conn))
	}
	nodes[0].until("the change", func() bool { return nodes[0].saw(CountChanged, 0) > 0 && all.Count() == 100 })
	config := quick(Config{Number: 9, Listen: "127.0.0.1:0", Routes: []string{nodes[0].ListenAddress()}})
	late := open(t, config)
	hearsOfCounts(late, "all", 100)
	for i := range 100 {
		hearsOfCounts(late, "g"+strconv.Itoa(i), 1)
	}
	for number, count := range late.Group("all").Counts() {
		assert.EqualValues(t, 2, number)
		assert.Equal(t, 100, count)
	}
	require.NoError(t, nodes[1].Close())
	hearsOfCounts(late, "all", 0)
	hearsOfCounts(nodes[0], "g42", 0)
}
