package main

import (
	"fmt"
	"slices"

	"github.com/queuednet/queuednet/benchmarks/internal/load"
)

// A metric is one figure that a work gives.
type metric struct{ name, unit, better string }

// A work is one row of the table, or a few: how the server's loop runs, and
// what it measures.
type work struct {
	id, title string
	metrics   []metric
	run       func(*bench) ([]float64, error) // a value a metric
	cases     []testCase
	peers     []string // nil: those that speak lengths, not WebSocket
}

// A testCase is what one process is given to do.
type testCase struct {
	Work, Name string
	Scale      int `json:",omitempty"`
	Load       load.Spec
	Frames     float64 `json:",omitempty"` // of the loop, a second; 0 if it waits
	Send       int     `json:",omitempty"` // size of what the loop sends
	SendEvery  int     `json:",omitempty"` // in frames
	Peer       string
	Seconds    float64
	Thorough   bool
}

const (
	bare      = "bare"
	frameRate = 60
	// perFrame is the datagrams of one frame of work c.
	perFrame = 30_000
)

var (
	rawPeers  = []string{"queuednet", "gnet", "nbio", "plain", "batched"}
	manyPeers = append(slices.Clone(rawPeers), "coder/websocket", "gorilla/websocket")
	bulkPeers = append(slices.Clone(rawPeers), bare)

	taken = metric{"taken by the loop", "M/s", "more"}
	cpu   = metric{"CPU", "%", "less"}
)

// works lists all works but those that measure no network.
func works() []work {
	return []work{
		{"a", "one connection, bulk, waiting loop", []metric{taken}, (*bench).bulk, bulkCases(), bulkPeers},
		{"b", "many connections, 16 × 64 B a write, waiting loop", []metric{taken}, (*bench).bulk, []testCase{crowdCase(1000)}, rawPeers},
		{"c", "many connections, 30,000 datagrams a frame at 60 Hz", []metric{
			{"time in the library a frame", "ms", "less"},
			{"time in the library a datagram", "ns", "less"},
		}, (*bench).drain, []testCase{drainCase(1000)}, rawPeers},
		{"d", "broadcast to many connections at 60 Hz", []metric{
			{"time in the loop", "ms", "less"},
			cpu,
			{"until the last receiver has it", "ms", "less"},
			{"CPU a datagram", "ns", "less"},
		}, (*bench).broadcast, []testCase{broadcastCase(64, 1000), broadcastCase(1024, 1000)}, manyPeers},
		{"e", "round trip of 32 B, waiting loop", []metric{
			{"p50", "µs", "less"}, {"p99", "µs", "less"}, {"p99.9", "µs", "less"},
		}, (*bench).roundTrip, []testCase{{
			Load: load.Spec{Connections: 1, Size: 32, Echo: true},
		}}, manyPeers},
		{"f", "10,000 idle connections", []metric{
			{"memory a connection, fresh", "B", "less"},
			{"memory a connection, after traffic", "B", "less"},
			{"CPU at 60 Hz", "%", "less"},
			{"idle poll", "ns", "less"},
		}, (*bench).idle, []testCase{{
			Load: load.Spec{Connections: 10_000, Size: 64, Burst: 1}, Frames: frameRate,
		}}, rawPeers},
		{"g", "many clients at 10 Hz, loop at 60 Hz", []metric{
			cpu,
			{"p99 from arrival to loop", "ms", "less"},
			{"CPU a datagram", "ns", "less"},
		}, (*bench).arrivals, []testCase{arrivalsCase(1000)}, manyPeers},
		{"h", "200 clients send 30 Hz, receive 1.2 KB at 20 Hz", []metric{cpu}, (*bench).game, []testCase{{
			Load:   load.Spec{Connections: 200, Size: 32, Burst: 1, Send: true, Hz: 30, Spread: true, Receive: true},
			Frames: frameRate, Send: 1200, SendEvery: 3,
		}}, manyPeers},
		{"i", "accepting", []metric{{"accepted by the loop", "1/s", "more"}}, (*bench).accepts, []testCase{{
			Load: load.Spec{Connections: 2000, Dial: true},
		}}, rawPeers},
	}
}

func bulkCases() (cases []testCase) {
	for _, size := range []int{16, 64, 512} {
		cases = append(cases, testCase{
			Name: fmt.Sprintf("%d B", size),
			Load: load.Spec{Connections: 1, Size: size, Burst: 64 << 10 / (size + 2), Send: true},
		})
	}
	return cases
}

func crowdCase(connections int) testCase {
	return testCase{Load: load.Spec{Connections: connections, Size: 64, Burst: 16, Send: true}}
}

// drainCase divides the datagrams of a frame among the connections. More than
// 1,000 writes a frame is more than two cores can do 60 times a second: then
// the frames are fewer.
func drainCase(connections int) testCase {
	rate := min(frameRate, frameRate*1000/float64(connections))
	return testCase{
		Load:   load.Spec{Connections: connections, Size: 64, Burst: perFrame / connections, Send: true, Hz: rate},
		Frames: rate,
	}
}

func broadcastCase(size, receivers int) testCase {
	name := fmt.Sprintf("%d B", size)
	if size >= 1024 {
		name = fmt.Sprintf("%d KiB", size/1024)
	}
	return testCase{
		Name:   name,
		Load:   load.Spec{Connections: receivers, Size: size, Receive: true},
		Frames: frameRate, Send: size, SendEvery: 1,
	}
}

func arrivalsCase(clients int) testCase {
	return testCase{
		Load:   load.Spec{Connections: clients, Size: 64, Burst: 1, Send: true, Hz: 10, Spread: true},
		Frames: frameRate,
	}
}

// scaleWorks are the works whose cost is shown over the number of connections.
func scaleWorks() (scaled []work) {
	cases := map[string]func(int) testCase{
		"b": crowdCase,
		"c": drainCase,
		"d": func(receivers int) testCase { return broadcastCase(64, receivers) },
		"g": arrivalsCase,
	}
	for _, w := range works() {
		newCase := cases[w.id]
		if newCase == nil {
			continue
		}
		w.cases, w.peers = nil, []string{"queuednet", "gnet", "batched"}
		for _, scale := range []int{1, 10, 100, 1000, 10_000} {
			if w.id == "d" && scale == 1 {
				continue
			}
			c := newCase(scale)
			c.Scale = scale
			w.cases = append(w.cases, c)
		}
		scaled = append(scaled, w)
	}
	return scaled
}
