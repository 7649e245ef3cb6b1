//go:build !windows

package queuednet

import (
	"errors"
	"syscall"
)

// isNoListener reports whether err tells that a descriptor is not that of a
// listening socket.
func isNoListener(err error) bool {
	return errors.Is(err, syscall.EBADF) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSOCK)
}
