package queuednet

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/queuednet/queuednet/internal/sockopt"
)

// Linux counts AckTimeout not only while a peer does not answer, but also while
// it answers that it has no room: a game that loads a level for that time would
// be taken for dead. So the library looks every few seconds at connections to which
// something was written, until it has arrived, and gives one whose peer has no room
// WriteTimeout instead. One goroutine of the manager does it, while there
// are any; a connection to which nothing is written costs nothing.

// ackWatch is the part of a connection.
type ackWatch struct {
	on     bool // AckTimeout holds for the stream
	listed atomic.Bool
	shut   atomic.Bool // the peer has no room; changed by the sweep alone
}

// ackWatchers is the part of a manager.
type ackWatchers struct {
	mu       sync.Mutex
	conns    []*stream // those with listed set
	sweeping bool
}

// watchAcks is called when something is written. It does not wait.
func (s *stream) watchAcks() {
	if !s.acks.on || s.acks.listed.Load() || !s.acks.listed.CompareAndSwap(false, true) {
		return
	}
	w := &s.manager.acks
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns = append(w.conns, s)
	if !w.sweeping {
		w.sweeping = true
		s.manager.goroutines.Go(s.manager.sweepAcks) // called by one that Close waits for
	}
}

// sweepAcks looks at the connections until all is acknowledged.
func (m *QueuedConnectionManager) sweepAcks() {
	// Often enough that no peer without room is taken for dead before.
	pause := max(m.config.AckTimeout/4, 100*time.Millisecond)
	for w := &m.acks; ; {
		select {
		case <-time.After(pause):
		case <-m.empty: // not before: what was sent still has CloseTimeout to arrive
			return
		}
		w.mu.Lock()
		conns := w.conns
		w.conns = nil
		w.mu.Unlock()
		conns = slices.DeleteFunc(conns, func(s *stream) bool { return !s.checkAcks() })
		w.mu.Lock()
		w.conns = append(conns, w.conns...)
		w.sweeping = len(w.conns) > 0
		if !w.sweeping {
			w.mu.Unlock()
			return
		}
		w.mu.Unlock()
	}
}

// checkAcks looks at a connection and reports whether it stays listed.
func (s *stream) checkAcks() bool {
	s.acks.listed.Store(false) // what is written from now on lists it again
	busy, shut, repeating := sockopt.Unacknowledged(s.tcpSocket())
	if repeating && s.acks.shut.Load() {
		// There is room again, but the system still counts from when it first
		// repeated what was refused: AckTimeout would strike at once.
		shut = true
	}
	if shut != s.acks.shut.Load() {
		config := &s.manager.config
		timeout := config.AckTimeout
		switch {
		case shut && config.WriteTimeout < 0:
			timeout = 0 // none
		case shut:
			timeout = max(timeout, config.WriteTimeout)
		}
		sockopt.SetAckTimeout(s.tcpSocket(), timeout)
		s.acks.shut.Store(shut)
	}
	return busy && s.acks.listed.CompareAndSwap(false, true)
}
