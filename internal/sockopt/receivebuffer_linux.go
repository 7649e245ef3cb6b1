package sockopt

import (
	"syscall"
	"unsafe"
)

// Drops returns how many packets the system has dropped at a socket since
// it was opened, and false where it does not tell.
func Drops(raw syscall.RawConn) (uint32, bool) {
	const soMemInfo = 55 // SO_MEMINFO, since Linux 4.12
	var info [9]uint32   // SK_MEMINFO_VARS; the last is SK_MEMINFO_DROPS
	size, err := getSocketOption(raw, syscall.SOL_SOCKET, soMemInfo, unsafe.Pointer(&info), unsafe.Sizeof(info))
	return info[8], err == nil && size == int(unsafe.Sizeof(info))
}

// grantedReceiveBuffer returns the size of the buffer that Linux makes when it is
// asked for this one: twice as much, but no more than twice net.core.rmem_max. That
// may be less than net.core.rmem_default, which a socket begins with. Another
// socket has to try: there is no way back to a size that is not allowed.
func grantedReceiveBuffer(size int) int {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	defer syscall.Close(fd)
	if set(uintptr(fd), RecvBuffer, size) != nil {
		return 0
	}
	return receiveBufferSize(uintptr(fd))
}
