//go:build !linux

package queuednet

import (
	"errors"
	"net"
	"time"
)

func setAckTimeout(*net.TCPConn, time.Duration) {}

func roundTrip(*net.TCPConn) (smoothed, variation time.Duration, err error) {
	return 0, 0, errors.ErrUnsupported
}
