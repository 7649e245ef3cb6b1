package queuednet

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/queuednet/queuednet/internal/sockopt"
)

// counts is what a manager counts for ManagerStats. It is counted once for each read,
// write, batch or drain, and not once for each datagram.
type counts struct {
	received, sent          trafficCount
	dropped, broken, unsent atomic.Uint64
	connecting, untaken     atomic.Int64
	drains                  drainCounts
	connections             connectionCounts
}

// trafficCount counts Traffic.
type trafficCount struct{ datagrams, bytes atomic.Uint64 }

func (t *trafficCount) load() Traffic {
	return Traffic{Datagrams: t.datagrams.Load(), Bytes: t.bytes.Load()}
}

func (t *trafficCount) add(datagrams, bytes int) {
	if datagrams > 0 {
		t.datagrams.Add(uint64(datagrams))
	}
	if bytes > 0 {
		t.bytes.Add(uint64(bytes))
	}
}

// drainCounts counts DrainStats.
type drainCounts struct {
	datagrams     atomic.Uint64
	time, longest atomic.Int64
	times         [len(drainBounds) + 1]atomic.Uint64
}

// add counts a drain.
func (d *drainCounts) add(datagrams int, took time.Duration) {
	d.datagrams.Add(uint64(datagrams))
	d.time.Add(int64(took))
	for {
		longest := d.longest.Load()
		if int64(took) <= longest || d.longest.CompareAndSwap(longest, int64(took)) {
			break
		}
	}
	i := 0
	for i < len(drainBounds) && took > drainBounds[i] {
		i++
	}
	d.times[i].Add(1)
}

func (d *drainCounts) load() DrainStats {
	stats := DrainStats{
		Datagrams: d.datagrams.Load(),
		Time:      time.Duration(d.time.Load()),
		Longest:   time.Duration(d.longest.Load()),
	}
	for i := range d.times {
		stats.Times[i] = d.times[i].Load()
		stats.Count += stats.Times[i]
	}
	return stats
}

// connectionCounts counts the connections of a manager. A connection is open until
// its first reason for an end is known, and alive until its socket is closed.
type connectionCounts struct {
	mu          sync.Mutex
	opened      uint64
	open, alive int
	rendezvous  int
	ends        Ends
}

// made counts a connection that has been registered.
func (n *connectionCounts) made(c *Connection) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c.listening != nil {
		n.rendezvous++
		return
	}
	n.opened++
	n.open++
	n.alive++
}

// ended counts the end of a connection, when its reason is first known.
func (n *connectionCounts) ended(c *Connection, reason error) {
	if c.listening != nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.open--
	*n.ends.of(reason)++
}

// gone counts a connection whose socket is closed.
func (n *connectionCounts) gone(c *Connection) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c.listening != nil {
		n.rendezvous--
		return
	}
	n.alive--
}

func (n *connectionCounts) read(stats *ManagerStats) {
	n.mu.Lock()
	defer n.mu.Unlock()
	stats.Opened = n.opened
	stats.Open = n.open
	stats.Closing = n.alive - n.open
	stats.Rendezvous = n.rendezvous
	stats.Ends = n.ends
}

// of returns the count of a reason.
func (e *Ends) of(reason error) *uint64 {
	var tooLong *DatagramTooLongError
	switch {
	case errors.Is(reason, ErrSendQueueFull):
		return &e.SendQueueFull
	case errors.Is(reason, ErrWriteTimeout):
		return &e.WriteTimeout
	case errors.Is(reason, ErrNoAnswer):
		return &e.NoAnswer
	case errors.Is(reason, ErrFirstDatagram):
		return &e.FirstDatagram
	case errors.Is(reason, ErrIdle):
		return &e.Idle
	case errors.Is(reason, ErrFlooding):
		return &e.Flooding
	case errors.Is(reason, ErrHeaderSize), errors.As(reason, &tooLong):
		return &e.Protocol
	case errors.Is(reason, net.ErrClosed):
		return &e.Closed
	case sockopt.IsReset(reason):
		return &e.Reset
	case errors.Is(reason, io.ErrUnexpectedEOF):
		return &e.Cut
	case errors.Is(reason, io.EOF):
		return &e.ByPeer
	}
	return &e.Other
}

// read copies what the account knows into stats.
func (a *account) read(stats *ConnectionStats, now time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	stats.Received = Traffic{Datagrams: a.datagrams, Bytes: a.bytes.Load()}
	stats.ReceiveQueueBytes = int(a.charged())
	if len(a.charges) > 0 {
		stats.OldestWaiting = max(now-a.charges[0].at, 0)
	}
	stats.HeldBack = a.heldBack && a.state <= receiveFailed
	stats.HeldBackCount = a.heldBacks
}

// readRate copies into stats whether the rates slow the stream.
func (s *stream) readRate(stats *ConnectionStats) {
	if s.guard == nil {
		return
	}
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	stats.Slowed = s.guard.resumes != 0 && s.in.state == receiveOpen
	stats.SlowedCount = s.guard.slowings
}

func (o *outgoing) read(stats *ConnectionStats, now time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	stats.Sent = Traffic{Datagrams: o.datagrams, Bytes: o.bytes}
	if o.done {
		return
	}
	stats.SendQueueBytes = o.unsent()
	if o.since != 0 {
		stats.SendStalled = max(now-o.since, 0)
	}
}

func (o *packetsOut) read(stats *ConnectionStats) {
	o.mu.Lock()
	defer o.mu.Unlock()
	stats.Sent = o.sent
	stats.SendQueueBytes = o.inFlight
	if o.pending != nil {
		stats.SendQueueBytes += len(o.pending.b)
	}
}
