//go:build !queuednet_noserver

package cluster

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
)

// heardBy is a heartbeat of node 2, which hears others.
func (c *clocked) heardBy(others ...uint16) {
	h := header{kind: kindHeartbeat, number: 2, incarnation: 3, sequence: 1}
	var b heartbeat
	for _, number := range others {
		b.echoes = appendEcho(b.echoes, echo{number, 1, 0})
	}
	c.receiver.receive(&nats.Msg{Subject: c.subjects.heartbeat, Data: b.appendTo(h.appendTo(nil))}, c.now())
	c.run(c.config.Heartbeat)
}

// A node that another one hears for long is told once, again if that was over in between, and not if
// it is only noticed later.
func TestHoleIsTold(t *testing.T) {
	n := newClocked(t)
	beats := int(n.config.holeAfter()/n.config.Heartbeat) + 3
	for range beats / 2 {
		n.heardBy(1, 7)
	}
	for range beats {
		n.heardBy(1)
	}
	assert.Zero(t, n.saw(Unheard, 7), "the other one was late")
	for range 2 {
		for range 3 * beats {
			n.heardBy(1, 7)
		}
		for range beats {
			n.heardBy(1)
		}
	}
	assert.Equal(t, 2, n.saw(Unheard, 7))
	assert.Zero(t, n.saw(Unheard, 1))
	for range 3 * beats {
		n.heardBy(2, 0, 65_535)
	}
	for _, e := range n.events {
		assert.True(t, e.Kind != Unheard || e.Node == 7, "%v", e)
	}
}

// Two nodes that know each other from a third one only lose their route, and do not reach each other for
// some seconds: both tell it, and find each other again.
func TestHoleIsClosed(t *testing.T) {
	t.Parallel()
	first := open(t, quick(Config{Number: 1, Listen: "127.0.0.1:0"}))
	nodes := []*member{first}
	var doors []*proxy
	for number := range uint16(2) {
		door := newDoor(t)
		config := quick(Config{Number: number + 2, Listen: "127.0.0.1:0", Advertise: door.address(), Routes: []string{first.ListenAddress()}})
		config.DeadAfter = 2 * time.Second
		n := open(t, config)
		door.lead(n.ListenAddress())
		doors = append(doors, door)
		nodes = append(nodes, n)
	}
	know(t, nodes...)
	for _, d := range doors {
		d.shut()
	}
	a, b := nodes[1], nodes[2]
	a.until("the hole", func() bool { b.poll(); first.poll(); return a.saw(Unheard, 3) > 0 })
	b.until("the hole", func() bool { return b.saw(Unheard, 2) > 0 })
	assert.Equal(t, []string{"NodeJoined"}, first.kinds(2))
	assert.Equal(t, []string{"NodeJoined"}, first.kinds(3))
	for i, d := range doors {
		d.lead(nodes[i+1].ListenAddress())
	}
	a.until("the other one", func() bool { return a.saw(NodeBack, 3) > 0 })
	b.until("the other one", func() bool { return b.saw(NodeBack, 2) > 0 })
	a.Group("zone").Watch()
	hears(t, "zone", b, a)
}
