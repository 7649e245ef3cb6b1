package queuednet

import (
	"syscall"
	"unsafe"
)

// systemDrops returns how many packets the system has dropped at a socket since
// it was opened.
func systemDrops(raw syscall.RawConn) (uint32, bool) {
	const soMemInfo = 55 // SO_MEMINFO, since Linux 4.12
	var info [9]uint32   // SK_MEMINFO_VARS; the last is SK_MEMINFO_DROPS
	size, err := getSocketOption(raw, syscall.SOL_SOCKET, soMemInfo, unsafe.Pointer(&info), unsafe.Sizeof(info))
	return info[8], err == nil && size == int(unsafe.Sizeof(info))
}
