package queuednet

import (
	"sync"
	"syscall"

	"github.com/queuednet/queuednet/internal/sockopt"
)

// UDPDrops counts, by reason, the packets that a UDP connection did not deliver.
type UDPDrops struct {
	Full   uint64 // received while MaxReceiveQueue bytes were queued
	Broken uint64 // received with a wrong sum, or too short to have one
	Unsent uint64 // sent, and refused by the system (no route, too long, unreachable …) or not out by the close

	// Overrun is what the system dropped of what arrived, because its receive
	// buffer was full: see OpenUDPConnection. Only Linux tells; elsewhere, and for
	// an adopted socket that is none of the system's, it is 0.
	Overrun uint64
}

// UDPDrops returns how many packets were not delivered, also after the end. It asks the
// system for Overrun, which costs a system call. For a TCP connection all counts are
// zero. Panda3D logs some of them.
func (c *Connection) UDPDrops() UDPDrops {
	if c == nil || c.packets == nil {
		return UDPDrops{}
	}
	return UDPDrops{
		Full:    c.packets.full.Load(),
		Broken:  c.packets.broken.Load(),
		Unsent:  c.packets.unsent.Load(),
		Overrun: c.packets.overruns.read(c.packets.raw),
	}
}

// overruns continues the system's count beyond its 32 bits and the socket's end.
type overruns struct {
	mu    sync.Mutex
	last  uint32 // of the system, when it was asked last
	total uint64
}

func (o *overruns) read(raw syscall.RawConn) uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if raw == nil {
		return o.total
	}
	if now, ok := sockopt.Drops(raw); ok {
		o.total += uint64(now - o.last)
		o.last = now
	}
	return o.total
}

// udpReceiveBuffer is what a socket that the library opens asks for.
const udpReceiveBuffer = 2 << 20
