//go:build !queuednet_noserver

package cluster

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/require"
)

// What it costs to have a node, a group, and members here.

// BenchmarkBroadcastHere is a broadcast to 300 members on this node, beside the writer's own
// to the same: in turn, so that both find the same machine. The node is alone, or
// one of two, of which the other does not listen. The first broadcast of a frame wakes the
// pump, as it wakes those who write for the writer.
func BenchmarkBroadcastHere(b *testing.B) {
	for _, frame := range []int{1, 10} {
		b.Run(fmt.Sprint("alone, a frame ", frame), func(b *testing.B) { broadcastHere(b, open(b, nil), frame) })
		b.Run(fmt.Sprint("of two, a frame ", frame), func(b *testing.B) { broadcastHere(b, embeddedNodes(b, 2, nil)[0], frame) })
	}
}

func broadcastHere(b *testing.B, n *member, frame int) {
	p := newPlayers(b, 300)
	g := n.Group("zone")
	for _, conn := range p.conns {
		require.NoError(b, g.Join(conn))
	}
	d := queuednet.NewDatagram(make([]byte, 64))
	sends := []func() error{
		func() error { return p.writer.Broadcast(d, slices.Values(p.conns)) },
		func() error { return g.Broadcast(p.writer, d) },
	}
	times := make([][]time.Duration, len(sends))
	b.ResetTimer()
	for i := range b.N {
		for k := range sends {
			k := (i + k) % len(sends) // each is as often the first
			began := time.Now()
			for range frame {
				if err := sends[k](); err != nil {
					b.Fatal(err)
				}
			}
			times[k] = append(times[k], time.Since(began)/time.Duration(frame))
			p.await(b, 300*frame)
			time.Sleep(200 * time.Microsecond) // the rest of the frame
		}
	}
	writer, group := percentile(times[0], 50), percentile(times[1], 50)
	b.ReportMetric(writer, "writer-µs")
	b.ReportMetric(group, "group-µs")
	b.ReportMetric(group/writer, "ratio")
}

// BenchmarkFrame is the time in a loop for each of the messages of a frame, 60 times a second; the median of
// the frames.
func BenchmarkFrame(b *testing.B) {
	payload := make([]byte, 64)
	for _, count := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("of %d/bare", count), func(b *testing.B) {
			nodes := embeddedNodes(b, 2, nil)
			out, in := bareClient(b, nodes[0]), bareClient(b, nodes[1])
			_, err := in.Subscribe("bare", func(*nats.Msg) {})
			require.NoError(b, err)
			require.NoError(b, in.Flush())
			fence(nodes[0], nodes[1])
			loopFrames(b, count, func() { out.Publish("bare", payload) })
		})
		b.Run(fmt.Sprintf("of %d/cluster", count), func(b *testing.B) {
			nodes := embeddedNodes(b, 2, nil)
			nodes[1].Group("g").Watch()
			fence(nodes[0], nodes[1])
			receiving(b, nodes[1])
			g, d := nodes[0].Group("g"), queuednet.NewDatagram(payload)
			loopFrames(b, count, func() { g.Broadcast(nil, d) })
		})
	}
}

func loopFrames(b *testing.B, count int, send func()) {
	var times []time.Duration
	ticker := time.NewTicker(time.Second / 60)
	defer ticker.Stop()
	b.ResetTimer()
	for range b.N {
		began := time.Now()
		for range count {
			send()
		}
		times = append(times, time.Since(began))
		<-ticker.C
	}
	each := 1000 / float64(count)
	b.ReportMetric(percentile(times, 50)*each, "loop-p50-ns/message")
	b.ReportMetric(percentile(times, 90)*each, "loop-p90-ns/message")
}

// BenchmarkOpen is from nothing to a connection to the node's own server.
func BenchmarkOpen(b *testing.B) {
	config := Config{Number: 1, Listen: "127.0.0.1:0"}
	b.Run("bare", func(b *testing.B) {
		c, err := config.withDefaults()
		require.NoError(b, err)
		for range b.N {
			server, err := startEmbedded(&c, 1)
			require.NoError(b, err)
			conn, err := nats.Connect("", nats.InProcessServer(server.server), nats.UserInfo("queuednet", server.password))
			require.NoError(b, err)
			b.StopTimer()
			conn.Close()
			server.stop()
			b.StartTimer()
		}
	})
	b.Run("cluster", func(b *testing.B) {
		for range b.N {
			n, err := Open(&config)
			require.NoError(b, err)
			for !n.Connected() {
				<-n.Notify()
			}
			b.StopTimer()
			n.Close()
			b.StartTimer()
		}
	})
}

// BenchmarkMemory is the heap of all nodes, for each group that one of them watches. Its size
// does not depend on b.N.
func BenchmarkMemory(b *testing.B) {
	const groups = 10_000
	measure := func(b *testing.B, nodes []*member, watch func(i int)) {
		before := heap()
		for i := range groups {
			watch(i)
		}
		for _, n := range nodes[1:] {
			fence(n, nodes[0])
		}
		b.ReportMetric(float64(heap()-before)/groups, "B/group")
		runtime.KeepAlive(nodes)
	}
	b.Run("bare", func(b *testing.B) {
		nodes := embeddedNodes(b, 2, nil)
		conn := bareClient(b, nodes[0])
		messages := make(chan *nats.Msg, 1)
		measure(b, nodes, func(i int) {
			_, err := conn.ChanSubscribe(fmt.Sprint("queuednet.b.", i), messages)
			require.NoError(b, err)
			if i == groups-1 {
				require.NoError(b, conn.Flush())
			}
		})
	})
	for _, count := range []int{2, 3} {
		b.Run(fmt.Sprint("cluster of ", count), func(b *testing.B) {
			nodes := embeddedNodes(b, count, nil)
			measure(b, nodes, func(i int) { nodes[0].Group(fmt.Sprint(i)).Watch() })
		})
	}
}

// heap returns the bytes that are in use.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
