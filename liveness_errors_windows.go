package queuednet

import (
	"errors"
	"syscall"
)

// isNoAnswer reports whether err tells that the peer of a stream is not there
// any more. The numbers are those of Winsock, which package syscall does not name:
// WSAENETUNREACH, WSAENETRESET (of keep-alive), WSAETIMEDOUT, WSAEHOSTUNREACH.
func isNoAnswer(err error) bool {
	var number syscall.Errno
	if !errors.As(err, &number) {
		return false
	}
	switch number {
	case 10051, 10052, 10060, 10065:
		return true
	}
	return false
}

// isReset reports whether err tells that a stream was broken off: by the peer's
// system, or by one on the way. The numbers are WSAECONNABORTED, WSAECONNRESET and
// WSAESHUTDOWN.
func isReset(err error) bool {
	var number syscall.Errno
	if !errors.As(err, &number) {
		return false
	}
	switch number {
	case 10053, 10054, 10058:
		return true
	}
	return false
}
