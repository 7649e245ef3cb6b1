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
