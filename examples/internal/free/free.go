// Package free finds ports for programs that are started later.
package free

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
)

// Below the ports that systems give away by themselves, so that nobody gets one of
// these in the meantime by chance.
const (
	first = 20000
	many  = 10000
)

// Addresses returns different addresses of this machine, as host:port, that nobody
// listens on now.
func Addresses(n int) (addresses []string, err error) {
	for tries := 0; len(addresses) < n; tries++ {
		if tries == 100*n {
			return nil, errors.New("no port is free")
		}
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first+rand.N(many)))
		if err != nil {
			continue // it is not free
		}
		defer listener.Close() // not before all are there: else they are the same
		addresses = append(addresses, listener.Addr().String())
	}
	return addresses, nil
}
