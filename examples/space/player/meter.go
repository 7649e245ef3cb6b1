package player

import (
	"time"

	"github.com/queuednet/queuednet/examples/space/game"
)

const (
	pingEvery = 500 * time.Millisecond
	header    = 2 // bytes before a datagram on the wire, nearly the same in a WebSocket
)

// A Rate is what went one way in a second.
type Rate struct{ Bytes, Datagrams int }

// A Meter measures the connection.
type Meter struct {
	start     time.Time // what stamps count from
	nextPing  time.Time
	roundTrip time.Duration
	second    time.Time // the one that is counted
	counted   [2]Rate
	full      [2]Rate // the one before
	snapshots int
}

// RoundTrip returns how long a ping takes, smoothed, or 0 if none has come back.
// It is longer than the network's time by up to a tick at both ends: programs look at
// what has come once a tick.
func (m *Meter) RoundTrip() time.Duration { return m.roundTrip }

// Received and Sent return what went in the last whole second.
func (m *Meter) Received() Rate { return m.full[0] }

// Sent is the other direction of Received.
func (m *Meter) Sent() Rate { return m.full[1] }

// Snapshots returns how many have come since the player was made.
func (m *Meter) Snapshots() int { return m.snapshots }

func (m *Meter) in(now time.Time, bytes int)  { m.count(now, 0, bytes) }
func (m *Meter) out(now time.Time, bytes int) { m.count(now, 1, bytes) }

func (m *Meter) count(now time.Time, way, bytes int) {
	if now.Sub(m.second) >= time.Second {
		m.second = now
		m.full, m.counted = m.counted, [2]Rate{}
	}
	m.counted[way].Bytes += bytes + header
	m.counted[way].Datagrams++
}

// ping returns the next ping if it is due.
func (m *Meter) ping(now time.Time) (game.Ping, bool) {
	if now.Before(m.nextPing) {
		return game.Ping{}, false
	}
	if m.start.IsZero() {
		m.start = now
	}
	m.nextPing = now.Add(pingEvery)
	ms := min(m.roundTrip.Milliseconds(), 9999)
	return game.Ping{Stamp: uint64(now.Sub(m.start)), RoundTrip: uint16(ms)}, true
}

func (m *Meter) pong(now time.Time, pong game.Pong) {
	measured := now.Sub(m.start) - time.Duration(pong.Stamp)
	if measured < 0 || measured > time.Hour { // not a stamp of ours
		return
	}
	if m.roundTrip == 0 {
		m.roundTrip = measured
	}
	m.roundTrip += (measured - m.roundTrip) / 5
}
