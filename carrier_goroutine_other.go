//go:build !unix

package queuednet

import (
	"net"
	"syscall"
)

// Elsewhere all sockets are read and written by their methods.

func rawConnOf(net.Conn) syscall.RawConn { return nil }

type (
	rawRead  struct{ reset bool }
	rawWrite struct{}
)

func (g *goroutineCarrier) fillRaw(bool) error { return nil }

func (g *goroutineCarrier) tryWrite([]byte) (int, error) { return 0, nil }

func isBrokenPipe(error) bool { return false }
