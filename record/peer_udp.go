package record

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/queuednet/queuednet"
)

// A udpPeer is a recorded UDP socket: the one that the library has, and all those
// that had sent to it. What the program sends goes nowhere.
type udpPeer struct {
	address net.Addr
	opened  chan struct{}         // closed when conn is set
	conn    *queuednet.Connection // of the program

	packets chan udpPacket
	fed     int64        // packets that were handed to a read, of the replay alone
	reads   atomic.Int64 // reads that have begun: what the one before gave is queued
	asked   chan struct{}

	over   chan struct{} // closed when nothing more comes
	closed chan struct{}
	close  sync.Once
}

// A udpPacket is what a read gives.
type udpPacket struct {
	b        []byte
	from, to net.Addr
}

func newUDPPeer(address queuednet.NetAddress) *udpPeer {
	return &udpPeer{
		address: udpAddr(address),
		opened:  make(chan struct{}),
		packets: make(chan udpPacket),
		asked:   make(chan struct{}, 1),
		over:    make(chan struct{}),
		closed:  make(chan struct{}),
	}
}

func udpAddr(address queuednet.NetAddress) net.Addr {
	return net.UDPAddrFromAddrPort(address.AddrPort())
}

// ReadFromTo is called again when the packet that the last call gave is queued.
func (p *udpPeer) ReadFromTo(b []byte) (n int, from, to net.Addr, err error) {
	p.reads.Add(1)
	signal(p.asked)
	select {
	case packet := <-p.packets:
		return copy(b, packet.b), packet.from, packet.to, nil
	case <-p.over:
		return 0, nil, nil, io.EOF
	case <-p.closed:
		return 0, nil, nil, net.ErrClosed
	}
}

func (p *udpPeer) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, _, err := p.ReadFromTo(b)
	return n, from, err
}

func (p *udpPeer) WriteTo(b []byte, _ net.Addr) (int, error)        { return len(b), nil }
func (p *udpPeer) WriteFromTo(b []byte, _, _ net.Addr) (int, error) { return len(b), nil }
func (p *udpPeer) LocalAddr() net.Addr                              { return p.address }
func (p *udpPeer) SetWriteDeadline(time.Time) error                 { return nil } // no write waits

// SetReadDeadline is what ends a read; where it fails the library closes the socket,
// which does too.
func (p *udpPeer) SetReadDeadline(time.Time) error { return errors.ErrUnsupported }
func (p *udpPeer) SetDeadline(time.Time) error     { return errors.ErrUnsupported }

func (p *udpPeer) Close() error {
	p.close.Do(func() { close(p.closed) })
	return nil
}

// feed makes the library receive a packet, and waits until it is in the reader's
// queue, which may be never if the program does not add the connection to a reader.
// A program that has closed the connection gets nothing more.
func (p *udpPeer) feed(e *entrance, b []byte, from, local queuednet.NetAddress) error {
	packet := udpPacket{b: b, from: udpAddr(from)}
	if local != (queuednet.NetAddress{}) {
		packet.to = udpAddr(local)
	}
	select {
	case p.packets <- packet:
		p.fed++
	case <-p.closed:
		return nil
	case <-e.ctx.Done():
		return net.ErrClosed
	}
	return e.waitUntil(func() bool { return p.reads.Load() > p.fed }, p.asked, p.closed)
}

// leave ends the socket, and waits until the library has noticed.
func (p *udpPeer) leave(e *entrance) error {
	close(p.over)
	return e.wait(p.closed, nil)
}

// appendPacket appends a datagram as it is sent over UDP.
func appendPacket(b []byte, raw bool, payload []byte) ([]byte, error) {
	most := 65_507
	if !raw {
		most -= 2
	}
	if len(payload) > most {
		return b, &queuednet.DatagramTooLongError{Length: int64(len(payload)), Max: int64(most)}
	}
	if !raw {
		var sum uint16
		for _, x := range payload {
			sum += uint16(x)
		}
		b = binary.LittleEndian.AppendUint16(b, sum)
	}
	return append(b, payload...), nil
}
