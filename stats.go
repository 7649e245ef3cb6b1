package queuednet

import "time"

// Traffic counts what has gone in one direction since the connection, or the manager,
// was made.
type Traffic struct {
	Datagrams uint64 // in raw mode: reads and sends
	Bytes     uint64 // with headers
}

// ConnectionStats is what [Connection.Stats] returns: the state of a connection at that
// moment. Panda3D has no counterpart.
type ConnectionStats struct {
	// Opened is when the connection was made: connected, accepted or adopted.
	Opened time.Time

	// Received counts the datagrams that were queued for the program, and all bytes that
	// have arrived, those that were not queued, or not yet, included.
	Received Traffic

	// Sent counts the bytes that the library has handed to the system, and the datagrams
	// that it has begun to hand over, whose bytes may come a moment later. Bytes that
	// Send accepted and that are not counted here are in SendQueueBytes, or were given up.
	Sent Traffic

	// SendQueueBytes is how many bytes Send has accepted and the system has not.
	// Config.MaxSendQueue bounds it. It grows if the peer takes less than it is sent,
	// once the buffers of both systems are full.
	SendQueueBytes int

	// SendStalled is how long the peer has taken none of those bytes.
	// Config.WriteTimeout bounds it. It is 0 for UDP.
	SendStalled time.Duration

	// ReceiveQueueBytes is how much memory the datagrams hold that wait to be taken.
	// Config.MaxReceiveQueue bounds it. The datagrams of a batch, which connections
	// share, count until a drain has come to its end.
	ReceiveQueueBytes int

	// OldestWaiting is how long the oldest of those datagrams has waited.
	OldestWaiting time.Duration

	// HeldBack says that the connection is not read because ReceiveQueueBytes has
	// reached its bound, so that TCP slows the peer. HeldBackCount counts how often
	// that began. UDP is never held back: UDPDrops counts what it loses.
	HeldBack      bool
	HeldBackCount uint64

	// Slowed says that the connection is not read for a while because its peer exceeds
	// MaxDatagramsPerSecond or MaxBytesPerSecond of Config. SlowedCount counts how
	// often that began, like the Slowed of Refusals.
	Slowed      bool
	SlowedCount uint64
}

// Stats returns the state of the connection, also after its end. It takes a lock or
// two, makes no system call and allocates nothing, so it may be called for each
// connection in each frame. What costs a system call has methods of its own:
// [Connection.RoundTrip], [Connection.Unacknowledged], [Connection.UDPDrops]. For a
// rendezvous only Opened is set. Panda3D has no counterpart.
func (c *Connection) Stats() ConnectionStats {
	if c == nil || c.manager == nil {
		return ConnectionStats{}
	}
	stats := ConnectionStats{Opened: c.manager.clocks.began.Add(c.opened)}
	now := c.manager.elapsed()
	switch {
	case c.stream != nil:
		c.manager.log.distribute() // so that SendQueueBytes has all that was sent
		c.stream.in.read(&stats, now)
		c.stream.readRate(&stats)
		c.stream.out.read(&stats, now)
	case c.packets != nil:
		c.packets.in.read(&stats, now)
		c.packets.out.read(&stats)
	}
	return stats
}

// ManagerStats is what [QueuedConnectionManager.Stats] returns. Its counts begin when
// the manager is made, and cover all its connections, including those that have ended.
// Panda3D has no counterpart.
type ManagerStats struct {
	Opened     uint64 // connections that were made; no rendezvous is one, here and in the next two
	Open       int    // those that have not ended
	Closing    int    // those that have ended, or were closed, and whose sockets are not closed yet
	Connecting int    // attempts to connect that are under way
	Untaken    int    // accepted connections that no one has taken from a listener
	Rendezvous int    // those whose sockets are not closed yet

	Received Traffic // as in ConnectionStats
	Sent     Traffic // as in ConnectionStats

	Ends     Ends
	Refusals Refusals

	Dropped uint64 // datagrams that a bound dropped: SetMaxQueueSize, and of UDP MaxReceiveQueue
	Broken  uint64 // UDP packets with a wrong sum: Broken of UDPDrops
	Unsent  uint64 // UDP packets that did not leave: Unsent of UDPDrops

	Drains DrainStats
}

// Ends counts the ends of connections, those of UDP included, by the reason that
// [Connection.Err] tells. An end counts when the library learns of it, which may be
// before it is reported.
type Ends struct {
	Closed        uint64 // the program closed it, or the manager: net.ErrClosed
	ByPeer        uint64 // the peer closed it: io.EOF
	Cut           uint64 // the peer closed it in the middle of a datagram: io.ErrUnexpectedEOF
	Reset         uint64 // the peer, or something on the way, broke it off
	NoAnswer      uint64 // ErrNoAnswer
	WriteTimeout  uint64 // ErrWriteTimeout
	SendQueueFull uint64 // ErrSendQueueFull
	Protocol      uint64 // the peer broke the wire format: *DatagramTooLongError, or ErrHeaderSize
	FirstDatagram uint64 // ErrFirstDatagram
	Idle          uint64 // ErrIdle
	Flooding      uint64 // ErrFlooding
	Other         uint64 // any other error of the system, or of an adopted socket
}

// DrainStats says how the loop takes what is queued. A drain is a loop over Datagrams
// of a reader that found something, or the calls of GetData until one finds nothing.
type DrainStats struct {
	Count     uint64
	Datagrams uint64

	// Time is how long all drains took together, with what the program did to each
	// datagram, and Longest is the longest of them. With GetData a drain counts from its
	// first datagram to its last, which means little if a program takes one a frame.
	Time    time.Duration
	Longest time.Duration

	// Times counts the drains by how long they took: at most the bound at the same index
	// of DrainBounds, and longer than the bound before it. The last element counts the
	// rest.
	Times [len(drainBounds) + 1]uint64
}

var drainBounds = [...]time.Duration{
	50 * time.Microsecond, 100 * time.Microsecond, 200 * time.Microsecond, 500 * time.Microsecond,
	1 * time.Millisecond, 2 * time.Millisecond, 4 * time.Millisecond, 8 * time.Millisecond, 16 * time.Millisecond,
	33 * time.Millisecond, 100 * time.Millisecond, 500 * time.Millisecond,
}

// DrainBounds returns the bounds of the Times of DrainStats, the shortest first.
// Panda3D has no counterpart.
func DrainBounds() [len(drainBounds)]time.Duration { return drainBounds }

// Stats returns what the manager and its connections have done so far. It takes some
// atomic loads and a lock, whatever the number of connections, and works after Close
// too. [Connection.Stats] tells of one connection. Panda3D has no counterpart.
func (m *QueuedConnectionManager) Stats() ManagerStats {
	var stats ManagerStats
	if m == nil {
		return stats
	}
	c := &m.counts
	c.connections.read(&stats)
	stats.Connecting = int(c.connecting.Load())
	stats.Untaken = int(c.untaken.Load())
	stats.Received = c.received.load()
	stats.Sent = c.sent.load()
	stats.Refusals = m.Refusals()
	stats.Dropped = c.dropped.Load()
	stats.Broken = c.broken.Load()
	stats.Unsent = c.unsent.Load()
	stats.Drains = c.drains.load()
	return stats
}
