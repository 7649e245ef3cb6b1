//go:build !linux

package queuednet

import "syscall"

func systemDrops(syscall.RawConn) (uint32, bool) { return 0, false }

// grantedReceiveBuffer returns the size of the buffer that a system makes that is
// asked for this one.
func grantedReceiveBuffer(size int) int { return size }
