//go:build !linux

package sockopt

import (
	"errors"
	"net/netip"
	"syscall"
	"time"
)

// What only Linux has.

const HasAckTimeout = false

type StreamOptions struct{}

func StreamOptionsOf(uintptr) StreamOptions { return StreamOptions{} }

func (StreamOptions) Set(uintptr, StreamOptions) {}

func SetAckTimeout(syscall.Conn, time.Duration) {}

func Unacknowledged(syscall.Conn) (busy, shut, repeating bool) { return false, false, false }

func RoundTrip(syscall.Conn) (smoothed, variation time.Duration, err error) {
	return 0, 0, errors.ErrUnsupported
}

func UnacknowledgedBytes(syscall.Conn) (int, error) { return 0, errors.ErrUnsupported }

func Drops(syscall.RawConn) (uint32, bool) { return 0, false }

// grantedReceiveBuffer returns the size of the buffer that a system makes that is
// asked for this one.
func grantedReceiveBuffer(size int) int { return size }

const LocalSpace = 0

func AskLocal(syscall.RawConn) bool { return false }

func LocalOf([]byte) (local netip.Addr, on int) { return netip.Addr{}, 0 }

func BesideLocal([]byte, netip.Addr) []byte { return nil }
