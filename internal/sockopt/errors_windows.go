package sockopt

import (
	"errors"
	"slices"
	"syscall"
)

// The numbers are those of Windows and Winsock, most of which package syscall does
// not name.

// IsNoAnswer reports whether err tells that the peer of a stream is not there
// any more: WSAENETUNREACH, WSAENETRESET (of keep-alive), WSAETIMEDOUT,
// WSAEHOSTUNREACH.
func IsNoAnswer(err error) bool { return isOneOf(err, 10051, 10052, 10060, 10065) }

// IsReset reports whether err tells that a stream was broken off, by the peer's
// system, or by one on the way: WSAECONNABORTED, WSAECONNRESET, WSAESHUTDOWN.
func IsReset(err error) bool { return isOneOf(err, 10053, 10054, 10058) }

// IsNoListener reports whether err tells that a handle is not that of a
// listening socket: ERROR_INVALID_HANDLE, WSAEBADF, WSAEINVAL, WSAENOTSOCK.
func IsNoListener(err error) bool { return isOneOf(err, 6, 10009, 10022, 10038) }

func isOneOf(err error, numbers ...syscall.Errno) bool {
	var number syscall.Errno
	return errors.As(err, &number) && slices.Contains(numbers, number)
}
