package queuednet

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/queuednet/queuednet/internal/sockopt"
)

// setKeepAlive makes the system notice a peer that dies without a word. It may run on
// any goroutine but the program's loop. Options that the system does not have are left
// out; noticing takes longer there.
func (m *QueuedConnectionManager) setKeepAlive(socket net.Conn) {
	tcp, ok := systemSocketOf(socket).(*net.TCPConn)
	if !ok {
		return
	}
	if m.config.KeepAliveIdle < 0 {
		_ = tcp.SetKeepAlive(false)
	} else {
		_ = tcp.SetKeepAliveConfig(net.KeepAliveConfig{
			Enable:   true,
			Idle:     m.config.KeepAliveIdle,
			Interval: m.config.KeepAliveInterval,
			Count:    m.config.KeepAliveCount,
		})
	}
	if tcp := m.ackTimeoutSocket(socket); tcp != nil {
		sockopt.SetAckTimeout(tcp, m.config.AckTimeout)
	}
}

// hasAckTimeout reports whether AckTimeout holds for plain TCP.
func (m *QueuedConnectionManager) hasAckTimeout() bool {
	return m.config.AckTimeout > 0 && sockopt.HasAckTimeout
}

// ackTimeoutSocket returns the socket on which AckTimeout is set, or nil.
func (m *QueuedConnectionManager) ackTimeoutSocket(socket net.Conn) *net.TCPConn {
	if !m.hasAckTimeout() {
		return nil
	}
	tcp, _ := systemSocketOf(socket).(*net.TCPConn)
	return tcp
}

// classify turns the system's errors for a peer that does not answer into ErrNoAnswer,
// or into ErrWriteTimeout if the peer last said that it has no room.
func (c *Connection) classify(err error) error {
	switch {
	case c.stream == nil || !sockopt.IsNoAnswer(err):
		return err
	case c.stream.acks.shut.Load():
		return fmt.Errorf("%w: %w", ErrWriteTimeout, err)
	}
	return fmt.Errorf("%w: %w", ErrNoAnswer, err)
}

// LastReceived returns when bytes last arrived from the peer, or when the connection
// was made if none have. It serves a heartbeat of the game's own. The time is that of
// the read, so it stands still while the connection is not read, for example because it
// is in no reader. It costs an atomic load. For a rendezvous and a UDP socket it is the
// zero time. Panda3D has no counterpart.
func (c *Connection) LastReceived() time.Time {
	s := c.asStream()
	if s == nil {
		return time.Time{}
	}
	return c.manager.clocks.began.Add(time.Duration(s.in.received.Load()))
}

// RoundTrip returns how long the peer takes to acknowledge what is sent to it,
// smoothed, and by how much that varies. The system measures both on its own traffic
// (RFC 6298). They cover the network and the system of the peer, but not the time that
// the peer's program takes.
//
// The system of the peer may hold an acknowledgement back, up to 40 milliseconds, until
// its program sends something that it can travel with: for a client that sends 60 times
// a second the figure is 17 milliseconds on a loopback. COOKBOOK.md has a ping of the
// game's own, from which the client also learns the server's clock.
//
// It costs a system call of about a microsecond. It works for a TCP stream on Linux,
// also under TLS. Otherwise it fails with an error that is errors.ErrUnsupported, and
// after the end with net.ErrClosed. Panda3D has no counterpart.
func (c *Connection) RoundTrip() (smoothed, variation time.Duration, err error) {
	err = c.askTCP("RoundTrip", func(tcp syscall.Conn) error {
		smoothed, variation, err = sockopt.RoundTrip(tcp)
		return err
	})
	return smoothed, variation, err
}

// askTCP has ask find out something about the system's socket.
func (c *Connection) askTCP(name string, ask func(syscall.Conn) error) error {
	tcp := c.tcpSocket()
	if tcp == nil {
		return fmt.Errorf("queuednet: %s: %w", name, errors.ErrUnsupported)
	}
	return wrapOption(name, ask(tcp))
}

// Unacknowledged returns how many of the bytes that the system has accepted for the
// peer are still in the system's own buffer, because the system of the peer has not
// acknowledged them. Together with SendQueueBytes of [ConnectionStats] that is
// everything that is on its way. It costs a system call of about a microsecond. It
// works for a TCP stream on Linux, where it includes the bytes of TLS itself. Otherwise
// it fails with an error that is errors.ErrUnsupported, and after the end with
// net.ErrClosed. Panda3D has no counterpart.
func (c *Connection) Unacknowledged() (bytes int, err error) {
	err = c.askTCP("Unacknowledged", func(tcp syscall.Conn) error {
		bytes, err = sockopt.UnacknowledgedBytes(tcp)
		return err
	})
	return bytes, err
}

// Linux counts AckTimeout not only while a peer does not answer, but also while it
// answers that it has no room. A game that loads a level for that long would be taken
// for dead. So every few seconds the library looks at the connections whose last bytes
// have not arrived yet. If the peer of one has no room, it gets WriteTimeout instead.
// One goroutine of the manager does this, while there are such connections; a
// connection to which nothing is written costs nothing.

// ackWatch is what a connection keeps for that.
type ackWatch struct {
	on     bool // AckTimeout holds for the stream
	listed atomic.Bool
	shut   atomic.Bool // the peer has no room; changed by the sweep alone
}

// ackWatchers is what a manager keeps for that.
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
		case <-m.ended: // and a socket of the program's does not let go
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
