//go:build !linux

package poller

import (
	"errors"
	"syscall"
)

// New fails: other systems have no poller yet.
func New() (Poller, error) { return nil, errors.ErrUnsupported }

// Copy fails: there is no Poller for the descriptor.
func Copy(syscall.Conn) (fd int, err error) { return -1, errors.ErrUnsupported }
