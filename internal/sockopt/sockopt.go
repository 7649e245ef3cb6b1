// Package sockopt has what each system calls its socket options, what it tells of a
// socket beyond package net (TCP_INFO, dropped packets, local addresses), and the
// numbers of its errors. It knows descriptors, and nothing of connections: where a
// system does not have something, that is errors.ErrUnsupported, or what the comment says.
package sockopt

import (
	"cmp"
	"errors"
	"fmt"
	"syscall"
)

// An Option is what the system calls a numeric option; the zero value stands for
// one that it does not have.
type Option struct {
	level, number int
	supported     bool
}

// Set sets an option of a socket. A value that the system would cut is EINVAL.
func Set(socket syscall.Conn, option Option, value int) error {
	switch {
	case !option.supported:
		return errors.ErrUnsupported
	case !Fits(value):
		return fmt.Errorf("%d: %w", value, syscall.EINVAL)
	}
	return Control(socket, func(fd uintptr) error { return set(fd, option, value) })
}

// Fits reports whether a value fits into the 32 bits that systems have for it.
// Package syscall would cut it.
func Fits(value int) bool { return int64(value) == int64(int32(value)) }

// Control calls f with the descriptor of a socket.
func Control(socket syscall.Conn, f func(fd uintptr) error) error {
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	controlErr := raw.Control(func(fd uintptr) { err = f(fd) })
	return cmp.Or(controlErr, err)
}

// GrowReceiveBuffer makes the system's buffer for what arrives as large as it
// allows, at most so large, and never smaller than it is. It may fail: a
// small buffer is better than none.
func GrowReceiveBuffer(fd uintptr, most int) {
	before := receiveBufferSize(fd)
	// Linux takes less where it does not allow this much; BSD refuses it.
	for size := most; size > before; size /= 2 {
		if grantedReceiveBuffer(size) <= before || set(fd, RecvBuffer, size) == nil {
			return
		}
	}
}

// A GroupInterface is an interface as a socket is told of it that joins a multicast group:
// by its number for IPv6, by an address of it for IPv4. The zero value is the system's choice.
type GroupInterface struct {
	Index int
	IP    [4]byte
}
