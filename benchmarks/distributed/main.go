// Command distributed compares servers of distributed objects, in one run: Panda3D's
// ServerRepository in Python, where QUEUEDNET_PYTHON or python3 has it, and cmd/pandaserver.
//
//	go run . [-time 5s] [-n 3] [-out RESULTS.md]
//
// Clients are in zones of 20; each has an object and moves it 10 times a second, which the 19
// others are told. The number of clients is raised until a server falls behind. Nothing else
// should run on the machine meanwhile. README.md beside it says how it is measured.
package main

import (
	_ "embed"
	"flag"
	"fmt"
	"os"
	"slices"
	"time"
)

//go:embed server.py
var serverPy []byte

//go:embed world.dc
var worldDC []byte

// A run is a server with a number of clients.
type run struct {
	kind    kind
	clients int
}

// A result is what was measured.
type result struct {
	cpu      float64 // of the server, in percent of a core
	loadCPU  float64 // of the clients
	updates  float64 // told, a second
	p50, p99 time.Duration
	lost     int64 // updates that were due and had not come in the end
	behind   bool
	fault    string
}

// A server has fallen behind if an update in a hundred is later than this, or if some have
// not come in as long a time again as was measured.
const tooLate = 250 * time.Millisecond

type options struct {
	seconds time.Duration
	repeat  int
	out     string
	steps   []int
}

func main() {
	o := options{steps: []int{40, 100, 200, 300, 400, 600, 1000, 2000, 3000, 4000, 5000, 6000, 8000, 10000}}
	flag.DurationVar(&o.seconds, "time", 5*time.Second, "how long each run is measured")
	flag.IntVar(&o.repeat, "n", 3, "repetitions; a figure is their median")
	flag.StringVar(&o.out, "out", "RESULTS.md", "the `file` for the results, - for none")
	flag.Parse()
	if err := measure(o, kinds); err != nil {
		fmt.Fprintln(os.Stderr, "distributed:", err)
		os.Exit(1)
	}
}

// measure runs all, prints the table and writes it.
func measure(o options, kinds []kind) error {
	raiseFileLimit()
	b, err := newBench()
	if err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	table := newTable(b, o)
	for _, k := range kinds {
		if k.most == mostPanda && b.python == "" {
			continue
		}
		for _, n := range o.steps {
			if k.most > 0 && n > k.most {
				break
			}
			r := b.median(run{k, n}, o)
			table.add(run{k, n}, r)
			if r.behind || r.fault != "" {
				break
			}
		}
	}
	fmt.Print(table.text())
	if o.out == "-" {
		return nil
	}
	return os.WriteFile(o.out, []byte(table.text()), 0o644)
}

// median repeats a run and returns the one with the median p99, or the first that failed.
// Once a server has fallen behind it is not asked again.
func (b *bench) median(r run, o options) result {
	var all []result
	for range o.repeat {
		one, err := b.run(r, o)
		if err != nil {
			return result{fault: err.Error(), behind: true}
		}
		fmt.Fprintf(os.Stderr, "%s, %d clients: %+v\n", r.kind.name, r.clients, one)
		all = append(all, one)
		if one.behind {
			return one
		}
	}
	slices.SortFunc(all, func(a, b result) int { return int(a.p99 - b.p99) })
	return all[len(all)/2]
}

// run measures a server once.
func (b *bench) run(r run, o options) (result, error) {
	s, err := b.start(r.kind)
	if err != nil {
		return result{}, err
	}
	defer s.stop()
	l, err := join(s.address, r.clients)
	if err != nil {
		return result{}, err
	}
	var measured result
	received, due, err := l.run(o.seconds/4, o.seconds, func(l *load) error { return s.measure(l, o.seconds, &measured) })
	if err != nil {
		return result{}, err
	}
	measured.p50, measured.p99 = l.late.quantile(0.5), l.late.quantile(0.99)
	measured.lost = due - received
	measured.behind = measured.lost > 0 || measured.p99 > tooLate
	return measured, nil
}

// measure waits while the load goes on, and notes what it costs.
func (s *server) measure(l *load, d time.Duration, r *result) error {
	began, received := time.Now(), l.late.count()
	cpu, err := s.cpu()
	if err != nil {
		return err
	}
	own, err := processTime("self")
	if err != nil {
		return err
	}
	if err := l.wait(d); err != nil {
		return err
	}
	seconds := time.Since(began).Seconds()
	cpu2, err := s.cpu()
	if err != nil {
		return err
	}
	own2, err := processTime("self")
	if err != nil {
		return err
	}
	r.cpu, r.loadCPU = 100*(cpu2-cpu).Seconds()/seconds, 100*(own2-own).Seconds()/seconds
	r.updates = float64(l.late.count()-received) / seconds
	return nil
}
