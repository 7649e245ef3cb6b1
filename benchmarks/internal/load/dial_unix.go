//go:build unix

package load

import (
	"net"
	"syscall"
)

// dialMany opens n connections, each with as few system calls as there are: Go's
// own Dial would measure itself. It calls done for each and returns how to
// break them off.
func dialMany(address string, n int, done func()) (hangUps []func(), err error) {
	to, err := net.ResolveTCPAddr("tcp4", address)
	if err != nil {
		return nil, err
	}
	target := &syscall.SockaddrInet4{Port: to.Port, Addr: [4]byte(to.IP.To4())}
	for range n {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		if err != nil {
			return hangUps, err
		}
		hangUps = append(hangUps, func() {
			syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
			syscall.Close(fd)
		})
		if err := syscall.Connect(fd, target); err != nil {
			return hangUps, err
		}
		done()
	}
	return hangUps, nil
}
