//go:build !unix

package queuednet

import (
	"errors"
	"os"
	"syscall"
)

func duplicate(syscall.Conn, string) (*os.File, error) { return nil, errors.ErrUnsupported }
