package simulate

import (
	"net"
	"net/netip"

	"github.com/queuednet/queuednet/internal/sockopt"
)

// localSocket is a packet socket that knows the local address of each packet, as
// queuednet asks for it: see its AdoptUDPConnection.
type localSocket interface {
	ReadFromTo(b []byte) (n int, from, to net.Addr, err error)
	WriteFromTo(b []byte, from, to net.Addr) (n int, err error)
}

// A localPacketConn is a packetConn over one.
type localPacketConn struct {
	*packetConn
	socket localSocket
}

func (p *localPacketConn) ReadFromTo(b []byte) (n int, from, to net.Addr, err error) {
	return p.take(b)
}

func (p *localPacketConn) WriteFromTo(b []byte, from, to net.Addr) (int, error) {
	return p.socket.WriteFromTo(b, from, to)
}

// localsOf returns the socket as one that knows local addresses, nil if it does not: a
// *net.UDPConn does if it is on all interfaces, so that they differ, and the system tells.
func localsOf(socket net.PacketConn) localSocket {
	if local, ok := socket.(localSocket); ok {
		return local
	}
	udp, ok := socket.(*net.UDPConn)
	if !ok {
		return nil
	}
	address, ok := udp.LocalAddr().(*net.UDPAddr)
	if !ok || address.IP != nil && !address.IP.IsUnspecified() || udp.RemoteAddr() != nil {
		return nil
	}
	raw, err := udp.SyscallConn()
	if err != nil || !sockopt.AskLocal(raw) {
		return nil
	}
	return &udpSocket{udp, address.Port, make([]byte, sockopt.LocalSpace)}
}

// A udpSocket asks the system for local addresses.
type udpSocket struct {
	udp    *net.UDPConn
	port   int
	beside []byte // of the pump
}

func (u *udpSocket) ReadFromTo(b []byte) (n int, from, to net.Addr, err error) {
	n, beside, _, addr, err := u.udp.ReadMsgUDPAddrPort(b, u.beside)
	if err != nil {
		return n, nil, nil, err
	}
	if local, _ := sockopt.LocalOf(u.beside[:beside]); local.IsValid() {
		to = net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, uint16(u.port)))
	}
	return n, net.UDPAddrFromAddrPort(addr), to, nil
}

func (u *udpSocket) WriteFromTo(b []byte, from, to net.Addr) (n int, err error) {
	local, isUDP := from.(*net.UDPAddr)
	target, alsoUDP := to.(*net.UDPAddr)
	if !isUDP || !alsoUDP {
		return u.udp.WriteTo(b, to) // which says what is wrong
	}
	beside := sockopt.BesideLocal(make([]byte, sockopt.LocalSpace), local.AddrPort().Addr().Unmap())
	n, _, err = u.udp.WriteMsgUDPAddrPort(b, beside, target.AddrPort())
	return n, err
}
