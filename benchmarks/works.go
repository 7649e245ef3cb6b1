package main

import (
	"fmt"
	"slices"

	"github.com/queuednet/queuednet/benchmarks/internal/load"
	"github.com/queuednet/queuednet/benchmarks/internal/report"
)

// A metric is one figure that a work gives.
type metric struct{ name, unit, better string }

// A work is one row of the table, or a few: how the server's loop runs, and
// what it measures.
type work struct {
	id      string
	metrics []metric
	run     func(*bench) ([]float64, error) // a value a metric
	cases   []testCase
	peers   []string
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
	frameRate = 60
	// perFrame is the datagrams of one frame of work c.
	perFrame = 30_000
)

var (
	rawPeers  = []string{report.Queuednet, report.Gnet, report.Nbio, report.Plain, report.Batched}
	manyPeers = append(slices.Clone(rawPeers), report.CoderWebsocket, report.GorillaWebsocket)
	bulkPeers = append(slices.Clone(rawPeers), report.Bare)

	taken       = metric{report.TakenByLoop, "M/s", report.More}
	cpu         = metric{report.CPU, "%", report.Less}
	cpuDatagram = metric{report.CPUDatagram, "ns", report.Less}
)

// works lists all works but j, which is no loop.
func works() []work { return slices.Concat(streamWorks(), gameWorks()) }

// streamWorks are those of as much as the peers can take or give.
func streamWorks() []work {
	return []work{
		{id: "a", metrics: []metric{taken}, run: (*bench).bulk, cases: bulkCases(), peers: bulkPeers},
		{id: "b", metrics: []metric{taken}, run: (*bench).bulk, cases: []testCase{crowdCase(1000)}, peers: rawPeers},
		{
			id: "c",
			metrics: []metric{
				{report.LibraryTime, "ms", report.Less}, {"the same with each datagram read and checked", "ms", report.Less},
				{report.LibraryDatagram, "ns", report.Less},
			},
			run:   (*bench).drain,
			cases: []testCase{drainCase(1000)},
			peers: rawPeers,
		},
		{
			id:      "d",
			metrics: []metric{{report.LoopTime, "ms", report.Less}, cpu, {"until the last receiver has it", "ms", report.Less}, cpuDatagram},
			run:     (*bench).broadcast,
			cases:   []testCase{broadcastCase(64, 1000), broadcastCase(1024, 1000)},
			peers:   manyPeers,
		},
	}
}

// gameWorks are those of a game's everyday, and what its connections cost.
func gameWorks() []work {
	return []work{
		{
			id:      "e",
			metrics: []metric{{report.MedianTime, "µs", report.Less}, {"p99", "µs", report.Less}, {"p99.9", "µs", report.Less}},
			run:     (*bench).roundTrip,
			cases:   []testCase{{Load: load.Spec{Connections: 1, Size: 32, Echo: true}}},
			peers:   manyPeers,
		},
		{
			id: "f",
			metrics: []metric{
				{report.FreshMemory, "B", report.Less}, {report.UsedMemory, "B", report.Less},
				cpu, {report.IdlePoll, "ns", report.Less},
			},
			run:   (*bench).idle,
			cases: []testCase{{Load: load.Spec{Connections: 10_000, Size: 64, Burst: 1}, Frames: frameRate}},
			peers: rawPeers,
		},
		{
			id:      "g",
			metrics: []metric{cpu, {"p99 from arrival to loop", "ms", report.Less}, cpuDatagram},
			run:     (*bench).arrivals,
			cases:   []testCase{arrivalsCase(1000)},
			peers:   manyPeers,
		},
		{
			id:      "h",
			metrics: []metric{cpu},
			run:     (*bench).game,
			cases: []testCase{{
				Load:   load.Spec{Connections: 200, Size: 32, Burst: 1, Send: true, Hz: 30, Spread: true, Receive: 1200},
				Frames: frameRate, Send: 1200, SendEvery: 3,
			}},
			peers: manyPeers,
		},
		{
			id:      "i",
			metrics: []metric{{report.Accepted, "1/s", report.More}, {report.CPUConnection, "µs", report.Less}},
			run:     (*bench).accepts,
			cases:   []testCase{{Load: load.Spec{Connections: 2000, Dial: true}}},
			peers:   rawPeers,
		},
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
		Load:   load.Spec{Connections: receivers, Size: size, Receive: size},
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
		w.cases, w.peers = nil, []string{report.Queuednet, report.Gnet, report.Batched}
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
