//go:build !linux

package testnet

import (
	"net"
	"testing"
	"time"
)

func SilentHost(t testing.TB) (host string, port int) {
	t.Skip("only Linux is known to stay silent when a listening socket is full")
	return "", 0
}

func UsedCPU(t testing.TB) time.Duration {
	t.Skip("measured on Linux only")
	return 0
}

func IsNoDelay(t testing.TB, _ net.Conn) bool {
	t.Skip("the option is read on Linux only")
	return false
}
