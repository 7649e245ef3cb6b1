//go:build !linux

package poller

import (
	"errors"
	"syscall"
)

// Copy fails: there is no Poller for the descriptor.
func Copy(syscall.Conn) (fd int, err error) { return -1, errors.ErrUnsupported }
