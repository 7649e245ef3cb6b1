//go:build unix

package queuednet

import (
	"net"
	"os"
	"syscall"
)

var (
	optionTOS6       = socketOption{syscall.IPPROTO_IPV6, syscall.IPV6_TCLASS, true}
	optionMaxSegment = socketOption{syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, true}
)

// A descriptor is what the system calls a socket by.
type descriptor = int

func setSocketOption(fd uintptr, option socketOption, value int) error {
	return os.NewSyscallError("setsockopt", syscall.SetsockoptInt(int(fd), option.level, option.number, value))
}

// setBacklog tells the system how many may wait: listening again changes it.
// Where it does not the system's own bound stays, which is larger.
func setBacklog(listener net.Listener, backlog int) {
	tcp, ok := listener.(*net.TCPListener)
	if !ok {
		return
	}
	if raw, err := tcp.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { syscall.Listen(int(fd), backlog) })
	}
}

// receiveBufferSize returns the size of a socket's buffer for what arrives.
func receiveBufferSize(fd uintptr) int {
	size, _ := syscall.GetsockoptInt(int(fd), optionRecvBuffer.level, optionRecvBuffer.number)
	return size
}
