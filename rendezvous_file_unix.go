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
	err = control(socket, func(fd uintptr) error {
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
