package queuednet

import (
	"net"
	"os"
	"syscall"
)

var (
	optionRecvBuffer = socketOption{syscall.SOL_SOCKET, syscall.SO_RCVBUF, true}
	optionSendBuffer = socketOption{syscall.SOL_SOCKET, syscall.SO_SNDBUF, true}
	optionReuseAddr  = socketOption{syscall.SOL_SOCKET, syscall.SO_REUSEADDR, true}
	optionTTL        = socketOption{syscall.IPPROTO_IP, syscall.IP_TTL, true}
	optionTTL6       = socketOption{syscall.IPPROTO_IPV6, syscall.IPV6_UNICAST_HOPS, true}
	optionTOS        = socketOption{syscall.IPPROTO_IP, syscall.IP_TOS, true}
	optionTOS6       = socketOption{} // Windows has it for received packets only
	optionMaxSegment = socketOption{} // Windows lets it be read only
)

func setSocketOption(fd uintptr, option socketOption, value int) error {
	return os.NewSyscallError("setsockopt", syscall.SetsockoptInt(syscall.Handle(fd), option.level, option.number, value))
}

// setBacklog leaves the system's own bound in force.
func setBacklog(net.Listener, int) {}
