package cluster

import (
	"errors"
	"sync/atomic"
)

// Stats are counts since Open.
type Stats struct {
	Published      uint64 // messages to other nodes that NATS has taken
	PublishedBytes uint64 // of them, with headers
	Packets        uint64 // NATS messages that carried them

	Received        uint64 // messages from other nodes that were accepted
	ReceivedBytes   uint64
	ReceivedPackets uint64

	RefusedFull   uint64 // messages refused with ErrSendQueueFull
	RefusedRate   uint64 // and with ErrPublishRate
	TooOld        uint64 // messages dropped because of Config.MaxAge
	PublishErrors uint64 // NATS messages that NATS did not take

	Missed        uint64 // messages of other nodes that are lost, as told by Gap
	Late          uint64 // messages dropped because later ones came before
	Overflowed    uint64 // messages dropped because of Config.MaxReceiveQueue
	Dropped       uint64 // NATS messages dropped before the node saw them: it was too slow
	Foreign       uint64 // NATS messages dropped because their node is not known (yet), or no longer
	Invalid       uint64 // NATS messages dropped because they are none of this module's
	Undeliverable uint64 // messages for connections that have ended

	Reconnects  uint64
	SendQueue   int // bytes that wait now
	ReceiveWait int // bytes that the program has not taken now
}

// Stats returns what the node has counted. It waits for nothing, and costs a few dozen
// atomic loads.
func (n *Node) Stats() Stats {
	if n.isZero() {
		return Stats{}
	}
	c := &n.counters
	return Stats{
		Published: c.published.Load(), PublishedBytes: c.publishedBytes.Load(), Packets: c.packets.Load(),
		Received: c.received.Load(), ReceivedBytes: c.receivedBytes.Load(), ReceivedPackets: c.receivedPackets.Load(),
		RefusedFull: c.refusedFull.Load(), RefusedRate: c.refusedRate.Load(), TooOld: c.tooOld.Load(),
		PublishErrors: c.publishErrors.Load(), Missed: c.missed.Load(), Late: c.late.Load(),
		Overflowed: c.overflowed.Load(), Dropped: c.dropped.Load(), Foreign: c.foreign.Load(), Invalid: c.invalid.Load(),
		Undeliverable: c.undeliverable.Load(), Reconnects: c.reconnects.Load(),
		SendQueue: int(n.out.size.Load()), ReceiveWait: int(n.in.size.Load()),
	}
}

// counters are for Stats. Anybody counts.
type counters struct {
	published, publishedBytes, packets                        atomic.Uint64
	received, receivedBytes, receivedPackets                  atomic.Uint64
	refusedFull, refusedRate, tooOld, publishErrors           atomic.Uint64
	missed, late, overflowed, dropped, foreign, undeliverable atomic.Uint64
	invalid, reconnects                                       atomic.Uint64
}

// refuse counts a refusal, and returns it.
func (c *counters) refuse(err error) error {
	switch {
	case err == nil:
	case errors.Is(err, ErrSendQueueFull):
		c.refusedFull.Add(1)
	case errors.Is(err, ErrPublishRate):
		c.refusedRate.Add(1)
	}
	return err
}
