//go:build unix || windows

package sockopt

import (
	"net/netip"
	"os"
	"runtime"
	"syscall"
)

// JoinGroup makes a socket receive what is sent to a multicast group, on an interface,
// and send to groups there.
func JoinGroup(fd uintptr, group netip.Addr, on GroupInterface) error {
	if group.Is6() {
		return os.NewSyscallError("setsockopt", joinGroup6(descriptor(fd), group, on.Index))
	}
	return os.NewSyscallError("setsockopt", joinGroup4(descriptor(fd), group, on.IP))
}

func joinGroup4(fd descriptor, group netip.Addr, ip [4]byte) error {
	if ip != [4]byte{} {
		if err := syscall.SetsockoptInet4Addr(fd, syscall.IPPROTO_IP, syscall.IP_MULTICAST_IF, ip); err != nil {
			return err
		}
	}
	return syscall.SetsockoptIPMreq(fd, syscall.IPPROTO_IP, syscall.IP_ADD_MEMBERSHIP,
		&syscall.IPMreq{Multiaddr: group.As4(), Interface: ip})
}

func joinGroup6(fd descriptor, group netip.Addr, index int) error {
	if index != 0 {
		if err := syscall.SetsockoptInt(fd, syscall.IPPROTO_IPV6, syscall.IPV6_MULTICAST_IF, index); err != nil {
			return err
		}
	}
	return syscall.SetsockoptIPv6Mreq(fd, syscall.IPPROTO_IPV6, syscall.IPV6_JOIN_GROUP,
		&syscall.IPv6Mreq{Multiaddr: group.As16(), Interface: uint32(index)})
}

// ReceiveJoinedOnly keeps from a socket what is sent to groups that other sockets
// of the machine have joined, or have joined on other interfaces. Only Linux gives
// it to every socket on the port.
func ReceiveJoinedOnly(fd uintptr) {
	if runtime.GOOS != "linux" && runtime.GOOS != "android" {
		return
	}
	const multicastAll, multicastAll6 = 49, 29 // IP_MULTICAST_ALL, IPV6_MULTICAST_ALL
	_ = set(fd, Option{syscall.IPPROTO_IP, multicastAll, true}, 0)
	_ = set(fd, Option{syscall.IPPROTO_IPV6, multicastAll6, true}, 0)
}
