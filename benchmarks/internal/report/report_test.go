package report

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// result makes one up.
func result(work, name, peer, metric, unit, better string, values ...float64) Result {
	return Result{Work: work, Case: name, Peer: peer, Metric: metric, Unit: unit, Better: better, Values: values}
}

// example is a run in which most things happen: a fault, a peer that is missing
// from a work, a scale.
func example() []Result {
	results := []Result{
		result("b", "", Queuednet, TakenByLoop, "M/s", More, 12, 10, 11),
		result("b", "", Gnet, TakenByLoop, "M/s", More, 5.5, 5, 6),
		result("a", "64 B", Nbio, TakenByLoop, "M/s", More, 30),
		result("a", "64 B", Queuednet, TakenByLoop, "M/s", More, 20, 24),
		result("a", "64 B", Bare, TakenByLoop, "M/s", More, 44),
		result("e", "", Queuednet, MedianTime, "µs", Less, 20),
		result("e", "", Plain, MedianTime, "µs", Less, 25),
		result("e", "", PandaPolled, MedianTime, "µs", Less, 400),
	}
	results = append(results, Result{Work: "a", Case: "64 B", Peer: Gnet, Metric: TakenByLoop, Unit: "M/s",
		Better: More, Values: []float64{99}, Fault: "connection 0: datagram 7 came instead of 6"})
	for i, scale := range []int{1, 10, 100, 1000, 10_000} {
		for _, s := range scaledWorks {
			for j, peer := range []string{Queuednet, Gnet, Plain} {
				r := result(s.work, fmt.Sprint(scale), peer, s.metric, "", Less, 0.2*float64(j+1)*float64(i+1))
				r.Scale = scale
				results = append(results, r)
			}
		}
	}
	return results
}

func TestMedian(t *testing.T) {
	require.Equal(t, 3.0, (&Result{Values: []float64{9, 1, 3}}).median())
	require.Equal(t, 2.5, (&Result{Values: []float64{4, 2, 3, 1}}).median())
	values := []float64{3, 1, 2}
	(&Result{Values: values}).median()
	require.Equal(t, []float64{3, 1, 2}, values, "the order of the repetitions is kept")
}

func TestLead(t *testing.T) {
	two, three := []float64{2}, []float64{3}
	require.Equal(t, 1.5, (&Result{Better: More, Values: three}).lead(&Result{Better: More, Values: two}))
	require.Equal(t, 1.5, (&Result{Better: Less, Values: two}).lead(&Result{Better: Less, Values: three}))
	none := []float64{0}
	require.Equal(t, 1.0, (&Result{Better: Less, Values: none}).lead(&Result{Better: Less, Values: none}))
	require.Greater(t, (&Result{Better: Less, Values: none}).lead(&Result{Better: Less, Values: two}), 1e9)
}

func TestNumber(t *testing.T) {
	for want, v := range map[string]float64{
		"0": 0, "0.0123": 0.01234, "0.500": 0.5004, "1.50": 1.5, "12": 12, "100": 99.96, "12.3": 12.34, "123": 123.4,
		"12,346": 12345.6, "1,234,567": 1234567, "-1,000": -1000,
	} {
		require.Equal(t, want, number(v))
	}
}

func TestRatio(t *testing.T) {
	for want, v := range map[string]float64{"0.012×": 0.0123, "0.61×": 0.611, "2.00×": 2, "12.3×": 12.34, "1,234×": 1234} {
		require.Equal(t, want, ratio(v))
	}
}

func TestText(t *testing.T) {
	var w strings.Builder
	Text(&w, example())
	text := w.String()
	require.Contains(t, text, `(a) one connection, bulk, a loop that waits
  case  measured                queuednet   gnet       nbio        bare
  64 B  taken by the loop, M/s  22 (20–24)  fault [1]  30 (1.36×)  44 (2.00×)
  [1] 64 B, gnet: connection 0: datagram 7 came instead of 6
`)
	require.Contains(t, text, "11 (10–12)  5.50 (0.50×)\n")
	require.Contains(t, text, "20 (20–20)  25 (1.25×)  400 (20.0×)\n")
	require.Less(t, strings.Index(text, "(a) one"), strings.Index(text, "(b) 1,000"), "works are in order")
	require.NotContains(t, text, "99", "a fault has no figure")
	// 1 ms for 10,000 receivers.
	require.Regexp(t, `\(d\) broadcast, in the loop +10000 +10,000 receivers +100 +200 \(2.00×\) +300 \(3.00×\)`, text)
	// 0.2 M/s are 5,000 ns; the better of them is the lesser.
	require.Regexp(t, `\(b\) bulk +1 +1 connections +5,000 +2,500 \(0.50×\)`, text)
}

func TestWithoutOurFigureThereIsNoRatio(t *testing.T) {
	ours := result("b", "", Queuednet, TakenByLoop, "M/s", More, 12)
	ours.Fault = "lost 3"
	var w strings.Builder
	Text(&w, []Result{ours, result("b", "", Gnet, TakenByLoop, "M/s", More, 5)})
	require.Contains(t, w.String(), "fault [1]  5\n")
	require.Regexp(t, `\(b\) +taken by the loop +at least gnet +fault: lost 3 +no`, w.String())
}

func TestNothingMeasuredIsAFault(t *testing.T) {
	var w strings.Builder
	Text(&w, []Result{result("b", "", Queuednet, TakenByLoop, "M/s", More)})
	require.Contains(t, w.String(), "[1] queuednet: nothing was measured")
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	machine := Machine{CPU: "a CPU", Cores: 2, OS: "linux", Kernel: "6.1", Go: "go1.26", Date: "2026-01-02",
		Versions: map[string]string{Gnet: "v2.10.0"}, Settings: map[string]string{Gnet: "multicore", Queuednet: "the defaults"}}
	require.NoError(t, Write(dir, machine, example()))

	data, err := os.ReadFile(filepath.Join(dir, "results.json"))
	require.NoError(t, err)
	var kept struct {
		Machine Machine
		Results []Result
	}
	require.NoError(t, json.Unmarshal(data, &kept))
	require.Equal(t, machine, kept.Machine)
	require.Equal(t, example(), kept.Results)

	data, err = os.ReadFile(filepath.Join(dir, "RESULTS.md"))
	require.NoError(t, err)
	require.Contains(t, string(data), "2026-01-02: a CPU, 2 cores, linux, kernel 6.1, go1.26.\n")
	require.Contains(t, string(data), "| 64 B | taken by the loop, M/s | 22 (20–24) | fault [1] | 30 (1.36×) | 44 (2.00×) |\n")
	require.Contains(t, string(data), "| gnet | v2.10.0 | multicore |\n| queuednet |  | the defaults |\n")
	require.Contains(t, string(data), "(overview.svg)")
	require.Contains(t, string(data), "(scale.svg)")

	for _, name := range []string{"overview.svg", "scale.svg"} {
		file, err := os.Open(filepath.Join(dir, name))
		require.NoError(t, err)
		for decoder := xml.NewDecoder(file); err == nil; {
			_, err = decoder.Token()
		}
		require.True(t, errors.Is(err, io.EOF), "%s: %v", name, err)
		require.NoError(t, file.Close())
	}
}

func TestWriteSaysWhatItCouldNotWrite(t *testing.T) {
	require.ErrorIs(t, Write(filepath.Join(t.TempDir(), "missing"), Machine{}, example()), os.ErrNotExist)
}

func TestPlotsWithoutFigures(t *testing.T) {
	var results []Result
	for _, r := range example() {
		r.Fault = "lost"
		results = append(results, r)
	}
	require.NoError(t, Write(t.TempDir(), Machine{}, results))
	require.NoError(t, Write(t.TempDir(), Machine{}, nil))
}
