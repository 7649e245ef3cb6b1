package queuednet

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

// udpHeader is the size of the sum that Panda3D puts before a datagram in a packet.
const udpHeader = 2

// maxPacket is the longest packet that UDP over IPv4 carries.
const maxPacket = 65_507

// maxValidUDP is the longest datagram that Panda3D receives over UDP.
const maxValidUDP = 1500

// packets is what a UDP socket has instead of a stream's two sides.
type packets struct {
	socket net.PacketConn
	udp    *net.UDPConn    // the same, where it is one: it does not allocate
	raw    syscall.RawConn // the same for system calls, nil where it has none
	peer   NetAddress      // of a connected socket: the only one it sends to
	wake   chan struct{}   // a token: something is pending

	locals   bool   // the system tells the local address of each packet
	received []byte // of the receiving goroutine: what came beside a packet
	beside   []byte // of the sending goroutine: what goes beside one

	targets []target // of what is pending; outbound.mu guards it
	writing []target // of what has been taken out to be written

	full, broken, unsent atomic.Uint64 // counts of UDPDrops
	overruns             overruns
}

// A target is where the next size pending bytes go.
type target struct {
	to   NetAddress
	from netip.Addr // not the zero Addr: the local address that they leave from
	size int
}

// targetSize is about what a packet to be sent holds beside its bytes. Where each
// goes to somewhere else, and is tiny, that is the most of it, so the bounds count
// it, as they count runSize.
const targetSize = 64

// OpenUDPConnection opens a UDP socket that receives on a port of all
// interfaces, on IPv6 and IPv4 where the system has both, and sends from it;
// port 0 is the system's choice. It may send to broadcast addresses. It fails
// with the system's error, such as EADDRINUSE; in a browser and under WASI, as
// OpenTCPClientConnection does, with errors.ErrUnsupported. It is Panda3D's
// open_UDP_connection.
//
// The system drops packets that arrive while the socket's receive buffer is full,
// as in a burst that is faster than the library reads. On Linux UDPDrops counts
// them. The buffer is 2 MiB, or as much as the system allows, which on Linux is
// twice net.core.rmem_max, 416 KiB unless somebody has raised it: some hundred
// packets. SetRecvBufferSize changes it.
func (m *QueuedConnectionManager) OpenUDPConnection(port int) (*Connection, error) {
	if err := checkPort(port); err != nil {
		return nil, err
	}
	network := "udp"
	if m.config.IPv4Only {
		network = "udp4"
	}
	return m.openUDP(network, fmt.Sprintf(":%d", port))
}

// OpenUDPConnectionAt opens a UDP socket on exactly this address, and on [::] for
// both versions of IP. With IPv4Only an IPv6 address is a *net.AddrError. The rest is
// as with OpenUDPConnection, whose counterpart in Panda3D takes a host name too.
//
// With a multicast address it receives on all interfaces, as OpenUDPConnection
// does, also what is sent to that group, which it joins: on the interface that
// the address has as its zone (IPv6 only), else on the system's default one.
// Several programs of a machine may join the same group and port, and what one
// of them sends to the group reaches them all, itself included.
func (m *QueuedConnectionManager) OpenUDPConnectionAt(address NetAddress) (*Connection, error) {
	network, err := m.config.networkOf("udp", address)
	if err != nil {
		return nil, err
	}
	if !address.IsMulticast() {
		return m.openUDP(network, address.String())
	}
	if err := m.mayOpenSocket(); err != nil {
		return nil, err
	}
	on, err := zoneInterface(address.AddrPort().Addr().Zone())
	if err != nil {
		return nil, err
	}
	index := 0
	if on != nil {
		index = on.Index
	}
	c, err := m.openUDP(network, address.String()) // for a group package net binds the port alone
	if err != nil {
		return nil, err
	}
	if err := c.joinGroup(address, index); err != nil {
		c.closeByProgram()
		return nil, err
	}
	// What one program of a machine sends reaches the others, as is the default
	// of most systems.
	_ = c.setIPOption("", optionMulticastLoop, optionMulticastLoop6, 1)
	return c, nil
}

// joinGroup makes c, a UDP socket of package net, a member of a group.
func (c *Connection) joinGroup(group NetAddress, index int) error {
	raw, err := c.packets.udp.SyscallConn()
	if err != nil {
		return err
	}
	controlErr := raw.Control(func(fd uintptr) { err = joinGroup(fd, group.addrPort.Addr(), index) })
	return wrapOption("joining "+group.IPString(), cmp.Or(controlErr, err))
}

// zoneInterface returns the interface that a zone names, nil for none.
func zoneInterface(zone string) (*net.Interface, error) {
	if zone == "" {
		return nil, nil
	}
	if index, err := strconv.Atoi(zone); err == nil {
		return net.InterfaceByIndex(index)
	}
	return net.InterfaceByName(zone)
}

func (m *QueuedConnectionManager) openUDP(network, address string) (*Connection, error) {
	if err := m.mayOpenSocket(); err != nil {
		return nil, err
	}
	config := m.config.listenConfig()
	config.Control = func(network, address string, raw syscall.RawConn) error {
		_ = growReceiveBuffer(network, address, raw)
		if m.config.Control == nil {
			return nil
		}
		return m.config.Control(network, address, raw)
	}
	socket, err := config.ListenPacket(context.Background(), network, address)
	if err != nil {
		return nil, err
	}
	return m.newPackets(socket)
}

// AdoptUDPConnection makes a UDP connection of a packet socket that the program
// has opened, such as one joined to a group on a certain interface, and owns it
// from then on, closed if this fails. Its deadlines must work, and Close must
// end a ReadFrom that waits. A *net.UDPConn may be a connected one, of net.Dial:
// then what is sent elsewhere counts as unsent. An error of ReadFrom passes,
// except io.EOF and net.ErrClosed, which end the connection. Panda3D has no
// counterpart.
func (m *QueuedConnectionManager) AdoptUDPConnection(socket net.PacketConn) (*Connection, error) {
	if socket == nil {
		return nil, ErrWrongKind
	}
	if err := m.mayOpen(); err != nil {
		release(socket, func() { socket.Close() })
		return nil, err
	}
	_ = socket.SetReadDeadline(time.Time{}) // one that the program has left
	return m.newPackets(socket)
}

func (m *QueuedConnectionManager) newPackets(socket net.PacketConn) (*Connection, error) {
	address := netAddressOf(socket.LocalAddr())
	p := &packets{socket: socket, wake: make(chan struct{}, 1)}
	if p.udp, _ = socket.(*net.UDPConn); p.udp != nil {
		p.peer = netAddressOf(p.udp.RemoteAddr())
	}
	if system, ok := socket.(syscall.Conn); ok {
		p.raw, _ = system.SyscallConn()
	}
	if p.udp != nil && p.raw != nil && address.IsAny() && askLocal(p.raw) {
		p.locals = true
		p.received, p.beside = make([]byte, localSpace), make([]byte, localSpace)
	}
	c := &Connection{manager: m, address: address, localAddress: address, socket: socket, packets: p}
	c.initSides()
	if err := m.register(c, c.runPackets); err != nil {
		release(socket, func() { socket.Close() })
		return nil, err
	}
	return c, nil
}

// runPackets is the goroutine of a UDP connection. It ends when the program
// closes c: no error of a single packet ends it.
func (c *Connection) runPackets() {
	sent := make(chan struct{})
	c.manager.goroutines.Go(func() { c.sendPackets(sent) })
	err := c.receivePackets()
	c.ended(err)
	c.out.finish(c, err, c.manager.closeDeadline())
	c.out.wait()
	close(sent)
	c.packets.overruns.read(c.packets.raw) // nobody can ask the system afterwards
	c.closeSocket()
	c.manager.forget(c)
}

// receivePackets reads and delivers until c is closed.
func (c *Connection) receivePackets() error {
	buffer := newBlock(readBlock)
	defer buffer.free()
	// In front of the packet there is room for its length: see deliverPacket.
	room := buffer.b[udpHeader:cap(buffer.b)]
	failures := 0
	for {
		n, from, local, err := c.packets.receive(room)
		switch {
		case c.in.load() != inOpen, errors.Is(err, net.ErrClosed):
			return net.ErrClosed
		case errors.Is(err, io.EOF):
			return io.EOF
		case err != nil:
			// It is about a packet that was sent, or will pass.
			failures++
			c.pause(failures)
			continue
		case !c.deliverPacket(buffer.b[:udpHeader+n], from, local):
			return net.ErrClosed
		}
		failures = 0
	}
}

// pause keeps a socket that goes on failing from using the CPU: a few failures
// in a row, such as the answers to packets sent to nobody, cost nothing.
func (c *Connection) pause(failures int) {
	if failures <= 10 {
		return
	}
	timer := time.NewTimer(min(time.Duration(failures-10)*time.Millisecond, 100*time.Millisecond))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.manager.closed:
	}
}

// deliverPacket queues a packet, which begins behind room for a header of a
// stream. As that has the size of the sum, a packet is queued as the frame of a
// stream: with its length in the place of the sum, or, in raw mode, before it.
// It waits while there is no reader, and reports false when c is closed.
func (c *Connection) deliverPacket(frame []byte, from NetAddress, local netip.Addr) bool {
	in := &c.in
	in.mu.Lock()
	defer in.mu.Unlock()
	for in.state == inOpen && in.wants() == nil {
		in.changed.Wait()
	}
	if in.state != inOpen {
		return false
	}
	if in.reader.rawMode.Load() {
		if len(frame) == udpHeader {
			return true // an empty packet says nothing, as in Panda3D
		}
	} else {
		frame = frame[udpHeader:]
		if len(frame) < udpHeader || binary.LittleEndian.Uint16(frame) != udpSum(frame[udpHeader:]) {
			c.packets.broken.Add(1)
			return true
		}
	}
	binary.LittleEndian.PutUint16(frame, uint16(len(frame)-udpHeader))
	r := &run{conn: c, from: from, local: local, packet: true, headerSize: udpHeader}
	queue := &in.reader.queue
	if !in.admits(queue, int64(len(frame)), c) {
		c.packets.full.Add(1)
		queue.overflow.Store(true)
	} else if !queue.gather(r, frame, runSize) {
		c.packets.full.Add(1) // the reader has just been shut down
	}
	return true
}

// receive reads one packet, whole.
func (p *packets) receive(room []byte) (n int, from NetAddress, local netip.Addr, err error) {
	var addrPort netip.AddrPort
	switch {
	case p.udp == nil:
		var addr net.Addr
		n, addr, err = p.socket.ReadFrom(room)
		return n, netAddressOf(addr), local, err
	case p.locals:
		var beside int
		n, beside, _, addrPort, err = p.udp.ReadMsgUDPAddrPort(room, p.received)
		local = localOf(p.received[:beside])
	default:
		n, addrPort, err = p.udp.ReadFromUDPAddrPort(room)
	}
	return n, NetAddressFrom(addrPort), local, err
}

// send writes one packet. It may wait.
func (p *packets) send(b []byte, target *target) error {
	var err error
	switch to := target.to; {
	case p.udp == nil:
		_, err = p.socket.WriteTo(b, net.UDPAddrFromAddrPort(to.AddrPort()))
	case to == p.peer:
		_, err = p.udp.Write(b)
	case target.from.IsValid():
		p.beside = besideLocal(p.beside, target.from)
		_, _, err = p.udp.WriteMsgUDPAddrPort(b, p.beside, to.AddrPort())
	default:
		_, err = p.udp.WriteToUDPAddrPort(b, to.AddrPort())
	}
	return err
}

// sendPackets is the goroutine that writes for the loop. UDP has its own
// because package net may wait in a write, and not the flushing goroutines,
// which would start one for each flush.
func (c *Connection) sendPackets(sent <-chan struct{}) {
	for {
		select {
		case <-c.packets.wake:
			c.writeOut(nil, 0)
		case <-sent:
			return
		}
	}
}

// sendPacket appends a packet to what is pending; with sum it begins with the
// sum of the payload. The connection's own goroutine writes it.
func (c *Connection) sendPacket(payload []byte, sum bool, from netip.Addr, to NetAddress) error {
	o, p := &c.out, c.packets
	limit := c.manager.config.MaxSendQueue
	size := udpHeader + len(payload)
	if size > limit {
		return &DatagramTooLongError{Length: int64(len(payload)), Max: int64(max(limit-udpHeader, 0))}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.err != nil:
		return o.err
	case o.queued()+len(p.targets)*targetSize+size > limit:
		return ErrSendQueueFull
	}
	o.pending = o.pending.reserve(size)
	b := o.pending.b
	if sum {
		b = binary.LittleEndian.AppendUint16(b, udpSum(payload))
	}
	b = append(b, payload...)
	p.targets = append(p.targets, target{to, from, len(b) - len(o.pending.b)})
	o.pending.b = b
	if o.claim() {
		p.wake <- struct{}{} // nobody else has claimed c, so there is room for it
	}
	return nil
}

// writePackets writes what was taken out of pending. What the system refuses
// is counted: it is the matter of that packet alone.
func (c *Connection) writePackets(b []byte) error {
	limit, _ := c.out.writeLimit(c)
	err := c.socket.SetWriteDeadline(limit)
	closed := errors.Is(err, net.ErrClosed)
	for i := range c.packets.writing {
		target := &c.packets.writing[i]
		if !closed {
			err = c.packets.send(b[:target.size], target)
			closed = errors.Is(err, net.ErrClosed)
		}
		if err != nil {
			c.packets.unsent.Add(1)
		}
		c.out.wrote(target.size)
		b = b[target.size:]
	}
	if closed {
		return net.ErrClosed
	}
	return nil
}

// udpSum is Panda3D's sum of a datagram: of its bytes, modulo 65,536. It finds
// few of the errors that UDP's own sum does not.
func udpSum(b []byte) uint16 {
	const everySecond = 0x00ff_00ff_00ff_00ff
	var sum uint64
	for len(b) >= 8 {
		// Eight bytes at a time go into four sums of 16 bits. Each grows by two
		// bytes at most, so that 128 times fit.
		var four uint64
		for n := 0; n < 128 && len(b) >= 8; n++ {
			x := binary.LittleEndian.Uint64(b)
			four += x&everySecond + x>>8&everySecond
			b = b[8:]
		}
		sum += four&0xffff + four>>16&0xffff + four>>32&0xffff + four>>48
	}
	for _, x := range b {
		sum += uint64(x)
	}
	return uint16(sum)
}
