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

// LastReceived returns when bytes last came from the peer; until some have, when
// the connection was made. It is for a game's own heartbeat: the time that it
// tells is that of the read, so that it stands still while the connection is
// not read, as in no reader. It costs an atomic load. A rendezvous and a UDP
// socket have the zero time. Panda3D has no counterpart.
func (c *Connection) LastReceived() time.Time {
	s := c.asStream()
	if s == nil {
		return time.Time{}
	}
	return c.manager.clocks.began.Add(time.Duration(s.in.received.Load()))
}

// RoundTrip returns how long the peer takes to acknowledge what is sent to it,
// smoothed, and by how much that varies. They are the system's figures, from
// its own traffic (RFC 6298): of the network and the peer's system, without the
// time that the peer's program takes. That system may wait with an acknowledgement, up
// to 40 milliseconds, for something of its program's that it can go with: of a client
// that sends 60 times a second it is 17 milliseconds on a loopback. A ping of the game's
// own, with the server's clock, is in COOKBOOK.md. They cost a system call of about a
// microsecond. A stream of TCP on Linux has them, also under TLS; else it fails
// with an error that is errors.ErrUnsupported, and after the end with
// net.ErrClosed. Panda3D has no counterpart.
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
// peer are still in its own buffer: the peer's system has not acknowledged them.
// Together with SendQueueBytes of [ConnectionStats] it is everything that is on its
// way. It costs a system call of about a microsecond. A stream of TCP on Linux has it,
// with TLS's own bytes where that is above it; else it fails with an error that is
// errors.ErrUnsupported, and after the end with net.ErrClosed. Panda3D has no
// counterpart.
func (c *Connection) Unacknowledged() (bytes int, err error) {
	const name = "Unacknowledged"
	tcp := c.tcpSocket()
	if tcp == nil {
		return 0, fmt.Errorf("queuednet: %s: %w", name, errors.ErrUnsupported)
	}
	bytes, err = sockopt.UnacknowledgedBytes(tcp)
	return bytes, wrapOption(name, err)
}
