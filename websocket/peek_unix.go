//go:build unix

package websocket

import "syscall"

// unread reports whether the system has bytes of a socket that nobody has read, or its
// end. It does not wait.
func unread(raw syscall.RawConn) (some bool) {
	raw.Control(func(fd uintptr) {
		_, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK)
		some = err != syscall.EAGAIN && err != syscall.EINTR
	})
	return some
}
