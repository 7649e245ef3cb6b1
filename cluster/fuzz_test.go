package cluster

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/queuednet/queuednet/internal/deepfuzz"
	"github.com/stretchr/testify/require"
)

func FuzzUnpack(f *testing.F)    { fuzzUnpack.Fuzz(f) }
func FuzzHeartbeat(f *testing.F) { fuzzHeartbeat.Fuzz(f) }
func FuzzReceive(f *testing.F)   { fuzzReceive.Fuzz(f) }

// TestDeep runs each fuzz target on some inputs, or on very many: see package deepfuzz.
func TestDeep(t *testing.T) {
	for _, target := range []deepfuzz.Target{fuzzUnpack, fuzzHeartbeat, fuzzReceive} {
		t.Run(target.Name, target.Deep)
	}
}

// fuzzed is the header of a message of node 2.
func fuzzed(k kind) []byte {
	return (&header{kind: k, number: 2, incarnation: 3, sequence: 4}).appendTo(nil)
}

// fuzzUnpack takes arbitrary bytes for a NATS message.
var fuzzUnpack = deepfuzz.Target{
	Name: "FuzzUnpack",
	Seeds: [][]any{
		{append(fuzzed(kindGroup), 1, 'x', 0, 2, 'y', 'z')},
		{append(fuzzed(kindDirected), 0, 0, 0, 0, 0, 0, 0, 0, 5, 1, 'x')},
		{appendCount(fuzzed(kindCounts), "zone", 7)},
	},
	Check: func(t *testing.T, b []byte) {
		h, body, err := readHeader(b)
		if err != nil {
			return
		}
		deepfuzz.True(t, h.number != 0, "a number")
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
				deepfuzz.NoError(t, err, "what was counted")
				deepfuzz.AtMost(t, len(message), 1000, "length")
			}
			deepfuzz.Equal(t, 0, n, "messages that are left")
		}
		if checkCounts(body) == nil {
			left := len(body)
			eachCount(body, func(token string, _ uint32) { left -= 5 + len(token) })
			deepfuzz.Equal(t, 0, left, "bytes that are left")
		}
	},
}

var fuzzHeartbeat = deepfuzz.Target{
	Name: "FuzzHeartbeat",
	Seeds: [][]any{
		{(&heartbeat{flags: 1, name: []byte("name"), echoes: appendEcho(nil, echo{1, 2, 3}), tails: appendTail(nil, tail{4, 5})}).appendTo(nil)},
		{[]byte{}},
	},
	Check: func(t *testing.T, b []byte) {
		h, err := readHeartbeat(b)
		if err != nil {
			return
		}
		entries := 0
		h.eachEcho(func(echo) bool { entries++; return true })
		h.eachTail(func(tail) bool { entries++; return true })
		deepfuzz.AtMost(t, entries*echoSize, len(b), "entries")
		deepfuzz.True(t, bytes.Equal(b, h.appendTo(nil)), "the same bytes again")
	},
}

// TestHeartbeatAllocates: nothing, whatever it announces.
func TestHeartbeatAllocates(t *testing.T) {
	b := (&heartbeat{name: []byte("name"), tails: make([]byte, tailSize*maxTails)}).appendTo(nil)
	require.Zero(t, testing.AllocsPerRun(100, func() { readHeartbeat(b) }))
}

// The length of a message in an input of FuzzReceive has two bits more: what it is sent to. The fourth
// of those is no message: time passes.
const fuzzWhere = 14

// fuzzReceive feeds the receiver with whatever another node may send.
var fuzzReceive = deepfuzz.Target{
	Name: "FuzzReceive",
	Seeds: func() (seeds [][]any) {
		var all []byte
		add := func(where int, message []byte) {
			all = binary.LittleEndian.AppendUint16(all, uint16(where<<fuzzWhere|len(message)))
			all = append(all, message...)
		}
		for k := kind(1); k < kindEnd; k++ {
			add(0, append(fuzzed(k), 1, 'x'))
			add(1, append(fuzzed(k), 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 'x'))
			add(2, (&heartbeat{name: []byte("x"), tails: appendTail(nil, tail{hashOf("queuednet.g.zone"), 9})}).appendTo(fuzzed(k)))
			add(2, appendCount(fuzzed(k), "zone", 7))
			add(1, appendCount(append(fuzzed(k), tableFirst|tableLast), "zone", 7))
			add(2, append(fuzzed(k), make([]byte, 40)...))
			add(3, nil)
			seeds = append(seeds, []any{all})
			all = nil
		}
		return seeds
	}(),
	Check: checkReceive,
	Join: func(random *rand.Rand, next func() []any) ([]any, uint64) {
		var joined []byte
		count := 1 + random.Uint64N(32)
		for range count {
			joined = append(joined, next()[0].([]byte)...)
		}
		return []any{joined}, count
	},
}

func checkReceive(t *testing.T, input []byte) {
	n, err := Open(nil)
	deepfuzz.NoError(t, err, "Open")
	n.config.Number = 1
	n.receiver = &receiver{n: n, ownHash: hashOf(n.subjects.node(1)), holes: make(map[uint16]*hole)}
	n.pump = newPump(n)
	n.Group("zone").Watch()
	subjects := []string{n.subjects.groups + "zone", n.subjects.node(1), n.subjects.heartbeat}
	n.receiver.receive(&nats.Msg{Subject: n.subjects.heartbeat, Data: (&heartbeat{}).appendTo(fuzzed(kindHeartbeat))}, n.now())
	for len(input) > 2 {
		bits := int(binary.LittleEndian.Uint16(input))
		length := min(bits&(1<<fuzzWhere-1), len(input)-2)
		message := input[2 : 2+length]
		input = input[2+length:]
		if where := bits >> fuzzWhere; where < len(subjects) {
			n.receiver.receive(&nats.Msg{Subject: subjects[where], Data: bytes.Clone(message)}, n.now())
			n.receiver.handOver()
		} else {
			n.began = n.began.Add(-time.Second)
			n.receiver.tick()
		}
		for range n.Events() {
		}
		for m := range n.Messages() {
			deepfuzz.AtMost(t, len(m.Payload()), length, "payload")
		}
	}
	deepfuzz.AtMost(t, n.Stats().ReceiveWait, 0, "bytes that nobody takes")
	n.pump = nil // which has not been started
	n.Close()
}
