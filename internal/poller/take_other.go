//go:build !linux

package poller

import (
	"errors"
	"io"
	"syscall"
)

// Take fails: there is no Poller for the socket.
func Take[Socket interface {
	syscall.Conn
	io.Closer
}](Socket) (fd int, err error) {
	return -1, errors.ErrUnsupported
}

// Copy fails too.
func Copy(syscall.Conn) (fd int, err error) { return -1, errors.ErrUnsupported }
