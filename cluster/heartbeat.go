package cluster

import (
	"encoding/binary"
	"time"
)

// A heartbeat tells that a node lives, and what the others should know of it. Each list
// is a count of 16 bits and entries of one size. They are read where they are, so that
// nothing is allocated for what somebody announces.
type heartbeat struct {
	flags       uint8
	connections uint32
	stamp       uint64 // the sender's clock, for the round trip; nobody compares it with another
	counts      uint64 // how many messages with counts it has sent
	name        []byte
	echoes      []byte // of echoSize
	tails       []byte // of tailSize
}

const (
	flagLeaving  uint8 = 1 << iota // it is the last heartbeat
	flagDraining                   // Drain was called
	flagAway                       // it has not run for DeadAfter until a moment ago
)

// An echo answers the heartbeat of another node: the stamp, and how long it was held.
type echo struct {
	number uint16
	stamp  uint64
	held   time.Duration
}

const echoSize = 2 + 8 + 4

// A tail is the last sequence to a subject that was not written to for a heartbeat: else a
// loss at the end would be noticed with the next message only.
type tail struct {
	hash     uint64
	sequence uint64
}

const (
	tailSize = 16
	maxTails = 1500 // in one heartbeat
)

// tailRepeats is in how many heartbeats a tail is: for longer than a cut may last that nobody
// notices.
func (c *Config) tailRepeats() uint64 { return uint64(c.DeadAfter/c.Heartbeat) + 2 }

func (h *heartbeat) appendTo(b []byte) []byte {
	b = append(b, h.flags)
	b = binary.LittleEndian.AppendUint32(b, h.connections)
	b = binary.LittleEndian.AppendUint64(b, h.stamp)
	b = binary.LittleEndian.AppendUint64(b, h.counts)
	b = append(b, byte(len(h.name)))
	b = append(b, h.name...)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(h.echoes)/echoSize))
	b = append(b, h.echoes...)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(h.tails)/tailSize))
	return append(b, h.tails...)
}

func readHeartbeat(body []byte) (h heartbeat, err error) {
	f := fields{b: body}
	h.flags = f.uint8()
	h.connections = f.uint32()
	h.stamp = f.uint64()
	h.counts = f.uint64()
	h.name = f.bytes8()
	h.echoes = f.take(int(f.uint16()) * echoSize)
	h.tails = f.take(int(f.uint16()) * tailSize)
	if f.failed || len(f.b) > 0 {
		return heartbeat{}, errInvalid
	}
	return h, nil
}

func appendEcho(b []byte, e echo) []byte {
	b = binary.LittleEndian.AppendUint16(b, e.number)
	b = binary.LittleEndian.AppendUint64(b, e.stamp)
	return binary.LittleEndian.AppendUint32(b, uint32(min(e.held.Microseconds(), 1<<32-1)))
}

func (h *heartbeat) eachEcho(yield func(echo) bool) {
	for f := (fields{b: h.echoes}); len(f.b) > 0; {
		if !yield(echo{f.uint16(), f.uint64(), time.Duration(f.uint32()) * time.Microsecond}) {
			return
		}
	}
}

func appendTail(b []byte, t tail) []byte {
	b = binary.LittleEndian.AppendUint64(b, t.hash)
	return binary.LittleEndian.AppendUint64(b, t.sequence)
}

func (h *heartbeat) eachTail(yield func(tail) bool) {
	for f := (fields{b: h.tails}); len(f.b) > 0; {
		if !yield(tail{f.uint64(), f.uint64()}) {
			return
		}
	}
}
