package cluster

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is no message of the module is counted and dropped.
func TestInvalidMessages(t *testing.T) {
	nodes := embeddedNodes(t, 2, nil)
	a, b := nodes[0], nodes[1]
	b.Group("zone").Watch()
	hears(t, "zone", a, b)
	good := header{kind: kindGroup, number: 1, incarnation: a.Incarnation(), sequence: 1000}
	conn := a.pump.carrier.conn
	for subject, bodies := range map[string][][]byte{
		b.subjects.groups + "zone": {nil, make([]byte, 100), good.appendTo(nil), append(good.appendTo(nil), 200, 1, 'x')},
		b.subjects.node(2):         {good.appendTo(nil), append((&header{kind: kindDirected, number: 1, incarnation: a.Incarnation()}).appendTo(nil), 1)},
		b.subjects.heartbeat:       {append((&header{kind: kindHeartbeat, number: 1, incarnation: a.Incarnation()}).appendTo(nil), 1)},
	} {
		for _, body := range bodies {
			before := b.Stats().Invalid
			require.NoError(t, conn.Publish(subject, body))
			b.until("it to be counted", func() bool { return b.Stats().Invalid == before+1 })
		}
	}
	hears(t, "zone", a, b)
	assert.Zero(t, b.missed(1))
}
