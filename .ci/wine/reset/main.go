// Program reset fails unless the system reports a reset that arrived before the read as
// the end of the stream, as Wine 8 does and Windows does not. It uses package net alone:
// .ci/skip-wine rests on it.
package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

func main() {
	if err := lateRead(); !errors.Is(err, io.EOF) {
		fmt.Printf("a read after a reset returned %v: the tests that .ci/skip-wine skips because of it may run\n", err)
		os.Exit(1)
	}
}

// lateRead returns what a read reports whose peer reset the connection before.
func lateRead() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		return err
	}
	peer, err := listener.Accept()
	if err != nil {
		return err
	}
	if err := peer.(*net.TCPConn).SetLinger(0); err != nil {
		return err
	}
	if err := peer.Close(); err != nil {
		return err
	}
	time.Sleep(200 * time.Millisecond) // nothing but a read tells that the reset has arrived
	_, err = conn.Read(make([]byte, 1))
	return err
}
