//go:build !unix && !js

package websocket

import "syscall"

// unread is not known here.
func unread(syscall.RawConn) bool { return false }
