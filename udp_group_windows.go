package queuednet

import (
	"net/netip"
	"os"
	"syscall"
)

// joinGroup makes a socket receive what is sent to a multicast group, on the
// interface with this index, and send to groups there. 0 is the system's choice;
// IPv4 has no other here.
func joinGroup(fd uintptr, group netip.Addr, index int) error {
	if group.Is4() {
		return os.NewSyscallError("setsockopt", syscall.SetsockoptIPMreq(syscall.Handle(fd), syscall.IPPROTO_IP,
			syscall.IP_ADD_MEMBERSHIP, &syscall.IPMreq{Multiaddr: group.As4()}))
	}
	if index != 0 {
		if err := syscall.SetsockoptInt(syscall.Handle(fd), syscall.IPPROTO_IPV6, syscall.IPV6_MULTICAST_IF, index); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	return os.NewSyscallError("setsockopt", syscall.SetsockoptIPv6Mreq(syscall.Handle(fd), syscall.IPPROTO_IPV6,
		syscall.IPV6_JOIN_GROUP, &syscall.IPv6Mreq{Multiaddr: group.As16(), Interface: uint32(index)}))
}
