//go:build !unix

package main

import (
	"errors"
	"net"
	"os"
)

// share fails: there is no handing over of sockets here.
func share(*net.TCPListener) (*os.File, error) { return nil, errors.ErrUnsupported }
