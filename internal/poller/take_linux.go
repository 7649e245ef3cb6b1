package poller

import (
	"io"
	"os"
	"syscall"
)

// Take takes a socket away from Go's runtime: it returns a copy of the descriptor
// for a Poller, and closes the socket itself.
func Take[Socket interface {
	syscall.Conn
	io.Closer
}](socket Socket) (fd int, err error) {
	fd, err = Copy(socket)
	if err == nil {
		socket.Close()
	}
	return fd, err
}

// Copy returns a copy of a socket's descriptor.
func Copy(socket syscall.Conn) (fd int, err error) {
	raw, err := socket.SyscallConn()
	if err != nil {
		return -1, err
	}
	controlErr := raw.Control(func(original uintptr) {
		copied, _, errno := syscall.Syscall(syscall.SYS_FCNTL, original, syscall.F_DUPFD_CLOEXEC, 0)
		if errno != 0 {
			err = os.NewSyscallError("fcntl", errno)
		}
		fd = int(copied)
	})
	if controlErr != nil {
		err = controlErr
	}
	if err != nil {
		return -1, err
	}
	return fd, nil
}
