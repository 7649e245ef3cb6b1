//go:build !windows

package sockopt

import (
	"errors"
	"syscall"
)

// IsNoAnswer reports whether err tells that the peer of a stream is not there
// any more.
func IsNoAnswer(err error) bool {
	return errors.Is(err, syscall.ETIMEDOUT) || errors.Is(err, syscall.EHOSTUNREACH) ||
		errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, errHostDown)
}

// IsReset reports whether err tells that a stream was broken off: by the peer's
// system, or by one on the way.
func IsReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ECONNABORTED) || errors.Is(err, syscall.EPIPE)
}

// IsNoListener reports whether err tells that a descriptor is not that of a
// listening socket.
func IsNoListener(err error) bool {
	return errors.Is(err, syscall.EBADF) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSOCK)
}
