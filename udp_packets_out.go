package queuednet

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/queuednet/queuednet/internal/sockopt"
)

// packetsOut is what was sent and has not been written.
type packetsOut struct {
	mu       sync.Mutex
	pending  *block
	targets  []target // of what is pending
	inFlight int      // bytes that are being written
	err      error    // what SendTo answers
	closing  bool
	limit    time.Time // of closing
	sent     Traffic   // that has been written
}

// A target is where the next size pending bytes go.
type target struct {
	to   NetAddress
	from netip.Addr // not the zero Addr: the local address that they leave from
	size int
}

// targetSize is about what a packet to be sent takes beside its bytes. With many tiny
// packets to different receivers that is most of the memory, so the bounds count it, as
// they count spanSize.
const targetSize = 64

// wrote counts a packet that was written, or refused because of err.
func (p *packets) wrote(size int, err error) {
	o := &p.out
	o.mu.Lock()
	defer o.mu.Unlock()
	o.inFlight -= size
	if err != nil {
		p.countUnsent(1)
		return
	}
	o.sent.Datagrams++
	o.sent.Bytes += uint64(size)
	p.manager.counts.sent.add(1, size)
}

func (p *packets) countUnsent(n int) {
	p.unsent.Add(uint64(n))
	p.manager.counts.unsent.Add(uint64(n))
}

// send writes one packet. It may wait.
func (p *packets) send(b []byte, target *target) error {
	var err error
	switch to := target.to; {
	case p.told != nil && target.from.IsValid():
		from := netip.AddrPortFrom(target.from, uint16(p.localAddress.Port()))
		_, err = p.told.WriteFromTo(b, net.UDPAddrFromAddrPort(from), net.UDPAddrFromAddrPort(to.AddrPort()))
	case p.udp == nil:
		_, err = p.socket.WriteTo(b, net.UDPAddrFromAddrPort(to.AddrPort()))
	case to == p.peer:
		_, err = p.udp.Write(b)
	case target.from.IsValid():
		p.beside = sockopt.BesideLocal(p.beside, target.from)
		_, _, err = p.udp.WriteMsgUDPAddrPort(b, p.beside, to.AddrPort())
	default:
		_, err = p.udp.WriteToUDPAddrPort(b, to.AddrPort())
	}
	return err
}

// sendPacket appends a packet to what is pending. If sum is set, the packet begins with
// the sum of the payload.
func (p *packets) sendPacket(payload []byte, sum bool, from netip.Addr, to NetAddress) error {
	o := &p.out
	limit := p.manager.config.MaxSendQueue
	size := udpHeader + len(payload)
	if size > limit {
		return &DatagramTooLongError{Length: int64(len(payload)), Max: int64(max(limit-udpHeader, 0))}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	queued := o.inFlight + len(o.targets)*targetSize
	if o.pending != nil {
		queued += len(o.pending.b)
	}
	switch {
	case o.err != nil:
		return o.err
	case queued+size > limit:
		return ErrSendQueueFull
	}
	o.pending = o.pending.reserve(size)
	b := o.pending.b
	if sum {
		b = binary.LittleEndian.AppendUint16(b, udpSum(payload))
	}
	b = append(b, payload...)
	o.targets = append(o.targets, target{to, from, len(b) - len(o.pending.b)})
	o.pending.b = b
	signal(p.wake)
	return nil
}

// refuse makes err, the reason of the end, the answer to what is sent.
func (p *packets) refuse(err error) {
	p.out.mu.Lock()
	defer p.out.mu.Unlock()
	p.out.err = err
}

// finish refuses what is sent from now on, and ends writing when what was sent
// before is out, at the latest after CloseTimeout.
func (p *packets) finish(reason error) {
	o := &p.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.err = reason
	}
	if !o.closing {
		o.closing, o.limit = true, time.Now().Add(p.manager.closeTimeout())
	}
	signal(p.wake)
}

// write is the goroutine that writes. UDP has its own because package net may
// wait in a write, and not the flushing goroutines.
func (p *packets) write() {
	defer close(p.over)
	var targets []target
	for {
		<-p.wake
		for {
			b, to, limit := p.take(targets)
			if b == nil {
				if !limit.IsZero() {
					return
				}
				break
			}
			p.writeAll(b.b, to, limit)
			b.free()
			targets = to
		}
	}
}

// take takes out what is pending, and returns the time by which it must be written,
// which is zero while p is open. Spare is memory for the next targets.
func (p *packets) take(spare []target) (b *block, targets []target, limit time.Time) {
	o := &p.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closing {
		limit = o.limit
	}
	if o.pending == nil {
		return nil, nil, limit
	}
	b, targets = o.pending, o.targets
	o.pending, o.targets, o.inFlight = nil, spare[:0], len(b.b)
	return b, targets, limit
}

// writeAll writes packets. One that the system refuses is counted, and the others go
// on.
func (p *packets) writeAll(b []byte, targets []target, limit time.Time) {
	if timeout := p.manager.config.WriteTimeout; timeout >= 0 {
		if t := time.Now().Add(timeout); limit.IsZero() || t.Before(limit) {
			limit = t
		}
	}
	err := p.socket.SetWriteDeadline(limit)
	closed := errors.Is(err, net.ErrClosed)
	for i := range targets {
		target := &targets[i]
		if !closed {
			err = p.send(b[:target.size], target)
			closed = errors.Is(err, net.ErrClosed)
		}
		b = b[target.size:]
		p.wrote(target.size, err)
	}
	if closed { // behind the library's back
		p.refuse(net.ErrClosed)
		p.stopReading()
	}
}
