//go:build unix || windows

package queuednet

import "syscall"

var (
	optionMulticastLoop  = socketOption{syscall.IPPROTO_IP, syscall.IP_MULTICAST_LOOP, true}
	optionMulticastLoop6 = socketOption{syscall.IPPROTO_IPV6, syscall.IPV6_MULTICAST_LOOP, true}
)
