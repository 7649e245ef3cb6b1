// Package free finds ports for programs that are started later.
package free

import (
	"errors"
	"net"
	"os"
	"strconv"
	"sync/atomic"
)

// Below the ports that systems give away by themselves, so that nobody gets one of
// these in the meantime by chance. Each process begins with others, as several tests
// may look at the same time.
const (
	first     = 20000
	many      = 10000
	ofProcess = 100
)

var tried atomic.Int64

// Addresses returns different addresses of this machine, as host:port, that nobody
// listens on now. No other call in this process returns them, until all were tried.
func Addresses(n int) (addresses []string, err error) {
	for range many {
		port := first + (int64(os.Getpid())*ofProcess+tried.Add(1))%many
		address := net.JoinHostPort("127.0.0.1", strconv.FormatInt(port, 10))
		listener, err := net.Listen("tcp", address)
		if err != nil {
			continue // it is not free
		}
		listener.Close()
		if addresses = append(addresses, address); len(addresses) == n {
			return addresses, nil
		}
	}
	return nil, errors.New("no port is free")
}
