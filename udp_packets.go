package queuednet

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/queuednet/queuednet/internal/sockopt"
)

// packets is a UDP socket. One goroutine reads it, and another writes what was sent.
// Both end with the socket, which the reading one closes.
type packets struct {
	Connection
	socket net.PacketConn
	udp    *net.UDPConn    // the same, where it is one: it does not allocate
	told   toldPackets     // the same, where it has these methods
	peer   NetAddress      // of a connected socket: the only one it sends to
	raw    syscall.RawConn // nil: the system cannot be asked

	closeOnce sync.Once

	groupOn  int    // the only interface whose IPv6 multicasts are for it, 0: any
	locals   bool   // the system, or told, tells the local address of each packet
	received []byte // of the goroutine that reads: what came beside a packet
	beside   []byte // of the goroutine that writes: what goes beside one

	in    account
	looks chan struct{} // a token: there is a reader, or the end

	out  packetsOut
	wake chan struct{} // a token: something is pending, or the end
	over chan struct{} // closed when nothing will be written any more

	full, broken, unsent atomic.Uint64 // counts of UDPDrops
	overruns             overruns
}

// toldPackets are the methods of an adopted socket that is not the system's and knows
// the local address of each packet: see AdoptUDPConnection.
type toldPackets interface {
	ReadFromTo(b []byte) (n int, from, to net.Addr, err error)
	WriteFromTo(b []byte, from, to net.Addr) (n int, err error)
}

func (m *QueuedConnectionManager) newPackets(socket net.PacketConn, groupOn int) (*Connection, error) {
	address := netAddressOf(socket.LocalAddr())
	p := &packets{
		socket:  socket,
		groupOn: groupOn,
		looks:   make(chan struct{}, 1),
		wake:    make(chan struct{}, 1),
		over:    make(chan struct{}),
	}
	if p.udp, _ = socket.(*net.UDPConn); p.udp != nil {
		p.peer = netAddressOf(p.udp.RemoteAddr())
	}
	p.told, p.locals = socket.(toldPackets)
	if system, ok := socket.(syscall.Conn); ok {
		p.raw, _ = system.SyscallConn()
	}
	if p.udp != nil && p.raw != nil && address.IsAny() && sockopt.AskLocal(p.raw) {
		p.locals = true
		p.received, p.beside = make([]byte, sockopt.LocalSpace), make([]byte, sockopt.LocalSpace)
	}
	p.Connection = Connection{manager: m, packets: p, address: address, localAddress: address}
	if err := m.register(&p.Connection, p.run); err != nil {
		release(socket, func() { socket.Close() })
		return nil, err
	}
	return &p.Connection, nil
}

// run is the goroutine that reads. It ends when the program closes p: no error
// of a single packet ends it.
func (p *packets) run() {
	p.manager.goroutines.Go(p.write)
	err := p.read()
	p.receivingOver(err, p.refuse)
	p.finish(err)
	<-p.over
	p.overruns.read(p.raw) // nobody can ask the system afterwards
	p.closeSocket()
	p.manager.forget(&p.Connection)
}

// shut is what closing by the program does. Connection.mu is held.
func (p *packets) shut() {
	p.stopReading()
	p.finish(net.ErrClosed)
}

// dropUnsent drops what was sent and has not been written.
func (p *packets) dropUnsent() {
	o := &p.out
	o.mu.Lock()
	defer o.mu.Unlock()
	p.countUnsent(len(o.targets))
	o.pending.free()
	o.pending, o.targets = nil, nil
}

// stopReading ends the goroutine that reads.
func (p *packets) stopReading() {
	p.in.raise(receiveClosed)
	p.look()
	p.manager.goroutines.Go(func() { // a method of an adopted socket may wait
		_ = p.socket.SetWriteDeadline(time.Now().Add(p.manager.closeTimeout()))
		if p.socket.SetReadDeadline(time.Now()) != nil {
			p.closeSocket() // it cannot be told otherwise
		}
	})
}

func (p *packets) breakOff() { p.closeSocket() }

// closeSocket closes the socket, once.
func (p *packets) closeSocket() { p.closeOnce.Do(func() { p.socket.Close() }) }

func (p *packets) attachReader(r *QueuedConnectionReader) error {
	p.in.mu.Lock()
	defer p.in.mu.Unlock()
	err := p.in.attach(r)
	if err == nil {
		p.look()
	}
	return err
}

func (p *packets) look() { signal(p.looks) }

func (p *packets) system() any { return p.socket }

// read reads and delivers until p is closed.
func (p *packets) read() error {
	buffer := newBlock(readBlock)
	defer buffer.free()
	// In front of the packet there is room for its length: see deliver.
	room := buffer.b[udpHeader:cap(buffer.b)]
	failures := 0
	for {
		n, from, local, err := p.receive(room)
		switch {
		case p.in.loadState() != receiveOpen, errors.Is(err, net.ErrClosed):
			return net.ErrClosed
		case errors.Is(err, io.EOF):
			return io.EOF
		case err != nil:
			// The error is about a packet that was sent, or it will pass.
			failures++
			p.pause(failures)
			continue
		}
		p.in.bytes.Add(uint64(n))
		p.manager.counts.received.add(0, n)
		if !p.deliver(buffer.b[:udpHeader+n], from, local, p.manager.elapsed()) {
			return net.ErrClosed
		}
		failures = 0
	}
}

// pause keeps a socket that goes on failing from taking the processor. A few failures
// in a row, such as the answers to packets sent to nobody, cost nothing.
func (p *packets) pause(failures int) {
	if failures <= 10 {
		return
	}
	timer := time.NewTimer(min(time.Duration(failures-10)*time.Millisecond, 100*time.Millisecond))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.manager.closed:
	}
}

// deliver queues a packet as the frame of a stream. In front of the packet there is
// room for a header, which has the size of the sum: the length of the frame takes the
// place of the sum, or, in raw mode, stands before the packet. It waits while there is
// no reader, and reports false when p is closed.
func (p *packets) deliver(frame []byte, from NetAddress, local netip.Addr, at time.Duration) bool {
	in := &p.in
	in.mu.Lock()
	defer in.mu.Unlock()
	for in.state == receiveOpen && in.current() == nil {
		in.mu.Unlock()
		<-p.looks
		in.mu.Lock()
	}
	if in.state != receiveOpen {
		return false
	}
	if in.reader.rawMode.Load() {
		if len(frame) == udpHeader {
			return true // an empty packet says nothing, as in Panda3D
		}
	} else {
		frame = frame[udpHeader:]
		if len(frame) < udpHeader || binary.LittleEndian.Uint16(frame) != udpSum(frame[udpHeader:]) {
			p.broken.Add(1)
			p.manager.counts.broken.Add(1)
			return true
		}
	}
	binary.LittleEndian.PutUint16(frame, uint16(len(frame)-udpHeader))
	queue := &in.reader.queue
	if !in.hasRoom(queue, int64(len(frame)), p.manager.config.MaxReceiveQueue) {
		p.drop()
		queue.overflow.Store(true)
		return true
	}
	r := span{conn: &p.Connection, headerSize: udpHeader, at: at}
	due, ok := queue.gather(&r, &sender{from, local}, frame, spanSize)
	if !ok {
		p.drop() // the reader has just been shut down
	}
	in.pay(due)
	in.datagrams += uint64(r.frames())
	return true
}

// drop counts a packet for which there is no room.
func (p *packets) drop() {
	p.full.Add(1)
	p.manager.counts.dropped.Add(1)
}

// receive reads one packet, whole.
func (p *packets) receive(room []byte) (n int, from NetAddress, local netip.Addr, err error) {
	var addrPort netip.AddrPort
	switch {
	case p.told != nil:
		var addr, to net.Addr
		n, addr, to, err = p.told.ReadFromTo(room)
		return n, netAddressOf(addr), netAddressOf(to).addrPort.Addr(), err
	case p.udp == nil:
		var addr net.Addr
		n, addr, err = p.socket.ReadFrom(room)
		return n, netAddressOf(addr), local, err
	case p.locals:
		for foreign := true; foreign && err == nil; {
			var beside, on int
			n, beside, _, addrPort, err = p.udp.ReadMsgUDPAddrPort(room, p.received)
			local, on = sockopt.LocalOf(p.received[:beside])
			// Linux hands a packet for an IPv6 group to all members, on whichever interface they
			// joined.
			foreign = p.groupOn != 0 && on != 0 && on != p.groupOn
		}
	default:
		n, addrPort, err = p.udp.ReadFromUDPAddrPort(room)
	}
	return n, NetAddressFrom(addrPort), local, err
}
