package queuednettest

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/queuednet/queuednet/simulate"
)

const (
	longestPacket = 65_507 // of UDP over IPv4

	// A packet socket holds so many bytes that have not been read, and counts each
	// packet as so many more; what comes then is dropped.
	packetRoom = 256 << 10
	packetCost = 128
)

// PacketConns returns n packet sockets in memory, for AdoptUDPConnection, that
// reach each other by their addresses and are closed with the test. The first
// is at 127.0.0.1:4000, the others at 127.0.0.1 from port 49152 on.
//
// They behave as UDP does: a packet to an address without a socket is lost, and
// so is a packet for a socket that has 256 KiB unread, where each packet counts
// 128 bytes more; writing never waits. What arrives goes through the network,
// which alone makes packets late, lost, doubled or out of order; with a nil
// network it arrives at once.
func PacketConns(t testing.TB, n int, network *simulate.Network) []net.PacketConn {
	t.Helper()
	if n < 1 || n > 65536-clientPort {
		t.Fatalf("queuednettest: there cannot be %d packet sockets", n)
	}
	air := &air{sockets: make(map[netip.AddrPort]*packetConn)}
	sockets := make([]net.PacketConn, n)
	for i := range sockets {
		port := serverPort
		if i > 0 {
			port = clientPort + i - 1
		}
		sockets[i] = air.open(netip.AddrPortFrom(loopback, uint16(port)))
		if network != nil {
			sockets[i] = network.PacketConn(sockets[i])
		}
		t.Cleanup(func() { sockets[i].Close() })
	}
	return sockets
}

// UDPPair returns two ends with a UDP socket each, in memory, which is in their
// Conn and in their Reader. Whoever sends needs the other one's address:
//
//	server, client := queuednettest.UDPPair(t, nil)
//	err := client.Writer.SendTo(datagram, client.Conn, server.Conn.LocalAddress())
//
// For more than two there is PacketConns.
func UDPPair(t testing.TB, options *Options) (server, client *End) {
	t.Helper()
	if options == nil {
		options = new(Options)
	}
	server, client = NewEnd(t, options.Server), NewEnd(t, options.Client)
	sockets := PacketConns(t, 2, options.Network)
	for i, end := range []*End{server, client} {
		conn, err := end.Manager.AdoptUDPConnection(sockets[i])
		if err == nil {
			err = end.Reader.AddConnection(conn)
		}
		if err != nil {
			t.Fatal("queuednettest: AdoptUDPConnection: ", err)
		}
		end.Conn = conn
	}
	return server, client
}

// The air is what packets go through: the sockets by their addresses.
type air struct {
	mu      sync.Mutex // of what follows; no other lock is taken with it held
	sockets map[netip.AddrPort]*packetConn
}

func (a *air) open(address netip.AddrPort) *packetConn {
	p := &packetConn{air: a, address: address}
	p.changed.L = &p.mu
	a.sockets[address] = p
	return p
}

func (a *air) at(address netip.AddrPort) *packetConn {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sockets[address]
}

func (a *air) remove(address netip.AddrPort) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.sockets, address)
}

// A packetConn is a packet socket in memory. It has no goroutine: who waits is in
// ReadFrom, on changed.
type packetConn struct {
	air     *air
	address netip.AddrPort

	mu              sync.Mutex
	changed         sync.Cond
	waiting         []packet
	held            int // bytes of those, and packetCost for each
	closed          bool
	readBy, writeBy deadline
}

type packet struct {
	data []byte
	from netip.AddrPort
}

// LocalAddr returns the address of the socket.
func (p *packetConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(p.address) }

// ReadFrom waits for a packet, or the deadline. What does not fit is cut off.
func (p *packetConn) ReadFrom(b []byte) (int, net.Addr, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case p.closed:
			return 0, nil, p.opError("read", net.ErrClosed)
		case p.readBy.passed():
			return 0, nil, p.opError("read", os.ErrDeadlineExceeded)
		case len(p.waiting) > 0:
			first := p.waiting[0]
			p.waiting = p.waiting[1:]
			p.held -= len(first.data) + packetCost
			return copy(b, first.data), net.UDPAddrFromAddrPort(first.from), nil
		}
		p.changed.Wait()
	}
}

// WriteTo sends a packet. It does not wait.
func (p *packetConn) WriteTo(b []byte, to net.Addr) (int, error) {
	if err := p.mayWrite(len(b)); err != nil {
		return 0, p.opError("write", err)
	}
	address, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, p.opError("write", &net.AddrError{Err: "not an address of UDP", Addr: fmt.Sprint(to)})
	}
	addrPort := address.AddrPort()
	if receiver := p.air.at(netip.AddrPortFrom(addrPort.Addr().Unmap(), addrPort.Port())); receiver != nil {
		receiver.arrive(packet{append([]byte(nil), b...), p.address})
	}
	return len(b), nil
}

func (p *packetConn) mayWrite(size int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return net.ErrClosed
	case p.writeBy.passed():
		return os.ErrDeadlineExceeded
	case size > longestPacket:
		return os.NewSyscallError("sendto", syscall.EMSGSIZE)
	}
	return nil
}

// arrive queues a packet, if there is room.
func (p *packetConn) arrive(arrived packet) {
	p.mu.Lock()
	defer p.mu.Unlock()
	cost := len(arrived.data) + packetCost
	if p.closed || p.held+cost > packetRoom {
		return
	}
	p.held += cost
	p.waiting = append(p.waiting, arrived)
	p.changed.Signal()
}

// Close ends a ReadFrom that waits, and drops what has not been read.
func (p *packetConn) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return p.opError("close", net.ErrClosed)
	}
	p.closed, p.waiting = true, nil
	p.readBy.stop()
	p.writeBy.stop()
	p.changed.Broadcast()
	p.mu.Unlock()
	p.air.remove(p.address)
	return nil
}

// SetDeadline sets both deadlines.
func (p *packetConn) SetDeadline(t time.Time) error { return p.setDeadlines(t, &p.readBy, &p.writeBy) }

// SetReadDeadline sets when ReadFrom fails with os.ErrDeadlineExceeded.
func (p *packetConn) SetReadDeadline(t time.Time) error { return p.setDeadlines(t, &p.readBy) }

// SetWriteDeadline sets when WriteTo does.
func (p *packetConn) SetWriteDeadline(t time.Time) error { return p.setDeadlines(t, &p.writeBy) }

func (p *packetConn) setDeadlines(t time.Time, deadlines ...*deadline) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return p.opError("set", net.ErrClosed)
	}
	for _, d := range deadlines {
		d.set(t, &p.changed)
	}
	return nil
}

// opError words an error as package net does.
func (p *packetConn) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: "udp", Source: p.LocalAddr(), Err: err}
}
