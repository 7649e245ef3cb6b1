//go:build !linux

package queuednet

import (
	"errors"
	"net"
	"time"
)

const hasAckTimeout = false

func setAckTimeout(*net.TCPConn, time.Duration) {}

func unacknowledged(*net.TCPConn) (busy, shut, repeating bool) { return false, false, false }

func roundTrip(*net.TCPConn) (smoothed, variation time.Duration, err error) {
	return 0, 0, errors.ErrUnsupported
}
