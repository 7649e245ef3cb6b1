// The benchmarks of queuednet against what else a game could use: see
// README.md.
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/queuednet/queuednet/benchmarks/internal/panda3d"
	"github.com/queuednet/queuednet/benchmarks/internal/report"
)

// options are the flags.
type options struct {
	works, peers []string // nil: all
	repetitions  int
	seconds      float64
	short        bool
	scale        bool
	out          string
}

func parse() options {
	var o options
	worksFlag := flag.String("work", "", "works to run, such as a,b,c (default all)")
	peersFlag := flag.String("peers", "", "peers to run, such as queuednet,gnet (default all)")
	flag.IntVar(&o.repetitions, "n", 3, "repetitions; a figure is their median")
	duration := flag.Duration("time", 1500*time.Millisecond, "how long a run is measured")
	flag.BoolVar(&o.short, "short", false, "only see whether all works: the figures mean little")
	flag.BoolVar(&o.scale, "scale", false, "also measure the cost over the number of connections")
	flag.StringVar(&o.out, "out", ".", "directory for RESULTS.md, results.json and the plots; - for none")
	flag.Parse()
	o.works, o.peers = list(*worksFlag), list(*peersFlag)
	o.seconds = duration.Seconds()
	if o.short {
		o.repetitions, o.seconds = 1, 0.2
	}
	return o
}

func list(names string) []string {
	if names == "" {
		return nil
	}
	return strings.Split(names, ",")
}

func chosen(names []string, name string) bool { return names == nil || slices.Contains(names, name) }

func main() {
	if otherProcess() {
		return
	}
	o := parse()
	raiseFileLimit()
	results := measure(o)
	report.Text(os.Stdout, results)
	if o.out == "-" {
		return
	}
	if err := report.Write(o.out, machine(), results); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// measure runs everything that was asked for.
func measure(o options) (results []report.Result) {
	cases := plan(o)
	progress := newProgress(cases, o.repetitions)
	for _, c := range cases {
		rows := c.rows()
		for range o.repetitions {
			for i, name := range c.peers {
				run := c.testCase
				run.Peer = name
				progress.next(run)
				rows[i].add(runProcess(run))
			}
		}
		for _, row := range rows {
			results = append(results, row.results...)
		}
	}
	progress.end()
	if chosen(o.works, "j") {
		results = append(results, report.Encoding()...)
	}
	return results
}

// planned is a case with the peers that are to run it.
type planned struct {
	testCase
	metrics []metric
	peers   []string
}

// plan lists the cases that were asked for.
func plan(o options) (cases []planned) {
	all := works()
	if o.scale {
		all = append(all, scaleWorks()...)
	}
	for _, w := range all {
		if !chosen(o.works, w.id) {
			continue
		}
		var peers []string
		names := w.peers
		if _, ok := pandaWorks[w.id]; ok && w.cases[0].Scale == 0 && panda3d.Available() {
			names = append(slices.Clone(names), report.PandaPolled, report.PandaThreaded)
		}
		for _, name := range names {
			if chosen(o.peers, name) {
				peers = append(peers, name)
			}
		}
		for _, c := range w.cases {
			c.Work, c.Seconds = w.id, o.seconds
			if o.short && !c.shorten() {
				continue
			}
			cases = append(cases, planned{c, w.metrics, peers})
		}
	}
	return cases
}

// shorten leaves a tenth of the connections, and checks each datagram's content.
// It reports false for a large scale, which makes no sense with fewer.
func (c *testCase) shorten() bool {
	c.Thorough = true
	if c.Load.Connections >= 200 {
		c.Load.Connections /= 10
		return c.Scale == 0
	}
	return true
}

// row is all results of a peer in a case.
type row struct{ results []report.Result }

func (c planned) rows() []row {
	rows := make([]row, len(c.peers))
	for i, name := range c.peers {
		for _, m := range c.metrics {
			rows[i].results = append(rows[i].results, report.Result{
				Work: c.Work, Case: c.Name, Scale: c.Scale, Peer: name,
				Metric: m.name, Unit: m.unit, Better: m.better,
			})
		}
	}
	return rows
}

// add adds what one repetition gave. With a fault there is no figure.
func (r row) add(o outcome) {
	for i := range r.results {
		result := &r.results[i]
		switch {
		case o.Fault != "":
			result.Fault, result.Values = o.Fault, nil
		case result.Fault == "":
			result.Values = append(result.Values, o.Values[i])
		}
	}
}
