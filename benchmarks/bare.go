package main

import (
	"net"
	"time"

	"github.com/queuednet/queuednet/benchmarks/internal/load"
	"github.com/queuednet/queuednet/benchmarks/internal/wire"
)

// runBare is what a net.Conn gives when nothing is done with its bytes: the
// bound of work a.
func runBare(c testCase) ([]float64, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	c.Load.Address = listener.Addr().String()
	client, err := load.Start(c.Load)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	conn, err := listener.Accept()
	if err != nil {
		return nil, err
	}
	if _, err := client.Answer(); err != nil {
		return nil, err
	}
	if err := client.Tell(load.Go); err != nil {
		return nil, err
	}

	b := &bench{testCase: c}
	buffer := make([]byte, 64<<10)
	begin := time.Now()
	warm, end := begin.Add(b.warmUp()), begin.Add(b.warmUp()+b.duration())
	since, warmed := begin, false
	for bytes := 0; ; {
		n, err := conn.Read(buffer)
		if err != nil {
			return nil, err
		}
		bytes += n
		now := time.Now()
		if !warmed && now.After(warm) && now.Before(end) {
			since, bytes, warmed = now, 0, true
		}
		if now.After(end) {
			return []float64{float64(bytes) / float64(c.Load.Size+wire.HeaderSize) / now.Sub(since).Seconds() / 1e6}, nil
		}
	}
}
