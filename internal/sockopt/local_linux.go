package sockopt

import (
	"net/netip"
	"syscall"
	"unsafe"
)

// LocalSpace is the size of what comes and goes beside a packet that tells or sets its
// local address: of a socket for both versions of IP that is a message of each.
var LocalSpace = syscall.CmsgSpace(syscall.SizeofInet4Pktinfo) + syscall.CmsgSpace(syscall.SizeofInet6Pktinfo)

// AskLocal makes the system tell the local address of each packet that a socket
// receives. It reports false where the system does not.
func AskLocal(raw syscall.RawConn) bool {
	asked := false
	_ = raw.Control(func(fd uintptr) {
		v4 := syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, syscall.IP_PKTINFO, 1)
		v6 := syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IPV6, syscall.IPV6_RECVPKTINFO, 1)
		asked = v4 == nil || v6 == nil
	})
	return asked
}

// LocalOf returns the local address in what came beside a packet: where it was
// sent to, or, for a broadcast or an IPv4 multicast, the address of the interface
// that it came in on. It is the zero Addr where there is none to answer from. For
// an IPv6 multicast on is the number of that interface, and otherwise 0.
func LocalOf(beside []byte) (local netip.Addr, on int) {
	for len(beside) >= syscall.SizeofCmsghdr {
		header := (*syscall.Cmsghdr)(unsafe.Pointer(&beside[0]))
		size := int(header.Len)
		if size < syscall.SizeofCmsghdr || size > len(beside) {
			break
		}
		data := beside[syscall.CmsgLen(0):size]
		switch {
		case header.Level == syscall.IPPROTO_IP && header.Type == syscall.IP_PKTINFO && len(data) >= syscall.SizeofInet4Pktinfo:
			// On a socket for both versions it is beside the one of IPv6, which
			// has the broadcast address.
			return netip.AddrFrom4((*syscall.Inet4Pktinfo)(unsafe.Pointer(&data[0])).Spec_dst), 0
		case header.Level == syscall.IPPROTO_IPV6 && header.Type == syscall.IPV6_PKTINFO && len(data) >= syscall.SizeofInet6Pktinfo:
			info := (*syscall.Inet6Pktinfo)(unsafe.Pointer(&data[0]))
			local, on = netip.AddrFrom16(info.Addr).Unmap(), int(info.Ifindex)
		}
		beside = beside[min(syscall.CmsgSpace(len(data)), len(beside)):]
	}
	if local.IsMulticast() {
		return netip.Addr{}, on
	}
	return local, 0
}

// BesideLocal returns what makes a packet leave from a local address, in the room
// of beside.
func BesideLocal(beside []byte, local netip.Addr) []byte {
	level, kind, size := syscall.IPPROTO_IPV6, syscall.IPV6_PKTINFO, syscall.SizeofInet6Pktinfo
	if local.Is4() {
		level, kind, size = syscall.IPPROTO_IP, syscall.IP_PKTINFO, syscall.SizeofInet4Pktinfo
	}
	beside = beside[:syscall.CmsgSpace(size)]
	clear(beside)
	header := (*syscall.Cmsghdr)(unsafe.Pointer(&beside[0]))
	header.Level, header.Type = int32(level), int32(kind)
	header.SetLen(syscall.CmsgLen(size))
	if data := unsafe.Pointer(&beside[syscall.CmsgLen(0)]); local.Is4() {
		(*syscall.Inet4Pktinfo)(data).Spec_dst = local.As4()
	} else {
		(*syscall.Inet6Pktinfo)(data).Addr = local.As16()
	}
	return beside
}
