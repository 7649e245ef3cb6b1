package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/queuednet/queuednet/benchmarks/internal/load"
	"github.com/queuednet/queuednet/benchmarks/internal/report"
)

// Each run has two processes, both this program again, so that no peer feels
// what another has left behind: the server, and its clients.

// serverVariable is the environment variable with the testCase that makes this
// program be the server.
const serverVariable = "QUEUEDNET_BENCHMARK_SERVER"

// outcome is what the process of the server prints.
type outcome struct {
	Values []float64
	Fault  string
}

// otherProcess does what this process was started for, if it was not started
// by a user. It reports whether it did.
func otherProcess() bool {
	var err error
	switch spec, server := os.Getenv(load.Variable), os.Getenv(serverVariable); {
	case spec != "":
		raiseFileLimit()
		var s load.Spec
		if err = json.Unmarshal([]byte(spec), &s); err == nil {
			err = load.Main(s, os.Stdin, os.Stdout)
		}
	case server != "":
		raiseFileLimit()
		var c testCase
		if err = json.Unmarshal([]byte(server), &c); err == nil {
			os.Unsetenv(serverVariable)
			err = json.NewEncoder(os.Stdout).Encode(serve(c))
		}
	default:
		return false
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

// serve runs a case in this process.
func serve(c testCase) (o outcome) {
	var err error
	switch {
	case c.Peer == report.Bare:
		o.Values, err = runBare(c)
	case strings.HasPrefix(c.Peer, pandaPrefix):
		o.Values, err = runPanda(c)
	default:
		o.Values, err = runPeer(c)
	}
	if err != nil {
		o.Fault = err.Error()
	}
	return o
}

func runPeer(c testCase) ([]float64, error) {
	b, err := newBench(c)
	if err != nil {
		return nil, err
	}
	defer b.close()
	for _, w := range works() {
		if w.id != c.Work {
			continue
		}
		if c.Work != "f" { // which measures what connecting costs
			if err := b.connect(); err != nil {
				return nil, err
			}
		}
		return w.run(b)
	}
	return nil, fmt.Errorf("there is no work %q", c.Work)
}

// runProcess runs a case in a process of its own.
func runProcess(c testCase) outcome {
	self, err := os.Executable()
	if err != nil {
		return outcome{Fault: err.Error()}
	}
	encoded, err := json.Marshal(c)
	if err != nil {
		return outcome{Fault: err.Error()}
	}
	process := exec.Command(self)
	process.Env = append(os.Environ(), serverVariable+"="+string(encoded))
	var said strings.Builder
	process.Stderr = &said
	output, err := process.Output()
	var o outcome
	if err == nil {
		// Libraries may have logged before.
		lines := bytes.Split(bytes.TrimSpace(output), []byte("\n"))
		err = json.Unmarshal(lines[len(lines)-1], &o)
	}
	if err != nil {
		o.Fault = strings.TrimSpace(fmt.Sprint("the process ended: ", err, " ", said.String()))
	}
	return o
}
