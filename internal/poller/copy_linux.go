package poller

import (
	"os"
	"syscall"
)

// Copy returns a copy of a socket's descriptor, which Go's runtime does not know.
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
