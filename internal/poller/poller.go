// Package poller waits for many sockets at once, in an epoll set that Go's
// runtime does not know. It knows descriptors, and keys by which its caller
// finds what belongs to one; it knows nothing of connections.
//
// Reads and writes are methods too, so that a test can script a whole
// machine behind the interface.
package poller

import (
	"net/netip"
	"time"
)

// A Key says whose an event is: the slot in the caller's table, and how many
// owners the slot had before. Slot -1 is the poller's own. An event that was under way while its socket was
// closed names an owner that is gone, not the one that has the slot now.
type Key struct{ Slot, Generation int32 }

// An Event tells what has become possible on a socket since the last event for
// it: sockets are watched edge-triggered.
type Event struct {
	Key      Key
	Readable bool // bytes, the end, or an error
	Writable bool
	Ended    bool // the peer has ended its stream, or an error has: a read that comes short does not mean that nothing is left
}

// A Poller waits for the sockets added to it. One goroutine at a time may be in
// Wait, and one in Pause; the other methods may be called from any goroutine, those that
// take a descriptor as long as the caller sees to it that nobody closes that
// meanwhile.
type Poller interface {
	// Add watches a connected or a listening socket, which must not block.
	Add(fd int, key Key) error
	// WantWrite turns events for writing on or off.
	WantWrite(fd int, key Key, want bool) error
	// Remove ends what Add began.
	Remove(fd int) error

	// Wait BLOCKS until there are events, until Wake, or for the timeout, of which it may
	// leave a part of a millisecond to the next call; negative is for ever, and 0 only
	// looks. It returns how many events it has filled in.
	Wait(events []Event, timeout time.Duration) (int, error)
	// Pause BLOCKS for d, or until Wake, if no Wait takes that. The next Wait ends at
	// once too.
	Pause(d time.Duration)
	// Wake ends the Wait or Pause under way, or else the next one.
	Wake()

	// Read and Write do not wait: they return ErrAgain where they would have to.
	// Read returns io.EOF at the end of the stream.
	Read(fd int, b []byte) (int, error)
	Write(fd int, b []byte) (int, error)
	// Connected reports whether a socket still has a peer, though that may have
	// ended its stream: it has none after a reset.
	Connected(fd int) bool
	// Accept takes a connection that waits at a listening socket, as a socket that does
	// not block. The listening one must not block either: Accept returns ErrAgain if none
	// waits.
	Accept(fd int) (accepted int, peer netip.AddrPort, err error)
	// LocalAddress returns the address of this end of a connected socket.
	LocalAddress(fd int) netip.AddrPort
	// CloseWrite ends the sending side of a socket.
	CloseWrite(fd int) error
	// Lingers reports whether closing a socket may wait for its peer.
	Lingers(fd int) bool
	// CloseSocket closes a socket, with a reset if reset is set.
	CloseSocket(fd int, reset bool) error

	// Close closes the poller itself. Nobody may be in another method.
	Close() error
}
