//go:build unix

package poller

import (
	"io"
	"syscall"
)

// Tries says that TryRead and TryWrite work here on a socket of package net.
const Tries = true

// ErrAgain says that a read or write would have to wait.
var ErrAgain error = syscall.EAGAIN

// TryRead reads from a descriptor once. It does not wait if that does not block.
func TryRead(fd uintptr, b []byte) (int, error) {
	for {
		n, err := syscall.Read(int(fd), b)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// TryWrite writes to a descriptor once. It does not wait if that does not block.
func TryWrite(fd uintptr, b []byte) (int, error) {
	for {
		n, err := syscall.Write(int(fd), b)
		if err != syscall.EINTR {
			return max(n, 0), err
		}
	}
}

// Connected reports whether a socket still has a peer, though that may have
// ended its stream: it has none after a reset.
func Connected(fd uintptr) bool {
	_, err := syscall.Getpeername(int(fd))
	return err == nil
}
