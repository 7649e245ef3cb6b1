package queuednet

import (
	"fmt"
	"sync/atomic"
	"time"
)

// Refusals counts, by reason, what a manager has refused since it was made. The limits
// are fields of [Config].
type Refusals struct {
	Connections   uint64 // refused because of MaxConnections
	PerAddress    uint64 // refused because of MaxConnectionsPerAddress
	AcceptRate    uint64 // refused because of MaxAcceptsPerSecond
	AcceptErrors  uint64 // attempts to accept that failed, as without descriptors left; they are repeated; connections for which the system had no room; and sockets that did not tell their address in time: see AdoptRendezvous
	FirstDatagram uint64 // ended with ErrFirstDatagram
	Idle          uint64 // ended with ErrIdle
	Flooding      uint64 // ended with ErrFlooding
	Slowed        uint64 // connections that began to be slowed because of their rate; each counts again once it has kept still for RateBurst
}

// refusalReason is a field of Refusals.
type refusalReason int

const (
	refusedConnections refusalReason = iota
	refusedPerAddress
	refusedAcceptRate
	refusedAcceptError
	refusedFirstDatagram
	refusedIdle
	refusedFlooding
	refusedSlowed
	refusalReasons
)

var refusalTexts = [refusalReasons]string{
	refusedConnections:   "connections refused: MaxConnections",
	refusedPerAddress:    "connections refused: MaxConnectionsPerAddress",
	refusedAcceptRate:    "connections refused: MaxAcceptsPerSecond",
	refusedAcceptError:   "connections cannot be accepted",
	refusedFirstDatagram: "connections ended: FirstDatagramTimeout",
	refusedIdle:          "connections ended: IdleTimeout",
	refusedFlooding:      "connections ended: EndFloods",
	refusedSlowed:        "connections slowed: MaxDatagramsPerSecond or MaxBytesPerSecond",
}

// Refusals returns the counts of what the limits of Config have refused. It takes an
// atomic load for each. Panda3D has no counterpart.
func (m *QueuedConnectionManager) Refusals() Refusals {
	count := func(reason refusalReason) uint64 { return m.refusals[reason].count.Load() }
	return Refusals{
		Connections:   count(refusedConnections),
		PerAddress:    count(refusedPerAddress),
		AcceptRate:    count(refusedAcceptRate),
		AcceptErrors:  count(refusedAcceptError),
		FirstDatagram: count(refusedFirstDatagram),
		Idle:          count(refusedIdle),
		Flooding:      count(refusedFlooding),
		Slowed:        count(refusedSlowed),
	}
}

// refusal counts one reason, and says whether a goroutine is logging it.
type refusal struct {
	count   atomic.Uint64
	logging atomic.Bool
	logged  uint64 // the count that was logged last; of whoever logs
}

const (
	// A burst is over when nothing has happened for quiet. One that lasts is
	// logged again each time that longBurst has passed.
	quiet     = 10 * time.Second
	longBurst = time.Minute
)

// refused counts a refusal, and has its burst logged with first, the address or error
// that it began with. It does not wait. A goroutine that lives as long as the burst
// does the logging, so that the program's handler, whatever it does, holds up neither
// the network nor the loop.
func (m *QueuedConnectionManager) refused(reason refusalReason, first any) {
	r := &m.refusals[reason]
	r.count.Add(1)
	if m.config.Logger != nil && r.logging.CompareAndSwap(false, true) {
		m.logs.Add(1) // by a goroutine that Close waits for first
		go func() {
			defer m.logs.Done()
			m.logBurst(r, refusalTexts[reason], first)
		}()
	}
}

// logBurst logs a burst when it begins, and while it lasts.
func (m *QueuedConnectionManager) logBurst(r *refusal, text string, first any) {
	for {
		count := r.count.Load()
		m.config.Logger.Warn("queuednet: "+text, "count", count-r.logged, "total", count, "first", fmt.Sprint(first))
		r.logged = count
		count, ended := m.burst(r, count)
		if !ended {
			continue
		}
		r.logging.Store(false)
		// What came just before that has found somebody logging: it is a burst.
		if r.count.Load() == count || !r.logging.CompareAndSwap(false, true) {
			return
		}
	}
}

// burst waits until a burst has ended, which Close of the manager does too, or until it
// is to be logged again, and returns the count then.
func (m *QueuedConnectionManager) burst(r *refusal, count uint64) (now uint64, ended bool) {
	for range longBurst / quiet {
		select {
		case <-time.After(quiet):
		case <-m.closed:
			return r.count.Load(), true
		}
		now = r.count.Load()
		if now == count {
			return now, true
		}
		count = now
	}
	return count, false
}
