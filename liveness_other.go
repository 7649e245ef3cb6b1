//go:build !linux

package queuednet

import (
	"errors"
	"syscall"
	"time"
)

const hasAckTimeout = false

func setAckTimeout(syscall.Conn, time.Duration) {}

func unacknowledged(syscall.Conn) (busy, shut, repeating bool) { return false, false, false }

func roundTrip(syscall.Conn) (smoothed, variation time.Duration, err error) {
	return 0, 0, errors.ErrUnsupported
}

func unacknowledgedBytes(syscall.Conn) (int, error) { return 0, errors.ErrUnsupported }
