package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/queuednet/queuednet/benchmarks/internal/report"
)

// The processes that a run starts are this test again.
func TestMain(m *testing.M) {
	if otherProcess() {
		return
	}
	raiseFileLimit()
	os.Exit(m.Run())
}

// Every peer does every work and delivers each datagram with its content. The
// figures are not looked at, but that there are any.
func TestEveryPeerDeliversAllAtEveryWork(t *testing.T) {
	for _, c := range plan(options{short: true, seconds: 0.1}) {
		for _, name := range c.peers {
			t.Run(c.Work+" "+c.Name+" "+name, func(t *testing.T) {
				run := c.testCase
				run.Peer = name
				o := runProcess(run)
				require.Empty(t, o.Fault)
				require.Len(t, o.Values, len(c.metrics))
				for i, value := range o.Values {
					if c.metrics[i].name != report.CPU { // which is too little to be counted
						assert.Positive(t, value, c.metrics[i].name)
					}
				}
			})
		}
	}
}

func TestAFaultIsNoFigure(t *testing.T) {
	rows := planned{metrics: []metric{taken}, peers: []string{report.Queuednet}}.rows()
	rows[0].add(outcome{Values: []float64{1}})
	rows[0].add(outcome{Values: []float64{2}})
	assert.Equal(t, []float64{1, 2}, rows[0].results[0].Values)
	rows[0].add(outcome{Fault: "lost"})
	rows[0].add(outcome{Values: []float64{3}})
	assert.Empty(t, rows[0].results[0].Values)
	assert.Equal(t, "lost", rows[0].results[0].Fault)
}
