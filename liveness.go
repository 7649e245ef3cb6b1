package queuednet

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/queuednet/queuednet/internal/sockopt"
)

// setKeepAlive makes the system notice a peer that dies without a word. It may run
// on any goroutine but the program's loop. What the system does not have is left
// out: then it takes longer.
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

// ackTimeoutSocket returns the socket that AckTimeout holds for, nil for none.
func (m *QueuedConnectionManager) ackTimeoutSocket(socket net.Conn) *net.TCPConn {
	if m.config.AckTimeout <= 0 || !sockopt.HasAckTimeout {
		return nil
	}
	tcp, _ := systemSocketOf(socket).(*net.TCPConn)
	return tcp
}

// classify makes an ErrNoAnswer of the errors by which the system says so, or an
// ErrWriteTimeout where the peer has last said that it has no room.
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
// was made if none have. It is for a heartbeat of the game's. The time is that of the
// read, so it stands still while the connection is not read, for example because it is
// in no reader. It costs an atomic load. For a rendezvous and a UDP socket it is the
// zero time. Panda3D has no counterpart.
func (c *Connection) LastReceived() time.Time {
	s := c.asStream()
	if s == nil {
		return time.Time{}
	}
	return c.manager.clocks.began.Add(time.Duration(s.in.received.Load()))
}

// RoundTrip returns how long the peer takes to acknowledge what is sent to it,
// smoothed, and by how much that varies. These are the system's figures, from its own
// traffic (RFC 6298): of the network and the system of the peer, without the time that
// the program of the peer takes.
//
// The system of the peer may hold an acknowledgement back, up to 40 milliseconds, until
// its program sends something that it can travel with: for a client that sends 60 times
// a second the figure is 17 milliseconds on a loopback. COOKBOOK.md has a ping of the
// game's own, which also tells the clock of the server.
//
// It costs a system call of about a microsecond. It works for a TCP stream on Linux,
// also under TLS. Otherwise it fails with an error that is errors.ErrUnsupported, and
// after the end with net.ErrClosed. Panda3D has no counterpart.
func (c *Connection) RoundTrip() (smoothed, variation time.Duration, err error) {
	const name = "RoundTrip"
	tcp := c.tcpSocket()
	if tcp == nil {
		return 0, 0, fmt.Errorf("queuednet: %s: %w", name, errors.ErrUnsupported)
	}
	smoothed, variation, err = sockopt.RoundTrip(tcp)
	return smoothed, variation, wrapOption(name, err)
}

// Unacknowledged returns how many of the bytes that the system has accepted for the
// peer are still in the system's own buffer, because the system of the peer has not
// acknowledged them. Together with SendQueueBytes of [ConnectionStats] that is
// everything that is on its way. It costs a system call of about a microsecond. It
// works for a TCP stream on Linux, where it includes the bytes of TLS itself. Otherwise
// it fails with an error that is errors.ErrUnsupported, and after the end with
// net.ErrClosed. Panda3D has no counterpart.
func (c *Connection) Unacknowledged() (bytes int, err error) {
	const name = "Unacknowledged"
	tcp := c.tcpSocket()
	if tcp == nil {
		return 0, fmt.Errorf("queuednet: %s: %w", name, errors.ErrUnsupported)
	}
	bytes, err = sockopt.UnacknowledgedBytes(tcp)
	return bytes, wrapOption(name, err)
}
