package queuednet

import (
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Linux counts AckTimeout not only while a peer does not answer, but also while
// it answers that it has no room: a game that loads a level for so long would
// be taken for dead. So connections to which something was written are looked
// at, every few seconds until it has arrived, and one whose peer has no room is
// given WriteTimeout instead. One goroutine of the manager does it, while there
// are any; a connection to which nothing is written costs nothing.

// ackWatch is the part of a connection.
type ackWatch struct {
	tcp    *net.TCPConn // nil: AckTimeout does not hold for it
	listed atomic.Bool
	shut   atomic.Bool // the peer has no room; changed by the sweep alone
}

// ackWatchers is the part of a manager.
type ackWatchers struct {
	mu       sync.Mutex
	conns    []*Connection // those with listed set
	sweeping bool
}

// watchAcks is called when something is written. It does not wait.
func (c *Connection) watchAcks() {
	if c.acks.tcp == nil || c.acks.listed.Load() || !c.acks.listed.CompareAndSwap(false, true) {
		return
	}
	w := &c.manager.acks
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns = append(w.conns, c)
	if !w.sweeping {
		w.sweeping = true
		c.manager.goroutines.Go(c.manager.sweepAcks) // called by one that Close waits for
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
		conns = slices.DeleteFunc(conns, func(c *Connection) bool { return !c.checkAcks() })
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
func (c *Connection) checkAcks() bool {
	c.acks.listed.Store(false) // what is written from now on lists it again
	busy, shut, repeating := unacknowledged(c.acks.tcp)
	if repeating && c.acks.shut.Load() {
		// There is room again, but the system still counts from when it first
		// repeated what was refused: AckTimeout would strike at once.
		shut = true
	}
	if shut != c.acks.shut.Load() {
		config := &c.manager.config
		timeout := config.AckTimeout
		switch {
		case shut && config.WriteTimeout < 0:
			timeout = 0 // none
		case shut:
			timeout = max(timeout, config.WriteTimeout)
		}
		setAckTimeout(c.acks.tcp, timeout)
		c.acks.shut.Store(shut)
	}
	return busy && c.acks.listed.CompareAndSwap(false, true)
}
