//go:build amd64 || arm64

package queuednet

import (
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const refusedCallEnv = "QUEUEDNET_REFUSED_CALL" // set in the process that a filter is installed in

// Where a sandbox refuses what a poller needs, goroutines carry everything. Where it
// refuses accept4, which package net needs, what the program opens still works.
func TestInASandbox(t *testing.T) {
	needEngine(t)
	tests := map[string]struct {
		number uint32
		test   func(t *testing.T, e *end)
	}{
		"epoll_create1": {syscall.SYS_EPOLL_CREATE1, withoutEngine},
		"eventfd2":      {syscall.SYS_EVENTFD2, withoutEngine},
		"accept4":       {syscall.SYS_ACCEPT4, withoutAccept},
	}
	if name := os.Getenv(refusedCallEnv); name != "" {
		// The runtime's own poller exists from the first socket on.
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, listener.Close())
		if err := refuseCall(tests[name].number); err != nil {
			t.Skip(noFilter, err)
		}
		tests[name].test(t, newEnd(t, nil))
		return
	}
	for name := range tests {
		t.Run(name, func(t *testing.T) {
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestInASandbox$", "-test.count=1", "-test.v")
			child.Env = append(os.Environ(), refusedCallEnv+"="+name)
			output, err := child.CombinedOutput()
			require.NoError(t, err, "%s", output)
			if strings.Contains(string(output), noFilter) {
				t.Skip(noFilter)
			}
		})
	}
}

const noFilter = "the system takes no filter"

func withoutEngine(t *testing.T, e *end) {
	conn, raw := e.raw()
	e.requireExchange(conn, raw)
	assert.IsType(t, (*goroutineCarrier)(nil), conn.stream.carrier)
	require.NoError(t, raw.Close())
	assert.Same(t, conn, e.reset())
}

func withoutAccept(t *testing.T, e *end) {
	rendezvous, address := e.listen()
	dialRaw(t, address)
	eventually(t, "refused Accept", func() bool { return e.manager.Refusals().AcceptErrors > 0 })
	assert.NoError(t, rendezvous.Err())

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	conn, err := e.manager.OpenTCPClientConnection("127.0.0.1", listener.Addr().(*net.TCPAddr).Port, patience)
	require.NoError(t, err)
	require.NoError(t, e.reader.AddConnection(conn))
	raw := olderAccept(t, listener.(*net.TCPListener))
	e.requireExchange(conn, raw)
	assert.IsType(t, (*link)(nil), conn.stream.carrier)
	require.NoError(t, raw.Close())
	assert.Same(t, conn, e.reset())
}

// olderAccept accepts a connection that is there by the call that accept4 has replaced.
func olderAccept(t *testing.T, listener *net.TCPListener) net.Conn {
	t.Helper()
	source, err := listener.SyscallConn()
	require.NoError(t, err)
	var accepted net.Conn
	require.NoError(t, source.Control(func(fd uintptr) {
		n, _, errno := syscall.Syscall(syscall.SYS_ACCEPT, fd, 0, 0)
		require.Zero(t, errno)
		file := os.NewFile(n, "accepted")
		defer file.Close()
		accepted, err = net.FileConn(file)
	}))
	require.NoError(t, err)
	return accepted
}

// refuseCall has the system refuse a call of this process with EPERM, on all its
// threads.
func refuseCall(number uint32) error {
	const (
		prSetNoNewPrivs  = 38
		setModeFilter    = 1
		filterTsync      = 1
		load             = 0x20 // BPF_LD | BPF_W | BPF_ABS
		jumpEqual        = 0x15 // BPF_JMP | BPF_JEQ | BPF_K
		ret              = 0x06 // BPF_RET | BPF_K
		returnErrno      = 0x00050000
		returnAllow      = 0x7fff0000
		offsetOfTheCall  = 0
		seccompOnAmd64   = 317
		seccompElsewhere = 277
	)
	seccomp := uintptr(seccompElsewhere)
	if runtime.GOARCH == "amd64" {
		seccomp = seccompOnAmd64
	}
	filter := []syscall.SockFilter{
		{Code: load, K: offsetOfTheCall},
		{Code: jumpEqual, Jf: 1, K: number},
		{Code: ret, K: returnErrno | uint32(syscall.EPERM)},
		{Code: ret, K: returnAllow},
	}
	program := syscall.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, prSetNoNewPrivs, 1, 0, 0, 0, 0); errno != 0 {
		return os.NewSyscallError("prctl", errno)
	}
	other, _, errno := syscall.RawSyscall(seccomp, setModeFilter, filterTsync, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return os.NewSyscallError("seccomp", errno)
	}
	if other != 0 {
		return syscall.EBUSY // a thread has a filter of its own
	}
	return nil
}
