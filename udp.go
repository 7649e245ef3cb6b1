package queuednet

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/queuednet/queuednet/internal/sockopt"
)

// udpHeader is the size of the sum that Panda3D puts before a datagram in a packet.
const udpHeader = 2

// maxPacket is the longest packet that UDP over IPv4 carries.
const maxPacket = 65_507

// maxValidUDP is the longest datagram that Panda3D receives over UDP.
const maxValidUDP = 1500

// OpenUDPConnection opens a UDP socket that receives on a port of all interfaces, on
// IPv6 and IPv4 if the system has both, and sends from it; port 0 is the system's
// choice. It may send to broadcast addresses. It fails with the error of the system,
// such as EADDRINUSE, and in a browser and under WASI with errors.ErrUnsupported. It is
// Panda3D's open_UDP_connection.
//
// The system drops packets that arrive while the receive buffer of the socket is full,
// as in a burst that is faster than the library reads. On Linux UDPDrops counts them.
// The buffer is 2 MiB, or as much as the system allows; on Linux that is twice
// net.core.rmem_max, 416 KiB unless somebody has raised it, which is enough for some
// hundred packets. SetRecvBufferSize changes it.
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

// OpenUDPConnectionAt opens a UDP socket on exactly this address; [::] is for both
// versions of IP. With IPv4Only an IPv6 address is a *net.AddrError. The rest is as
// with OpenUDPConnection, whose counterpart in Panda3D takes the name of a host too.
//
// With a multicast address it joins that group, as OpenUDPMulticast does: on the
// interface that the address has as its zone (IPv6 only), otherwise on the default one
// of the system. If the system has none, as Linux on a LAN without a router, it takes
// one that is up: a LAN before the loopback interface. What is sent to any group leaves
// there, too.
func (m *QueuedConnectionManager) OpenUDPConnectionAt(address NetAddress) (*Connection, error) {
	if address.IsMulticast() {
		return m.openGroup(address, func(fd uintptr) (int, error) { return joinAnywhere(fd, address) })
	}
	network, err := m.config.networkOf("udp", address)
	if err != nil {
		return nil, err
	}
	return m.openUDP(network, address.String())
}

func (m *QueuedConnectionManager) openUDP(network, address string) (*Connection, error) {
	socket, err := m.listenUDP(network, address)
	if err != nil {
		return nil, err
	}
	return m.newPackets(socket, 0)
}

// listenUDP opens a socket. It calls the program's Control last, so that the program
// decides on every option.
func (m *QueuedConnectionManager) listenUDP(network, address string) (net.PacketConn, error) {
	if err := m.mayOpenSocket(); err != nil {
		return nil, err
	}
	config := m.config.listenConfig()
	config.Control = func(network, address string, raw syscall.RawConn) error {
		_ = raw.Control(func(fd uintptr) {
			sockopt.GrowReceiveBuffer(fd, udpReceiveBuffer)
			sockopt.ReceiveJoinedOnly(fd)
		})
		if m.config.Control == nil {
			return nil
		}
		return m.config.Control(network, address, raw)
	}
	return config.ListenPacket(context.Background(), network, address)
}

// AdoptUDPConnection makes a UDP connection of a packet socket that the program has
// opened, such as one that has joined several groups. The manager owns the socket from
// then on; if AdoptUDPConnection fails it closes the socket. The deadlines of the
// socket must work, and Close must end a ReadFrom that waits. A *net.UDPConn may be a
// connected one, from net.Dial; what is sent to another address then counts as Unsent
// in UDPDrops. An error of ReadFrom passes, except io.EOF and net.ErrClosed, which end
// the connection.
//
// LocalAddress of datagrams and SendFrom work as on a connection that the library has
// opened if the socket is a *net.UDPConn on all interfaces. They also work if it has
// both of these methods, which the library then calls instead of ReadFrom, and of
// WriteTo if the local address is known:
//
//	ReadFromTo(b []byte) (n int, from, to net.Addr, err error)
//	WriteFromTo(b []byte, from, to net.Addr) (n int, err error)
//
// Panda3D has no counterpart.
func (m *QueuedConnectionManager) AdoptUDPConnection(socket net.PacketConn) (*Connection, error) {
	if socket == nil {
		return nil, ErrWrongKind
	}
	if err := m.mayOpen(); err != nil {
		release(socket, func() { socket.Close() })
		return nil, err
	}
	_ = socket.SetReadDeadline(time.Time{}) // one that the program has left
	return m.newPackets(socket, 0)
}

// udpSum is Panda3D's sum of a datagram: of its bytes, modulo 65,536. It finds few
// errors that UDP's own checksum misses.
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

// UDPDrops counts, by reason, the packets that a UDP connection did not deliver.
type UDPDrops struct {
	Full   uint64 // received while MaxReceiveQueue bytes were queued
	Broken uint64 // received with a wrong sum, or too short to have one
	Unsent uint64 // sent, and refused by the system (no route, too long, unreachable …) or not out by the close

	// Overrun is how many packets the system dropped because its receive buffer was
	// full: see OpenUDPConnection. Only Linux tells; elsewhere, and for an adopted
	// socket that is not the system's, it is 0.
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

// overruns continues the system's count, which has 32 bits and ends with the socket.
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
