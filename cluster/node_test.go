package cluster

import (
	"io"
	"testing"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Two nodes, a group each has a member of, one that nobody is in.
func TestTwoNodes(t *testing.T) {
	nodes := embeddedNodes(t, 2, nil)
	a, b := nodes[0], nodes[1]
	e := newEnd(t)
	conn, player := e.player()
	zone := b.Group("zone.1")
	require.NoError(t, zone.Join(conn))
	b.tell(a.Self(), "state?")
	a.until("request", func() bool { return contains(a.messages, "to:state?") })
	a.say("zone.1", "state")
	a.say("zone.2", "nobody's")
	b.until("state", func() bool { return contains(b.messages, "zone.1:state") })
	assert.Equal(t, []string{"zone.1:state"}, b.messages)

	a.say("zone.1", "again")
	(&place{member: b, end: e}).forward(1)
	frame := make([]byte, 2+5)
	_, err := io.ReadFull(player, frame)
	require.NoError(t, err)
	assert.Equal(t, "\x05\x00again", string(frame))

	a.until("counts", func() bool { return a.Group("zone.1").Count() == 1 })
	b.tell(a.Self(), "bye")
	require.NoError(t, b.Close())
	a.until("left", func() bool { return a.saw(NodeLeft, 2) == 1 })
	assert.Contains(t, a.messages, "to:bye")
	assert.ErrorIs(t, a.Send(queuednet.NewDatagram(nil), NodeAddress(2)), ErrNoNode)
	assert.Zero(t, a.Group("zone.1").Count())
}
