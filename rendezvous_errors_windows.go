package queuednet

import (
	"errors"
	"syscall"
)

// isNoListener reports whether err tells that a handle is not that of a
// listening socket. The numbers are those of Windows and Winsock, which package
// syscall does not name: ERROR_INVALID_HANDLE, WSAEBADF, WSAEINVAL, WSAENOTSOCK.
func isNoListener(err error) bool {
	var number syscall.Errno
	if !errors.As(err, &number) {
		return false
	}
	switch number {
	case 6, 10009, 10022, 10038:
		return true
	}
	return false
}
