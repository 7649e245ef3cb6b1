//go:build !unix

package queuednet

import (
	"net"
	"syscall"
)

// Elsewhere every socket is read and written as one that was adopted.

type rawRead struct {
	full bool // see fillPlain
}

func (*rawRead) dead() bool { return false }

type rawWrite struct{}

func isBrokenPipe(error) bool { return false }

func rawConnOf(net.Conn) syscall.RawConn { return nil }

func (c *Connection) fill() error { return c.fillPlain() }

func (c *Connection) look() error { return c.lookPlain() }

func (c *Connection) tryWrite([]byte) (int, error) { return 0, nil }
