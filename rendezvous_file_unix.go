//go:build unix

package queuednet

import (
	"os"
	"syscall"
)

// duplicate returns a file of the same socket. That of package net's File would
// make the socket a blocking one when its Fd is asked for, as os/exec does to
// hand it to a child: Accept of this process could not be woken any more.
func duplicate(socket syscall.Conn, name string) (file *os.File, err error) {
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, err
	}
	controlErr := raw.Control(func(fd uintptr) {
		syscall.ForkLock.RLock()
		defer syscall.ForkLock.RUnlock()
		var copied int
		if copied, err = syscall.Dup(int(fd)); err != nil {
			err = os.NewSyscallError("dup", err)
			return
		}
		syscall.CloseOnExec(copied)
		file = os.NewFile(uintptr(copied), name)
	})
	if controlErr != nil {
		return nil, controlErr
	}
	return file, err
}
