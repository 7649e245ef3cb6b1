package cluster

import (
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func FuzzUnpack(f *testing.F) {
	h := header{kind: kindGroup, number: 1, incarnation: 2, sequence: 3}
	f.Add(append(h.appendTo(nil), 1, 'x', 0, 2, 'y', 'z'))
	h.kind = kindDirected
	f.Add(append(h.appendTo(nil), 0, 0, 0, 0, 0, 0, 0, 0, 5, 1, 'x'))
	h.kind = kindCounts
	f.Add(appendCount(h.appendTo(nil), "zone", 7))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, body, err := readHeader(b)
		if err != nil {
			return
		}
		assert.NotZero(t, h.number)
		for _, k := range []kind{kindGroup, kindDirected} {
			n, err := countMessages(k, body, 1000)
			if err != nil {
				continue
			}
			for rest := body; len(rest) > 0; n-- {
				var message []byte
				if k == kindGroup {
					message, rest, err = cutMessage(rest)
				} else {
					_, message, rest, err = cutDirected(rest)
				}
				require.NoError(t, err)
				require.LessOrEqual(t, len(message), 1000)
			}
			assert.Zero(t, n)
		}
		if checkCounts(body) == nil {
			left := len(body)
			eachCount(body, func(token string, _ uint32) { left -= 5 + len(token) })
			assert.Zero(t, left)
		}
	})
}

func FuzzHeartbeat(f *testing.F) {
	h := heartbeat{flags: 1, name: []byte("name"), echoes: appendEcho(nil, echo{1, 2, 3}), tails: appendTail(nil, tail{4, 5})}
	f.Add(h.appendTo(nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := readHeartbeat(b)
		if err != nil {
			return
		}
		entries := 0
		h.eachEcho(func(echo) bool { entries++; return true })
		h.eachTail(func(tail) bool { entries++; return true })
		assert.LessOrEqual(t, entries*echoSize, len(b))
		assert.Equal(t, b, h.appendTo(nil))
		assert.LessOrEqual(t, testing.AllocsPerRun(1, func() { readHeartbeat(b) }), 0.0)
	})
}

// FuzzReceive feeds the receiver with whatever another node may send.
func FuzzReceive(f *testing.F) {
	for k := kind(1); k < kindEnd; k++ {
		h := header{kind: k, number: 2, incarnation: 3, sequence: 4}
		f.Add(uint8(0), append(h.appendTo(nil), 1, 'x'))
		f.Add(uint8(1), append(h.appendTo(nil), 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 'x'))
		f.Add(uint8(2), (&heartbeat{name: []byte("x")}).appendTo(h.appendTo(nil)))
	}
	f.Fuzz(func(t *testing.T, where uint8, b []byte) {
		n, err := Open(nil)
		require.NoError(t, err)
		n.config.Number = 1
		n.receiver, n.pump = newReceiver(n), newPump(n)
		n.Group("zone").Watch()
		beat := header{kind: kindHeartbeat, number: 2, incarnation: 3}
		n.receiver.receive(&nats.Msg{Subject: n.subjects.heartbeat, Data: (&heartbeat{}).appendTo(beat.appendTo(nil))}, n.now())
		subject := []string{n.subjects.groups + "zone", n.subjects.node(1), n.subjects.heartbeat}[where%3]
		n.receiver.receive(&nats.Msg{Subject: subject, Data: b}, n.now())
		n.receiver.handOver()
		for range n.Events() {
		}
		for m := range n.Messages() {
			assert.LessOrEqual(t, len(m.Payload()), len(b))
		}
		n.pump = nil // which has not been started
		n.Close()
	})
}

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
