package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/queuednet/queuednet/benchmarks/internal/load"
	"github.com/queuednet/queuednet/benchmarks/internal/panda3d"
)

// A pandaWork is how Panda3D does a work: its server is a program of its own,
// which tells what it has done.
type pandaWork struct {
	program string
	frames  bool // it is told how many connections there are, and the rate of frames
	values  func(c testCase, stats map[string]float64, report load.Report) []float64
}

// pandaWorks are the works that Panda3D can do.
var pandaWorks = map[string]pandaWork{
	"a": {"drain", false, pandaTaken},
	"b": {"drain", false, pandaTaken},
	"d": {"broadcast", true, func(c testCase, stats map[string]float64, report load.Report) []float64 {
		return []float64{
			stats["frame_ms"], pandaFrameCPU(c, stats), milliseconds(quantile(report.Took, 0.5)),
			cpuDatagramOf(pandaFrameCPU(c, stats), c),
		}
	}},
	"e": {"echo", false, func(_ testCase, _ map[string]float64, report load.Report) []float64 { return roundTrips(report.Took) }},
	"g": {"frames", true, func(c testCase, stats map[string]float64, _ load.Report) []float64 {
		return []float64{pandaFrameCPU(c, stats), stats["late_p99_ms"], cpuDatagramOf(pandaFrameCPU(c, stats), c)}
	}},
	"h": {"snapshot", true, func(c testCase, stats map[string]float64, _ load.Report) []float64 {
		return []float64{pandaFrameCPU(c, stats)}
	}},
}

const pandaPrefix = "Panda3D "

func pandaTaken(_ testCase, stats map[string]float64, _ load.Report) []float64 {
	return []float64{stats["datagrams"] / stats["seconds"] / 1e6}
}

// pandaFrameCPU is what frames returns.
func pandaFrameCPU(c testCase, stats map[string]float64) float64 {
	return 100 * stats["cpu_seconds"] * c.Frames / stats["frames"]
}

// pandaRun is a run of Panda3D at a work.
type pandaRun struct {
	bench
	server *panda3d.Server
	taken  float64 // datagrams
	wrong  string
}

func runPanda(c testCase) ([]float64, error) {
	work, ok := pandaWorks[c.Work]
	if !ok {
		return nil, fmt.Errorf("Panda3D does not do work %s", c.Work)
	}
	var args []string
	if work.frames {
		args = append(args, fmt.Sprint("--connections=", c.Load.Connections), fmt.Sprint("--hz=", c.Frames))
	}
	if c.Send > 0 {
		args = append(args, fmt.Sprint("--size=", c.Send))
	}
	server, err := panda3d.Start(strings.TrimPrefix(c.Peer, pandaPrefix), work.program, args...)
	if err != nil {
		return nil, err
	}
	defer server.Stop()
	p := &pandaRun{bench: bench{testCase: c}, server: server}
	p.Load.Address = server.Addr()
	if p.client, err = load.Start(p.Load); err != nil {
		return nil, err
	}
	defer p.close()
	if _, err := p.client.Answer(); err != nil {
		return nil, err
	}
	if err := p.client.Tell(load.Go); err != nil {
		return nil, err
	}
	time.Sleep(p.warmUp())
	if _, err := p.stats(); err != nil {
		return nil, err
	}
	time.Sleep(p.duration())
	stats, err := p.stats()
	if err != nil {
		return nil, err
	}
	if err := p.finish(); err != nil {
		return nil, err
	}
	return work.values(c, stats, p.report), nil
}

// stats asks what has happened since it last asked.
func (p *pandaRun) stats() (map[string]float64, error) {
	stats, err := p.server.Stats()
	p.taken += stats["datagrams"]
	if n := stats["misplaced"]; n > 0 {
		p.wrong = fmt.Sprintf("%.0f datagrams out of order", n)
	}
	if stats["dropped"] > 0 {
		p.wrong = "datagrams were dropped"
	}
	return stats, err
}

// finish ends the load and waits until the server has taken everything. What it
// sends it goes on sending: the numbers that the clients check must do.
func (p *pandaRun) finish() (err error) {
	if err := p.client.Tell(load.Stop); err != nil {
		return err
	}
	if p.report, err = p.client.Answer(); err != nil {
		return err
	}
	for limit := time.Now().Add(patience); p.taken < float64(p.report.Sent) && time.Now().Before(limit); {
		time.Sleep(50 * time.Millisecond)
		if _, err := p.stats(); err != nil {
			return err
		}
	}
	switch {
	case p.report.Fault != "":
		return fmt.Errorf("%s", p.report.Fault)
	case p.taken != float64(p.report.Sent):
		return fmt.Errorf("%d datagrams sent, %.0f taken", p.report.Sent, p.taken)
	case p.wrong != "":
		return fmt.Errorf("%s", p.wrong)
	}
	return nil
}
