//go:build unix

package sockopt

import (
	"net"
	"os"
	"syscall"
)

var (
	TOS6       = Option{syscall.IPPROTO_IPV6, syscall.IPV6_TCLASS, true}
	MaxSegment = Option{syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, true}
)

const errHostDown = syscall.EHOSTDOWN

// A descriptor is what the system calls a socket by.
type descriptor = int

func set(fd uintptr, option Option, value int) error {
	return os.NewSyscallError("setsockopt", syscall.SetsockoptInt(int(fd), option.level, option.number, value))
}

// SetBacklog tells the system how many may wait: listening again changes it.
// Where it does not the system's own bound stays, which is larger.
func SetBacklog(listener net.Listener, backlog int) {
	tcp, ok := listener.(*net.TCPListener)
	if !ok {
		return
	}
	if raw, err := tcp.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { syscall.Listen(int(fd), backlog) })
	}
}

// Unblock makes a socket one again that does not block. Whoever shares it may have made
// it one that does, as Fd of an *os.File does.
func Unblock(socket syscall.Conn) {
	_ = Control(socket, func(fd uintptr) error { return syscall.SetNonblock(int(fd), true) })
}

// receiveBufferSize returns the size of a socket's buffer for what arrives.
func receiveBufferSize(fd uintptr) int {
	size, _ := syscall.GetsockoptInt(int(fd), RecvBuffer.level, RecvBuffer.number)
	return size
}

// Duplicate returns a file of the same socket. That of package net's File would
// make the socket a blocking one when its Fd is asked for, as os/exec does to
// hand it to a child: Accept of this process could not be woken any more.
func Duplicate(socket syscall.Conn, name string) (file *os.File, err error) {
	err = Control(socket, func(fd uintptr) error {
		syscall.ForkLock.RLock()
		defer syscall.ForkLock.RUnlock()
		copied, err := syscall.Dup(int(fd))
		if err != nil {
			return os.NewSyscallError("dup", err)
		}
		syscall.CloseOnExec(copied)
		file = os.NewFile(uintptr(copied), name)
		return nil
	})
	return file, err
}
