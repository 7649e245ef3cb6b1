//go:build unix || windows

package queuednet

import "syscall"

// What both families of systems call the options.
var (
	optionRecvBuffer     = socketOption{syscall.SOL_SOCKET, syscall.SO_RCVBUF, true}
	optionSendBuffer     = socketOption{syscall.SOL_SOCKET, syscall.SO_SNDBUF, true}
	optionReuseAddr      = socketOption{syscall.SOL_SOCKET, syscall.SO_REUSEADDR, true}
	optionTTL            = socketOption{syscall.IPPROTO_IP, syscall.IP_TTL, true}
	optionTTL6           = socketOption{syscall.IPPROTO_IPV6, syscall.IPV6_UNICAST_HOPS, true}
	optionTOS            = socketOption{syscall.IPPROTO_IP, syscall.IP_TOS, true}
	optionMulticastLoop  = socketOption{syscall.IPPROTO_IP, syscall.IP_MULTICAST_LOOP, true}
	optionMulticastLoop6 = socketOption{syscall.IPPROTO_IPV6, syscall.IPV6_MULTICAST_LOOP, true}
)
