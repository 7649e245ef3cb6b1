//go:build !linux

package load

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// A conn is a client's socket.
type conn struct{ *net.TCPConn }

func open(address string) (*conn, error) {
	socket, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &conn{socket.(*net.TCPConn)}, nil
}

// abort closes the socket with a reset.
func (c *conn) abort() {
	c.SetLinger(0)
	c.Close()
}

// receive reads what comes for all receivers until the receipt is stopped.
func (r *receipt) receive(receivers []*receiver) {
	var work sync.WaitGroup
	for _, receiver := range receivers {
		work.Go(func() {
			for !r.stopped.Load() {
				receiver.conn.SetReadDeadline(time.Now().Add(time.Second))
				if err := receiver.read(r); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
					r.fail("client %d: %v", receiver.number, err)
					return
				}
			}
		})
	}
	work.Wait()
}
