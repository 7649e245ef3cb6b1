package cluster

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/require"
)

// Beside bare nats.go in the same run:
//
//	go test -run '^$' -bench . -count 5
//
// Each has its receiver in the same process, on a server of its own that is joined to the
// sender's by a route.

// bareClient is nats.go's own connection to the server of a node.
func bareClient(b *testing.B, n *member) *nats.Conn {
	conn, err := nats.Connect("", append(n.server.client(newCarrier(n.Node)), nats.NoEcho())...)
	require.NoError(b, err)
	b.Cleanup(conn.Close)
	return conn
}

// pause lets the receiver keep up: it waits while more than 4 MB are under way.
func pause(sent, size int, got *atomic.Int64) {
	for (int64(sent)-got.Load())*int64(size+150) > 4<<20 {
		time.Sleep(100 * time.Microsecond)
	}
}

func waitFor(b *testing.B, got *atomic.Int64) {
	for end := time.Now().Add(patience); got.Load() < int64(b.N); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(end) {
			b.Fatalf("%d of %d have come", got.Load(), b.N)
		}
	}
}

// receiving drains a node on a goroutine until the benchmark ends, and counts.
func receiving(b *testing.B, n *member) *atomic.Int64 {
	var got atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n.WaitForMessages(b.Context()) == nil {
			for range n.Messages() {
				got.Add(1)
			}
			for range n.Events() {
			}
		}
	}()
	b.Cleanup(func() { n.Close(); <-done })
	return &got
}

// BenchmarkThroughput is messages from node to node, as fast as the receiver takes them;
// loop-ns is the time in the calls that send.
func BenchmarkThroughput(b *testing.B) {
	for _, size := range []int{64, 1024} {
		for _, runs := range []struct {
			name        string
			groups, run int
		}{{"one group", 1, 1}, {"300 groups in runs of 50", 300, 50}, {"100 groups in turn", 100, 1}} {
			name := fmt.Sprintf("%d B/%s", size, runs.name)
			pick := func(i int) int { return i / runs.run % runs.groups }
			b.Run(name+"/bare", func(b *testing.B) { bareThroughput(b, size, runs.groups, pick) })
			b.Run(name+"/cluster", func(b *testing.B) { throughput(b, embeddedNodes(b, 2, unbound), size, runs.groups, pick) })
			b.Run(name+"/cluster, external", func(b *testing.B) {
				throughput(b, externalNodes(b, externalServer(b, nil).ClientURL(), 2, unbound), size, runs.groups, pick)
			})
		}
	}
}

func unbound(c *Config) { c.MaxPublishRate = math.MaxInt32 }

func throughput(b *testing.B, nodes []*member, size, groups int, pick func(int) int) {
	var to []*Group
	for i := range groups {
		nodes[1].Group(fmt.Sprint("g", i)).Watch()
		to = append(to, nodes[0].Group(fmt.Sprint("g", i)))
	}
	fence(nodes[0], nodes[1])
	got := receiving(b, nodes[1])
	d := queuednet.NewDatagram(make([]byte, size))
	var inLoop time.Duration
	cpu := cpuTime()
	b.ResetTimer()
	for i := 0; i < b.N; {
		began := time.Now()
		for end := min(i+100, b.N); i < end; i++ {
			if err := to[pick(i)].Broadcast(nil, d); err != nil {
				b.Fatal(err)
			}
		}
		inLoop += time.Since(began)
		pause(i, size, got)
	}
	waitFor(b, got)
	b.ReportMetric(float64(inLoop.Nanoseconds())/float64(b.N), "loop-ns/op")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
	b.ReportMetric(float64(cpuTime()-cpu)/float64(b.N), "cpu-ns/op")
}

func bareThroughput(b *testing.B, size, groups int, pick func(int) int) {
	nodes := embeddedNodes(b, 2, nil)
	out, in := bareClient(b, nodes[0]), bareClient(b, nodes[1])
	var got atomic.Int64
	var subjects []string
	messages := make(chan *nats.Msg, 65_536)
	for i := range groups {
		subjects = append(subjects, fmt.Sprint("queuednet.b.g", i))
		_, err := in.ChanSubscribe(subjects[i], messages)
		require.NoError(b, err)
	}
	go func() {
		for range messages {
			got.Add(1)
		}
	}()
	b.Cleanup(func() { in.Close(); close(messages) })
	require.NoError(b, in.Flush())
	fence(nodes[0], nodes[1])
	payload := make([]byte, size)
	var inLoop time.Duration
	cpu := cpuTime()
	b.ResetTimer()
	for i := 0; i < b.N; {
		began := time.Now()
		for end := min(i+100, b.N); i < end; i++ {
			if err := out.Publish(subjects[pick(i)], payload); err != nil {
				b.Fatal(err)
			}
		}
		inLoop += time.Since(began)
		pause(i, size, &got)
	}
	out.Flush()
	waitFor(b, &got)
	b.ReportMetric(float64(inLoop.Nanoseconds())/float64(b.N), "loop-ns/op")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
	b.ReportMetric(float64(cpuTime()-cpu)/float64(b.N), "cpu-ns/op")
}

// BenchmarkLatency is from node to node in bursts, 60 times a second, to a loop that waits.
func BenchmarkLatency(b *testing.B) {
	for _, rate := range []int{6_000, 60_000} {
		b.Run(fmt.Sprintf("%d a second/bare", rate), func(b *testing.B) {
			nodes := embeddedNodes(b, 2, nil)
			out, in := bareClient(b, nodes[0]), bareClient(b, nodes[1])
			var times latencies
			_, err := in.Subscribe("bare", func(m *nats.Msg) { times.add(m.Data) })
			require.NoError(b, err)
			require.NoError(b, in.Flush())
			fence(nodes[0], nodes[1])
			times.run(b, rate, func(p []byte) { out.Publish("bare", p) })
		})
		b.Run(fmt.Sprintf("%d a second/cluster", rate), func(b *testing.B) {
			nodes := embeddedNodes(b, 2, nil)
			nodes[1].Group("g").Watch()
			fence(nodes[0], nodes[1])
			var times latencies
			done := make(chan struct{})
			go func() {
				defer close(done)
				for nodes[1].WaitForMessages(b.Context()) == nil {
					for m := range nodes[1].Messages() {
						times.add(m.Payload())
					}
					for range nodes[1].Events() {
					}
				}
			}()
			b.Cleanup(func() { nodes[1].Close(); <-done })
			g := nodes[0].Group("g")
			times.run(b, rate, func(p []byte) { g.Broadcast(nil, queuednet.NewDatagram(p)) })
		})
	}
}

// latencies are those of messages that begin with the time of their sending, and the times
// of the calls that send them. Each call is followed by one that has nothing to do with NATS, and
// shows for how long the scheduler alone holds a call up.
type latencies struct {
	times, calls, others []time.Duration
	got                  atomic.Int64
}

var benchBegan = time.Now()

func (l *latencies) add(p []byte) {
	l.times = append(l.times, time.Since(benchBegan)-time.Duration(binary.LittleEndian.Uint64(p)))
	l.got.Add(1)
}

// nowhere is where a message is copied to, under a lock, and stays.
type nowhere struct {
	mu sync.Mutex
	b  []byte
}

func (n *nowhere) send(p []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.b = append(n.b[:0], p...)
}

func (l *latencies) run(b *testing.B, rate int, send func([]byte)) {
	l.times, l.calls, l.others = make([]time.Duration, 0, b.N), make([]time.Duration, 0, b.N), make([]time.Duration, 0, b.N)
	cpu := cpuTime()
	b.ResetTimer()
	ticker := time.NewTicker(time.Second / 60)
	defer ticker.Stop()
	payload := make([]byte, 64)
	var other nowhere
	for i := 0; i < b.N; <-ticker.C {
		for end := min(i+rate/60, b.N); i < end; i++ {
			began := time.Since(benchBegan)
			binary.LittleEndian.PutUint64(payload, uint64(began))
			send(payload)
			sent := time.Since(benchBegan)
			other.send(payload)
			l.calls, l.others = append(l.calls, sent-began), append(l.others, time.Since(benchBegan)-sent)
		}
	}
	waitFor(b, &l.got)
	b.ReportMetric(100*float64(cpuTime()-cpu)/float64(b.Elapsed()), "cpu-%")
	b.ReportMetric(percentile(l.times, 50), "p50-µs")
	b.ReportMetric(percentile(l.times, 99), "p99-µs")
	b.ReportMetric(percentile(l.calls, 50), "call-p50-µs")
	b.ReportMetric(percentile(l.calls, 99.9), "call-p99.9-µs")
	b.ReportMetric(percentile(l.calls, 100), "call-max-µs")
	b.ReportMetric(percentile(l.others, 99.9), "other-p99.9-µs")
	b.ReportMetric(percentile(l.others, 100), "other-max-µs")
}

// percentile returns how many microseconds so many percent of the times take at most.
func percentile(times []time.Duration, percent float64) float64 {
	slices.Sort(times)
	return float64(times[int(float64(len(times)-1)*percent/100)].Nanoseconds()) / 1000
}

// BenchmarkInterest is a group that is watched and left again.
func BenchmarkInterest(b *testing.B) {
	b.Run("bare", func(b *testing.B) {
		n := embeddedNodes(b, 1, nil)[0]
		conn := bareClient(b, n)
		messages := make(chan *nats.Msg, 1)
		for i := range b.N {
			s, err := conn.ChanSubscribe(fmt.Sprint("queuednet.b.g", i), messages)
			require.NoError(b, err)
			require.NoError(b, s.Unsubscribe())
		}
		require.NoError(b, conn.Flush())
	})
	b.Run("cluster", func(b *testing.B) {
		nodes := embeddedNodes(b, 2, nil)
		for i := range b.N {
			g := nodes[0].Group(fmt.Sprint("g", i))
			g.Watch()
			g.Unwatch()
		}
		fence(nodes[1], nodes[0])
	})
}
