package queuednet

import (
	"context"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// silentHost returns an address of this machine that does not answer who
// connects: a listening socket that nobody accepts from, and that is full.
func silentHost(t *testing.T) (host string, port int) {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	raw, err := listener.(*net.TCPListener).SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) { err = syscall.Listen(int(fd), 0) }))
	require.NoError(t, err)
	for range 10 {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		filling, err := new(net.Dialer).DialContext(ctx, "tcp4", listener.Addr().String())
		cancel()
		if err != nil {
			requireTimeout(t, err)
			return hostPort(t, listener.Addr().String())
		}
		t.Cleanup(func() { filling.Close() })
	}
	require.Fail(t, "the system goes on answering")
	return "", 0
}

// usedCPU returns how long the program has used a CPU.
func usedCPU(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// isNoDelay reports whether the system has TCP_NODELAY set for a connection.
func isNoDelay(t *testing.T, conn *Connection) bool {
	t.Helper()
	raw, err := conn.NetConn().(*net.TCPConn).SyscallConn()
	require.NoError(t, err)
	var value int
	controlErr := raw.Control(func(fd uintptr) {
		value, err = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_NODELAY)
	})
	require.NoError(t, controlErr)
	require.NoError(t, err)
	return value != 0
}
