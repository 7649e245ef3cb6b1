//go:build unix || windows

package sockopt

import "syscall"

// What both families of systems call the options.
var (
	RecvBuffer     = Option{syscall.SOL_SOCKET, syscall.SO_RCVBUF, true}
	SendBuffer     = Option{syscall.SOL_SOCKET, syscall.SO_SNDBUF, true}
	ReuseAddr      = Option{syscall.SOL_SOCKET, syscall.SO_REUSEADDR, true}
	TTL            = Option{syscall.IPPROTO_IP, syscall.IP_TTL, true}
	TTL6           = Option{syscall.IPPROTO_IPV6, syscall.IPV6_UNICAST_HOPS, true}
	TOS            = Option{syscall.IPPROTO_IP, syscall.IP_TOS, true}
	MulticastLoop  = Option{syscall.IPPROTO_IP, syscall.IP_MULTICAST_LOOP, true}
	MulticastLoop6 = Option{syscall.IPPROTO_IPV6, syscall.IPV6_MULTICAST_LOOP, true}
)
