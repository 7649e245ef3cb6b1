package peer

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/queuednet/queuednet/benchmarks/internal/wire"
)

// numbered returns a datagram as the load generator sends it.
func numbered(connection, number, size int) []byte {
	payload := wire.Pattern(size)
	wire.SetNumber(payload, wire.FirstNumber(connection)+uint64(number))
	return payload
}

func TestConsumerSeesWhatIsWrong(t *testing.T) {
	changed := numbered(0, 0, 32)
	changed[31]++
	for name, test := range map[string]struct {
		datagrams [][]byte
		fault     string
	}{
		"nothing":   {[][]byte{numbered(0, 0, 32), numbered(1, 0, 32), numbered(0, 1, 32)}, ""},
		"lost":      {[][]byte{numbered(0, 0, 32), numbered(0, 2, 32)}, "connection 0: datagram 2 came instead of 1"},
		"doubled":   {[][]byte{numbered(0, 0, 32), numbered(0, 0, 32)}, "connection 0: datagram 0 came instead of 1"},
		"reordered": {[][]byte{numbered(1, 1, 32), numbered(1, 0, 32)}, "connection 1: datagram 1 came instead of 0"},
		"foreign":   {[][]byte{numbered(2, 0, 32)}, "a datagram of connection 2, which there is not"},
		"cut":       {[][]byte{numbered(0, 0, 32)[:31]}, "a datagram of 31 bytes has other content than was sent"},
		"short":     {[][]byte{{1}}, "a datagram of 1 bytes"},
		"changed":   {[][]byte{changed}, "a datagram of 32 bytes has other content than was sent"},
	} {
		t.Run(name, func(t *testing.T) {
			c := NewConsumer(2, 32)
			c.Thorough = true
			for _, datagram := range test.datagrams {
				c.Take(nil, datagram)
			}
			assert.Equal(t, test.fault, c.Fault)
		})
	}
}

// What was only counted may be missing later, and nothing else.
func TestConsumerThatOnlyCounted(t *testing.T) {
	for name, test := range map[string]struct {
		then  [][]byte
		fault string
	}{
		"as counted": {[][]byte{numbered(0, 2, 32), numbered(1, 1, 32), numbered(1, 2, 32)}, ""},
		"lost":       {[][]byte{numbered(0, 2, 32), numbered(1, 2, 32)}, "connection 1: datagram 2 came instead of 0"},
		"doubled":    {[][]byte{numbered(0, 2, 32), numbered(0, 1, 32)}, "connection 0: datagram 1 came instead of 3"},
	} {
		t.Run(name, func(t *testing.T) {
			c := NewConsumer(2, 32)
			c.CountOnly = true
			for _, datagram := range [][]byte{numbered(0, 0, 32), numbered(0, 1, 32), numbered(1, 0, 32)} {
				c.Take(nil, datagram)
			}
			assert.Equal(t, 3, c.Count)
			assert.Equal(t, 3*32, c.Bytes)
			c.CountOnly = false
			for _, datagram := range test.then {
				c.Take(nil, datagram)
			}
			assert.Equal(t, test.fault, c.Fault)
		})
	}
}

// A stream may be cut anywhere between reads: the frames stay what they were.
func TestCutterAtEveryByte(t *testing.T) {
	const size, count = 20, 3
	var stream []byte
	for i := range count {
		stream = wire.AppendFrame(stream, numbered(0, i, size))
	}
	for first := range stream {
		for second := first; second < len(stream); second++ {
			var (
				q inbox
				c cutter
			)
			q.init()
			for _, piece := range [][]byte{stream[:first], stream[first:second], stream[second:]} {
				c.feed(&q, nil, piece)
			}
			consumer := NewConsumer(1, size)
			consumer.Thorough = true
			q.Receive(consumer)
			assert.Empty(t, consumer.Fault)
			assert.Equal(t, count, consumer.Count)
		}
	}
}
