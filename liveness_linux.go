package queuednet

import (
	"net"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// optionUserTimeout is TCP_USER_TIMEOUT, in milliseconds, which package syscall
// does not name on every architecture.
var optionUserTimeout = socketOption{syscall.IPPROTO_TCP, 18, true}

func setAckTimeout(socket *net.TCPConn, timeout time.Duration) {
	milliseconds := (timeout + time.Millisecond - 1) / time.Millisecond
	if raw, err := socket.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { _ = setSocketOption(fd, optionUserTimeout, int(milliseconds)) })
	}
}

func roundTrip(socket *net.TCPConn) (smoothed, variation time.Duration, err error) {
	info, err := tcpInfo(socket)
	return time.Duration(info.Rtt) * time.Microsecond, time.Duration(info.Rttvar) * time.Microsecond, err
}

// tcpInfo reads TCP_INFO, for which package syscall has a type and no function.
func tcpInfo(socket *net.TCPConn) (info syscall.TCPInfo, err error) {
	raw, err := socket.SyscallConn()
	if err != nil {
		return info, err
	}
	controlErr := raw.Control(func(fd uintptr) {
		size := uint32(unsafe.Sizeof(info))
		_, _, errno := syscall.Syscall6(sysGetsockopt, fd, syscall.IPPROTO_TCP, syscall.TCP_INFO,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
		if errno != 0 {
			err = os.NewSyscallError("getsockopt", errno)
		}
	})
	if controlErr != nil {
		err = controlErr
	}
	return info, err
}
