//go:build !linux

package queuednet

import (
	"testing"
	"time"
)

func silentHost(t *testing.T) (host string, port int) {
	t.Skip("only Linux is known to stay silent when a listening socket is full")
	return "", 0
}

func usedCPU(t *testing.T) time.Duration {
	t.Skip("measured on Linux only")
	return 0
}

func isNoDelay(t *testing.T, _ *Connection) bool {
	t.Skip("the option is read on Linux only")
	return false
}
