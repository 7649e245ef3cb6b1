package queuednet

import (
	"net"
	"os"
	"syscall"
)

var (
	optionTOS6       socketOption // Windows has it for received packets only
	optionMaxSegment socketOption // Windows lets it be read only
)

// A descriptor is what the system calls a socket by.
type descriptor = syscall.Handle

func setSocketOption(fd uintptr, option socketOption, value int) error {
	return os.NewSyscallError("setsockopt", syscall.SetsockoptInt(syscall.Handle(fd), option.level, option.number, value))
}

// setBacklog leaves the system's own bound in force.
func setBacklog(net.Listener, int) {}

// receiveBufferSize returns the size of a socket's buffer for what arrives.
func receiveBufferSize(fd uintptr) int {
	size, _ := syscall.GetsockoptInt(syscall.Handle(fd), optionRecvBuffer.level, optionRecvBuffer.number)
	return size
}
