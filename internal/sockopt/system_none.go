//go:build !unix && !windows

package sockopt

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
)

// Systems without sockets of their own, such as a browser.

var RecvBuffer, SendBuffer, ReuseAddr, MaxSegment,
	TTL, TTL6, TOS, TOS6, MulticastLoop, MulticastLoop6 Option

// errHostDown is the nearest that WASI has.
const errHostDown = syscall.EHOSTUNREACH

func set(uintptr, Option, int) error { return errors.ErrUnsupported }

func receiveBufferSize(uintptr) int { return 0 }

// SetBacklog leaves the system's own bound in force.
func SetBacklog(net.Listener, int) {}

// Unblock does nothing.
func Unblock(syscall.Conn) {}

// Duplicate fails.
func Duplicate(syscall.Conn, string) (*os.File, error) { return nil, errors.ErrUnsupported }

// JoinGroup fails.
func JoinGroup(uintptr, netip.Addr, GroupInterface) error { return errors.ErrUnsupported }

// ReceiveJoinedOnly does nothing.
func ReceiveJoinedOnly(uintptr) {}
