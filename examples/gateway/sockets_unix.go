//go:build unix

package main

import (
	"net"
	"os"
	"syscall"
)

// share returns a file of a listening socket for another process. That of
// TCPListener.File makes the socket a blocking one, for both processes, when os/exec
// asks for its descriptor.
func share(l *net.TCPListener) (file *os.File, err error) {
	raw, err := l.SyscallConn()
	if err != nil {
		return nil, err
	}
	controlErr := raw.Control(func(descriptor uintptr) {
		syscall.ForkLock.RLock() // nobody else's child gets it
		defer syscall.ForkLock.RUnlock()
		var copied int
		if copied, err = syscall.Dup(int(descriptor)); err == nil {
			syscall.CloseOnExec(copied)
			file = os.NewFile(uintptr(copied), "listener")
		}
	})
	if controlErr != nil {
		return nil, controlErr
	}
	return file, err
}
