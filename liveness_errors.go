//go:build !windows

package queuednet

import (
	"errors"
	"syscall"
)

// isNoAnswer reports whether err tells that the peer of a stream is not there
// any more.
func isNoAnswer(err error) bool {
	return errors.Is(err, syscall.ETIMEDOUT) || errors.Is(err, syscall.EHOSTUNREACH) ||
		errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, errHostDown)
}

// isReset reports whether err tells that a stream was broken off: by the peer's
// system, or by one on the way.
func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ECONNABORTED) || errors.Is(err, syscall.EPIPE)
}
