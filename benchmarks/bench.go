package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/queuednet/queuednet/benchmarks/internal/load"
	"github.com/queuednet/queuednet/benchmarks/internal/peer"
	"github.com/queuednet/queuednet/benchmarks/internal/wire"
)

// A bench is one run of one peer at one work, in a process of its own.
type bench struct {
	testCase
	server   peer.Server
	client   *load.Client
	consumer *peer.Consumer
	conns    []peer.Conn
	sent     int         // datagrams, by the loop
	report   load.Report // at the end
}

// patience is how long anything may take before the run is given up.
const patience = 20 * time.Second

// newBench starts a server and its clients, and connects them.
func newBench(c testCase) (*bench, error) {
	entry, err := peer.Find(c.Peer)
	if err != nil {
		return nil, err
	}
	if entry.WebSocket {
		c.Load.Framing = wire.WebSocket
	}
	b := &bench{
		testCase: c,
		server:   entry.New(),
		consumer: peer.NewConsumer(c.Load.Connections, c.Load.Size),
		conns:    make([]peer.Conn, 0, c.Load.Connections),
	}
	b.consumer.Thorough = c.Thorough
	// What comes in a frame may come in one piece, and be late by one frame.
	b.Load.Address, err = b.server.Listen(4 * c.Load.Burst * (c.Load.Size + wire.HeaderSize))
	return b, err
}

// connect starts the clients and waits until all are there.
func (b *bench) connect() (err error) {
	if b.client, err = load.Start(b.Load); err != nil {
		return err
	}
	for limit := time.Now().Add(patience); !b.Load.Dial && len(b.conns) < b.Load.Connections; {
		if time.Now().After(limit) {
			return fmt.Errorf("%d of %d clients have connected", len(b.conns), b.Load.Connections)
		}
		b.wait(100 * time.Millisecond)
		b.server.Accept(func(conn peer.Conn) { b.conns = append(b.conns, conn) })
	}
	_, err = b.client.Answer()
	return err
}

// wait waits at most so long until something is queued.
func (b *bench) wait(limit time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	b.server.Wait(ctx)
}

// duration is how long the work is measured, after a quarter more that is not.
func (b *bench) duration() time.Duration { return time.Duration(b.Seconds * float64(time.Second)) }
func (b *bench) warmUp() time.Duration   { return b.duration() / 4 }

// waiting runs a loop that waits until something has come and takes it. It
// returns how many datagrams it took a second.
func (b *bench) waiting() float64 {
	begin := time.Now()
	warm, end := begin.Add(b.warmUp()), begin.Add(b.warmUp()+b.duration())
	ctx, cancel := context.WithDeadline(context.Background(), end)
	defer cancel()
	since, from, warmed := begin, 0, false
	for {
		err := b.server.Wait(ctx)
		b.server.Receive(b.consumer)
		now := time.Now()
		if !warmed && now.After(warm) && now.Before(end) {
			since, from, warmed = now, b.consumer.Count, true
		}
		if err != nil || now.After(end) {
			return float64(b.consumer.Count-from) / now.Sub(since).Seconds()
		}
	}
}

// frames runs a loop of frames at a fixed rate and returns what part of a core
// the process used, in percent: of the time that the frames should have taken, so
// that who is late does not seem to need less. Frames before the first measured one have a
// negative number.
func (b *bench) frames(each func(number int)) (cpuPercent float64) {
	period := time.Duration(float64(time.Second) / b.Frames)
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	var used time.Duration
	measured := max(int(b.duration()/period), 1)
	for number := -max(int(b.warmUp()/period), 1); number < measured; number++ {
		<-ticker.C
		if number == 0 {
			used = cpuTime()
		}
		each(number)
	}
	return 100 * (cpuTime() - used).Seconds() / (time.Duration(measured) * period).Seconds()
}

// finish ends the load and takes what is still on its way. It reports what was
// lost, if anything was.
func (b *bench) finish() error {
	if err := b.client.Tell(load.Stop, b.sent); err != nil {
		return err
	}
	reported := make(chan error, 1)
	go func() {
		var err error
		b.report, err = b.client.Answer()
		reported <- err
	}()
	for limit := time.Now().Add(patience); ; {
		b.wait(20 * time.Millisecond)
		b.server.Receive(b.consumer)
		select {
		case err := <-reported:
			if err != nil {
				return err
			}
			return b.drainRest()
		default:
		}
		if time.Now().After(limit) {
			return fmt.Errorf("the load generator did not end")
		}
	}
}

func (b *bench) drainRest() error {
	for limit := time.Now().Add(patience); b.consumer.Fault == "" && b.consumer.Count < b.report.Sent && time.Now().Before(limit); {
		b.wait(20 * time.Millisecond)
		b.server.Receive(b.consumer)
	}
	return b.verdict()
}

// verdict says what was lost, doubled, reordered or changed.
func (b *bench) verdict() error {
	switch {
	case b.consumer.Fault != "":
		return fmt.Errorf("%s", b.consumer.Fault)
	case b.report.Fault != "":
		return fmt.Errorf("%s", b.report.Fault)
	case b.consumer.Count != b.report.Sent:
		return fmt.Errorf("%d datagrams sent, %d taken", b.report.Sent, b.consumer.Count)
	case b.consumer.Bytes != b.report.Bytes:
		return fmt.Errorf("%d bytes sent, %d taken", b.report.Bytes, b.consumer.Bytes)
	case b.report.Received != b.sent:
		return fmt.Errorf("the loop sent %d datagrams, %d were received", b.sent, b.report.Received)
	}
	return nil
}

func (b *bench) close() {
	if b.client != nil {
		b.client.Close()
	}
}

// milliseconds and microseconds are units of figures.
func milliseconds(d time.Duration) float64 { return float64(d) / 1e6 }
func microseconds(d time.Duration) float64 { return float64(d) / 1e3 }

// quantile returns a quantile of numbers in order of size.
func quantile[T int64 | time.Duration](sorted []T, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return time.Duration(sorted[min(int(q*float64(len(sorted))), len(sorted)-1)])
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return quantile(times, 0.5)
}
