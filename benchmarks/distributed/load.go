package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/queuednet/queuednet/distributed/dc"
)

const (
	zoneSize = 20 // clients that see each other
	hz       = 10 // moves of each a second
)

// The numbers of the messages.
const (
	msgGenerate = 9002
	msgUpdate   = 120
	msgUpdated  = 9004
)

// The numbers of the class and of its field in world.dc.
var (
	mover      = dc.MustParse(dc.Source{Name: "world.dc", Text: worldDC}).Class("Mover")
	classMover = uint16(mover.Number())
	fieldMove  = uint16(mover.Field("setMove").Number())
)

// A load is the clients of one run.
type load struct {
	began    time.Time
	clients  []*client
	measured atomic.Bool  // whether what is sent now counts
	sent     atomic.Int64 // updates that count
	late     histogram
	failed   chan error
}

// A client has a Mover, moves it, and is told of those of its zone.
type client struct {
	*load
	conn net.Conn
	base uint32
}

// join connects all clients, in turn, each with its Mover.
func join(address string, n int) (*load, error) {
	l := &load{began: time.Now(), failed: make(chan error, 2*n)}
	for i := range n {
		conn, err := net.DialTimeout("tcp", address, 10*time.Second)
		if err != nil {
			l.close()
			return nil, fmt.Errorf("client %d: %w", i, err)
		}
		c := &client{load: l, conn: conn}
		l.clients = append(l.clients, c)
		if err := c.enter(uint32(1 + i/zoneSize)); err != nil {
			l.close()
			return nil, fmt.Errorf("client %d: %w", i, err)
		}
	}
	return l, nil
}

func (l *load) close() {
	for _, c := range l.clients {
		c.conn.Close()
	}
}

// enter takes the range of ids and makes the Mover.
func (c *client) enter(zone uint32) error {
	_ = c.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	var hello [12]byte
	if _, err := io.ReadFull(c.conn, hello[:]); err != nil {
		return err
	}
	_ = c.conn.SetReadDeadline(time.Time{})
	le := binary.LittleEndian
	c.base = le.Uint32(hello[4:])
	p := le.AppendUint16([]byte{0, 0}, msgGenerate)
	p = le.AppendUint16(le.AppendUint32(p, zone), classMover)
	p = append(le.AppendUint32(p, c.base), "\x05\x00mover\x00\x00"...)
	le.PutUint16(p, uint16(len(p)-2))
	_, err := c.conn.Write(p)
	return err
}

// run lets all move, and measures for a time once that has gone on for another. It returns
// what was told of what was sent in that time, of what should have been.
func (l *load) run(warm, measured time.Duration, during func(l *load) error) (received, due int64, err error) {
	ctx, stop := context.WithCancel(context.Background())
	var movers sync.WaitGroup
	for _, c := range l.clients {
		go c.receive()
		movers.Go(func() { c.move(ctx) })
	}
	defer l.close()
	defer movers.Wait()
	defer stop()
	if err := l.wait(warm); err != nil {
		return 0, 0, err
	}
	l.measured.Store(true)
	if err := during(l); err != nil {
		return 0, 0, err
	}
	l.measured.Store(false)
	stop()
	movers.Wait()
	due = l.sent.Load() * (zoneSize - 1)
	for deadline := time.Now().Add(measured); time.Now().Before(deadline) && l.late.count() < due; {
		if err := l.wait(10 * time.Millisecond); err != nil {
			return 0, 0, err
		}
	}
	return l.late.count(), due, nil
}

// wait waits, unless a client fails.
func (l *load) wait(d time.Duration) error {
	select {
	case err := <-l.failed:
		return err
	case <-time.After(d):
		return nil
	}
}

// move sends where the Mover is, ten times a second, from a moment of its own on.
func (c *client) move(ctx context.Context) {
	const period = time.Second / hz
	next := time.Now().Add(rand.N(period))
	le := binary.LittleEndian
	p := le.AppendUint16([]byte{0, 0}, msgUpdate)
	p = le.AppendUint16(le.AppendUint32(p, c.base), fieldMove)
	start := len(p)
	p = append(p, make([]byte, 8+3*2)...)
	le.PutUint16(p, uint16(len(p)-2))
	for timer := time.NewTimer(time.Until(next)); ; timer.Reset(time.Until(next)) {
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		var stamp uint64 // 0: does not count
		if c.measured.Load() {
			stamp = uint64(time.Since(c.began))
			c.sent.Add(1)
		}
		le.PutUint64(p[start:], stamp)
		le.PutUint16(p[start+8:], uint16(rand.IntN(1000)))
		if _, err := c.conn.Write(p); err != nil {
			c.failed <- fmt.Errorf("client %d: %w", c.base, err)
			return
		}
		next = next.Add(period)
	}
}

// receive takes what the server sends, and measures how late it is.
func (c *client) receive() {
	r := bufio.NewReaderSize(c.conn, 16<<10)
	le := binary.LittleEndian
	for {
		header, err := r.Peek(2)
		if err != nil {
			c.failed <- fmt.Errorf("client %d: %w", c.base, err)
			return
		}
		n := 2 + int(le.Uint16(header))
		message, err := r.Peek(n)
		if err != nil {
			c.failed <- fmt.Errorf("client %d: %w", c.base, err)
			return
		}
		if n == 2+12+14 && le.Uint16(message[2:]) == msgUpdated {
			if sent := le.Uint64(message[14:]); sent != 0 {
				c.late.add(time.Since(c.began) - time.Duration(sent))
			}
		}
		_, _ = r.Discard(n)
	}
}

// A histogram counts times in steps of 0.1 ms up to 10 s.
type histogram struct {
	counts [100_000]atomic.Int64
	total  atomic.Int64
}

func (h *histogram) add(d time.Duration) {
	h.counts[min(int(max(d, 0)/(100*time.Microsecond)), len(h.counts)-1)].Add(1)
	h.total.Add(1)
}

func (h *histogram) count() int64 { return h.total.Load() }

// quantile returns the time that a share of all do not exceed.
func (h *histogram) quantile(share float64) time.Duration {
	rank, seen := int64(share*float64(h.count())), int64(0)
	for i := range h.counts {
		if seen += h.counts[i].Load(); seen > rank {
			return time.Duration(i+1) * 100 * time.Microsecond
		}
	}
	return 0
}
