//go:build !linux

package queuednet

import "syscall"

func systemDrops(syscall.RawConn) (uint32, bool) { return 0, false }
