package sockopt

import (
	"errors"
	"net"
	"os"
	"syscall"
)

var (
	TOS6       Option // Windows has it for received packets only
	MaxSegment Option // Windows lets it be read only
)

// A descriptor is what the system calls a socket by.
type descriptor = syscall.Handle

func set(fd uintptr, option Option, value int) error {
	return os.NewSyscallError("setsockopt", syscall.SetsockoptInt(syscall.Handle(fd), option.level, option.number, value))
}

// SetBacklog leaves the system's own bound in force.
func SetBacklog(net.Listener, int) {}

// Unblock does nothing: package net has no use for whether a socket blocks.
func Unblock(syscall.Conn) {}

// receiveBufferSize returns the size of a socket's buffer for what arrives.
func receiveBufferSize(fd uintptr) int {
	size, _ := syscall.GetsockoptInt(syscall.Handle(fd), RecvBuffer.level, RecvBuffer.number)
	return size
}

// Duplicate fails: another process gets a socket in other ways here.
func Duplicate(syscall.Conn, string) (*os.File, error) { return nil, errors.ErrUnsupported }
