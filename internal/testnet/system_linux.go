package testnet

import (
	"context"
	"net"
	"syscall"
	"testing"
	"time"
)

// SilentHost returns an address of this machine that does not answer who
// connects: a listening socket that nobody accepts from, and that is full.
func SilentHost(t testing.TB) (host string, port int) {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { listener.Close() })
	raw, err := listener.(*net.TCPListener).SyscallConn()
	must(t, err)
	must(t, raw.Control(func(fd uintptr) { err = syscall.Listen(int(fd), 0) }))
	must(t, err)
	silent := 0
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		filling, err := new(net.Dialer).DialContext(ctx, "tcp4", listener.Addr().String())
		cancel()
		if err == nil {
			silent = 0
			t.Cleanup(func() { filling.Close() })
			continue
		}
		RequireTimeout(t, err)
		if silent++; silent == 2 { // one may be this process, which had no time
			return HostPort(t, listener.Addr().String())
		}
	}
	t.Fatal("the system goes on answering")
	return "", 0
}

// UsedCPU returns how long the program has used a CPU.
func UsedCPU(t testing.TB) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	must(t, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// IsNoDelay reports whether the system has TCP_NODELAY set for a socket.
func IsNoDelay(t testing.TB, socket net.Conn) bool {
	t.Helper()
	raw, err := socket.(*net.TCPConn).SyscallConn()
	must(t, err)
	var value int
	controlErr := raw.Control(func(fd uintptr) {
		value, err = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_NODELAY)
	})
	must(t, controlErr)
	must(t, err)
	return value != 0
}
