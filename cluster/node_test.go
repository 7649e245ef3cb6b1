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

// Nothing of a node comes before its NodeJoined, also in the first frame of a program that drains Messages
// first. One that never calls Events gets it in the next loop.
func TestFirstFrameIsInOrder(t *testing.T) {
	for _, events := range []bool{true, false} {
		a := open(t, quick(Config{Number: 1, Listen: "127.0.0.1:0"}))
		b := open(t, quick(Config{Number: 2, Listen: "127.0.0.1:0", Routes: []string{a.ListenAddress()}}))
		a.until("node joined", func() bool { return a.saw(NodeJoined, 2) > 0 })
		a.until("a message is there", func() bool {
			require.NoError(t, a.Send(queuednet.NewDatagram([]byte("hello")), NodeAddress(2)))
			return b.in.pushed.Load() > 0
		})
		for m := range b.Messages() {
			t.Fatalf("%s of node %d, which has not joined", m.Payload(), m.From())
		}
		if events {
			for e := range b.Events() {
				b.events = append(b.events, e)
			}
			assert.Equal(t, 1, b.saw(NodeJoined, 1))
		}
		got := 0
		for range b.Messages() {
			got++
		}
		assert.Positive(t, got)
	}
}
