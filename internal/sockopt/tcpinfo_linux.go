package sockopt

import (
	"math"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// userTimeout is TCP_USER_TIMEOUT, in milliseconds, which package syscall
// does not name on every architecture.
var userTimeout = Option{syscall.IPPROTO_TCP, 18, true}

// HasAckTimeout says that the system ends a stream whose peer does not acknowledge.
const HasAckTimeout = true

// SetAckTimeout sets after how long it does; 0 is never. The system has 31 bits
// for it, 24.8 days.
func SetAckTimeout(socket syscall.Conn, timeout time.Duration) {
	milliseconds := min((timeout+time.Millisecond-1)/time.Millisecond, math.MaxInt32)
	_ = Set(socket, userTimeout, int(milliseconds))
}

// RoundTrip returns how long the peer of a stream takes to acknowledge, smoothed, and
// by how much that varies.
func RoundTrip(socket syscall.Conn) (smoothed, variation time.Duration, err error) {
	info, err := tcpInfo(socket)
	return time.Duration(info.Rtt) * time.Microsecond, time.Duration(info.Rttvar) * time.Microsecond, err
}

// UnacknowledgedBytes returns how much the system holds of a stream that its peer has not
// acknowledged. It is SIOCOUTQ, which has the number of TIOCOUTQ.
func UnacknowledgedBytes(socket syscall.Conn) (int, error) {
	var bytes int32
	err := Control(socket, func(fd uintptr) error {
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCOUTQ, uintptr(unsafe.Pointer(&bytes)))
		if errno != 0 {
			return os.NewSyscallError("ioctl", errno)
		}
		return nil
	})
	return int(bytes), err
}

// Unacknowledged reports whether something that was written has not arrived, and
// if so whether the peer answers that it has no room for it, and whether some of
// it is being repeated.
func Unacknowledged(socket syscall.Conn) (busy, shut, repeating bool) {
	const recovery = 3 // TCP_CA_Recovery; the one above is TCP_CA_Loss
	info, err := tcpInfo(socket)
	if err != nil {
		return false, false, false // it has ended
	}
	// Without room nothing is on its way, and something waits; or else what is on
	// its way is refused, by a peer that has taken its room back.
	waits, onItsWay := info.notSent > 0, info.Unacked > 0
	return waits || onItsWay, waits && !onItsWay || onItsWay && info.window == 0, info.Ca_state >= recovery
}

// sysInfo is struct tcp_info as far as it is of use.
type sysInfo struct {
	syscall.TCPInfo
	_       [40]byte
	notSent uint32
	_       [80]byte
	window  uint32 // what the peer has room for; since Linux 5.4
}

// tcpInfo reads TCP_INFO, for which package syscall has a type and no function.
func tcpInfo(socket syscall.Conn) (info sysInfo, err error) {
	info.window = 1 // an older system does not tell
	raw, err := socket.SyscallConn()
	if err == nil {
		_, err = getSocketOption(raw, syscall.IPPROTO_TCP, syscall.TCP_INFO, unsafe.Pointer(&info), unsafe.Sizeof(info))
	}
	return info, err
}

// getSocketOption reads an option for which package syscall has no function into
// size bytes, and returns how many the system has.
func getSocketOption(raw syscall.RawConn, level, number int, into unsafe.Pointer, size uintptr) (int, error) {
	got := uint32(size)
	var err error
	controlErr := raw.Control(func(fd uintptr) {
		_, _, errno := syscall.Syscall6(sysGetsockopt, fd, uintptr(level), uintptr(number),
			uintptr(into), uintptr(unsafe.Pointer(&got)), 0)
		if errno != 0 {
			err = os.NewSyscallError("getsockopt", errno)
		}
	})
	if controlErr != nil {
		err = controlErr
	}
	return int(got), err
}
