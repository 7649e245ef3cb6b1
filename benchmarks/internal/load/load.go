// Package load is the other side of a benchmark: the clients, all in a process
// of their own, which Main is. Client is the hold on it that the server's side
// has.
package load

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/queuednet/queuednet/benchmarks/internal/wire"
)

// A Spec says what the clients do.
type Spec struct {
	Address     string
	Framing     wire.Framing
	Connections int
	Size        int // of a datagram

	// Each connection sends Burst datagrams in one write, Hz times a second, or
	// without a pause where Hz is 0. With Spread the connections take turns,
	// otherwise all send at once.
	Send   bool
	Burst  int
	Hz     float64
	Spread bool

	Receive int  // size of the datagrams that come, which are checked and timed; 0 for none
	Echo    bool // the one connection sends a datagram when the last has come back
	Dial    bool // at each Go, Connections are opened, and at Stop broken off
}

// A Report is what the clients have seen.
type Report struct {
	Sent     int // datagrams
	Bytes    int // of them, without headers
	Received int // datagrams
	Fault    string

	// Nanoseconds that datagrams took, in order of size: of each round trip
	// where there is Echo, else of each number, until its last receiver had it.
	Took []int64
}

// The commands that Main obeys, a line each.
const (
	Go       = "go"       // begin
	Exchange = "exchange" // each connection sends datagrams and awaits as many
	Stop     = "stop"     // end what go began, and report; with how many datagrams are to be received
)

// Main is the process of the clients: it connects, says so, obeys what it reads
// and answers with a Report.
func Main(spec Spec, commands io.Reader, answers io.Writer) error {
	answer := json.NewEncoder(answers)
	c := &clients{spec: spec}
	if !spec.Dial {
		if err := c.connect(); err != nil {
			return err
		}
	}
	if err := answer.Encode(Report{}); err != nil {
		return err
	}
	var work sync.WaitGroup
	lines := bufio.NewScanner(commands)
	for lines.Scan() {
		command, expected := lines.Text(), 0
		fmt.Sscan(command, &command, &expected)
		switch command {
		case Go:
			c.start(&work)
			continue
		case Exchange:
			if err := c.exchange(); err != nil {
				return err
			}
		case Stop:
			c.stopped.Store(true)
			work.Wait()
			if c.spec.Receive > 0 {
				c.receipt.await(int64(expected))
			}
			if c.spec.Dial {
				c.hangUp()
			}
		}
		if err := answer.Encode(c.report()); err != nil {
			return err
		}
	}
	return lines.Err()
}

// clients are all clients.
type clients struct {
	spec    Spec
	conns   []*conn
	stopped atomic.Bool

	sent    atomic.Int64
	receipt receipt
	took    []int64 // of round trips

	mu    sync.Mutex
	fault string
}

func (c *clients) start(work *sync.WaitGroup) {
	if c.spec.Receive > 0 {
		c.receipt.start(c)
	}
	switch {
	case c.spec.Echo:
		work.Go(c.echo)
	case c.spec.Dial:
		work.Go(c.dial)
	case c.spec.Send && c.spec.Hz == 0:
		senders := min(len(c.conns), 2)
		for i := range senders {
			work.Go(func() { c.flood(i, senders) })
		}
	case c.spec.Send:
		work.Go(c.pace)
	}
}

func (c *clients) fail(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fault == "" {
		c.fault = fmt.Sprintf(format, args...)
	}
}

func (c *clients) report() Report {
	sent := int(c.sent.Load())
	took := c.took
	if c.spec.Receive > 0 {
		took = c.receipt.lags()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return Report{
		Sent: sent, Bytes: sent * c.spec.Size,
		Received: int(c.receipt.count.Load()), Fault: c.fault, Took: took,
	}
}

// connect opens all connections, some at a time.
func (c *clients) connect() error {
	c.conns = make([]*conn, c.spec.Connections)
	var (
		work sync.WaitGroup
		next atomic.Int64
		errs = make(chan error, connecting)
	)
	for range connecting {
		work.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(c.conns); i = int(next.Add(1)) - 1 {
				conn, err := open(c.spec.Address)
				if err == nil {
					c.conns[i] = conn
					err = c.spec.Framing.Shake(conn, c.spec.Address)
				}
				if err != nil {
					errs <- err
					return
				}
			}
		})
	}
	work.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

const connecting = 16

// dial opens connections as fast as it can. At the end they are broken off, so
// that none waits in the system for its address to be free.
func (c *clients) dial() {
	for range c.spec.Connections {
		conn, err := open(c.spec.Address)
		if err != nil {
			c.fail("dial: %v", err)
			return
		}
		c.conns = append(c.conns, conn)
	}
}

func (c *clients) hangUp() {
	for _, conn := range c.conns {
		conn.abort()
	}
	c.conns = nil
}
