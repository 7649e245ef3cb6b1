package main

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/queuednet/queuednet/benchmarks/internal/load"
	"github.com/queuednet/queuednet/benchmarks/internal/peer"
	"github.com/queuednet/queuednet/benchmarks/internal/wire"
)

// The loops of the works. Each returns a value for each metric of its work.

// bulk is works a and b: how much a waiting loop takes.
func (b *bench) bulk() ([]float64, error) {
	if err := b.client.Tell(load.Go); err != nil {
		return nil, err
	}
	rate := b.waiting()
	return []float64{rate / 1e6}, b.finish()
}

// drain is work c: how long the loop is away to take what a frame brings. Every
// other frame it only counts, which shows what the library costs; in the others
// it reads and checks each datagram, as a game would. The clients' frames are
// not the loop's: one may bring more and the next less, so each counts as if it
// had brought what it should.
func (b *bench) drain() ([]float64, error) {
	if err := b.client.Tell(load.Go); err != nil {
		return nil, err
	}
	expected := b.Load.Burst * b.Load.Connections
	var counting, checking []time.Duration
	b.frames(func(number int) {
		b.consumer.CountOnly = number%2 == 0
		before, begin := b.consumer.Count, time.Now()
		b.server.Receive(b.consumer)
		took, count := time.Since(begin), b.consumer.Count-before
		if number < 0 || count <= expected/2 {
			return
		}
		took = took * time.Duration(expected) / time.Duration(count)
		if b.consumer.CountOnly {
			counting = append(counting, took)
		} else {
			checking = append(checking, took)
		}
	})
	b.consumer.CountOnly = false
	err := b.finish()
	if err == nil && (len(counting) == 0 || len(checking) == 0) {
		err = fmt.Errorf("the load generator could not send %d datagrams a frame", expected)
	}
	library := median(counting)
	return []float64{milliseconds(library), milliseconds(median(checking)), float64(library) / float64(expected)}, err
}

// broadcast is work d.
func (b *bench) broadcast() ([]float64, error) {
	if err := b.client.Tell(load.Go); err != nil {
		return nil, err
	}
	payload := wire.Pattern(b.Send)
	var times []time.Duration
	percent := b.frames(func(number int) {
		b.number(payload)
		begin := time.Now()
		b.server.Broadcast(payload, b.conns)
		if took := time.Since(begin); number >= 0 {
			times = append(times, took)
		}
	})
	err := b.finish()
	return []float64{
		milliseconds(median(times)), percent, milliseconds(quantile(b.report.Took, 0.5)),
		cpuDatagramOf(percent, b.testCase),
	}, err
}

// number makes a payload ready to be sent to all.
func (b *bench) number(payload []byte) {
	wire.SetNumber(payload, uint64(b.sent/len(b.conns)))
	wire.SetTime(payload, wire.Now())
	b.sent += len(b.conns)
}

// roundTrip is work e.
func (b *bench) roundTrip() ([]float64, error) {
	b.consumer.Each = b.echo
	if err := b.client.Tell(load.Go); err != nil {
		return nil, err
	}
	b.waiting()
	err := b.finish()
	return roundTrips(b.report.Took), err
}

func roundTrips(took []int64) []float64 {
	return []float64{
		microseconds(quantile(took, 0.5)), microseconds(quantile(took, 0.99)), microseconds(quantile(took, 0.999)),
	}
}

func (b *bench) echo(conn peer.Conn, payload []byte) {
	b.server.Send(conn, payload)
	b.sent++
}

// untilIdle is how long all are silent before the memory after traffic is
// measured: queuednet takes a connection's goroutine away after 5 s.
const untilIdle = 6 * time.Second

// idle is work f. It begins before the clients are there.
func (b *bench) idle() ([]float64, error) {
	before := resident()
	if err := b.connect(); err != nil {
		return nil, err
	}
	fresh := resident()
	b.consumer.Each = b.echo
	if err := b.client.Tell(load.Exchange); err != nil {
		return nil, err
	}
	answered := make(chan error, 1)
	go func() {
		_, err := b.client.Answer()
		answered <- err
	}()
	for done := false; !done; {
		b.wait(20 * time.Millisecond)
		b.server.Receive(b.consumer)
		select {
		case err := <-answered:
			if err != nil {
				return nil, err
			}
			done = true
		default:
		}
	}
	time.Sleep(untilIdle)
	used := resident()
	percent := b.frames(func(int) {
		if b.server.Available() {
			b.server.Receive(b.consumer)
		}
	})
	each := func(after int) float64 { return float64(after-before) / float64(b.Load.Connections) }
	return []float64{each(fresh), each(used), percent, b.idlePoll()}, b.finish()
}

// idlePoll returns the nanoseconds of a poll that finds nothing: the least of
// many tries, because whatever disturbs it adds.
func (b *bench) idlePoll() float64 {
	const tries, polls = 50, 100_000
	least := time.Duration(math.MaxInt64)
	for range tries {
		begin := time.Now()
		for range polls {
			if b.server.Available() {
				return 0
			}
		}
		least = min(least, time.Since(begin))
	}
	return float64(least) / polls
}

// arrivals is work g.
func (b *bench) arrivals() ([]float64, error) {
	var (
		now  int64
		late []int64
	)
	b.consumer.Each = func(_ peer.Conn, payload []byte) { late = append(late, max(now-wire.Time(payload), 0)) }
	if err := b.client.Tell(load.Go); err != nil {
		return nil, err
	}
	percent := b.frames(func(number int) {
		if number == 0 {
			late = late[:0]
		}
		now = wire.Now()
		b.server.Receive(b.consumer)
	})
	b.consumer.Each = nil
	err := b.finish()
	slices.Sort(late)
	return []float64{percent, milliseconds(quantile(late, 0.99)), cpuDatagramOf(percent, b.testCase)}, err
}

// cpuDatagramOf returns the nanoseconds of CPU that a datagram cost, in a work
// where datagrams go one way only.
func cpuDatagramOf(percent float64, c testCase) float64 {
	rate := c.Load.Hz
	if c.Send > 0 {
		rate = c.Frames
	}
	return percent / 100 * 1e9 / (rate * float64(c.Load.Connections))
}

// game is work h.
func (b *bench) game() ([]float64, error) {
	if err := b.client.Tell(load.Go); err != nil {
		return nil, err
	}
	snapshot := wire.Pattern(b.Send)
	frame := 0
	percent := b.frames(func(int) {
		b.server.Receive(b.consumer)
		if frame++; frame%b.SendEvery != 0 {
			return
		}
		b.number(snapshot)
		for _, conn := range b.conns {
			// As if each had its own; that its number is everybody's is for the check.
			b.server.Send(conn, snapshot)
		}
	})
	err := b.finish()
	return []float64{percent}, err
}

// accepts is work i.
func (b *bench) accepts() ([]float64, error) {
	var (
		count      int // but those that the first of a round came with
		rounds     int
		took, used time.Duration
	)
	for end := time.Now().Add(b.duration()); took == 0 || time.Now().Before(end); {
		before := cpuTime()
		if err := b.client.Tell(load.Go); err != nil {
			return nil, err
		}
		var first time.Time
		accepted := 0
		for limit := time.Now().Add(patience); accepted < b.Load.Connections; {
			if time.Now().After(limit) {
				return nil, fmt.Errorf("%d of %d connections were accepted", accepted, b.Load.Connections)
			}
			b.wait(100 * time.Millisecond)
			b.server.Accept(func(peer.Conn) { accepted++ })
			if first.IsZero() && accepted > 0 {
				first = time.Now()
				count -= accepted
			}
		}
		took += time.Since(first)
		used += cpuTime() - before
		count += accepted
		rounds++
		if err := b.finish(); err != nil {
			return nil, err
		}
	}
	all := float64(rounds * b.Load.Connections)
	return []float64{float64(count) / took.Seconds(), microseconds(used) / all}, nil
}
