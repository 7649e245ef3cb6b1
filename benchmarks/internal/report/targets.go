package report

import (
	"maps"
	"slices"
)

// A target is a figure that queuednet has to reach in every case of a work, or
// in the case named: a bound, or a lead over peers in the same run.
type target struct {
	work, name, metric string // an empty name is every case
	words              string
	bound              float64 // at most so much
	unit               string  // of the bound; empty if the target is a lead
	lead               float64
	over               []string // the peers to lead, nil for every one
}

// targets is what the library is measured against.
var targets = []target{
	{work: "a", metric: TakenByLoop, words: "at least 1.5 × gnet", lead: 1.5, over: []string{Gnet}},
	{work: "a", name: "512 B", metric: TakenByLoop, words: "within 20 % of a bare read loop", lead: 0.8, over: []string{Bare}},
	{work: "b", metric: TakenByLoop, words: "at least gnet", lead: 1, over: []string{Gnet}},
	{work: "c", metric: LibraryTime, words: "at most 0.2 ms", bound: 0.2, unit: "ms"},
	{work: "d", name: "64 B", metric: LoopTime, words: "at most 0.12 ms", bound: 0.12, unit: "ms"},
	{work: "d", metric: LoopTime, words: "at most half of any peer", lead: 2},
	{work: "d", metric: CPU, words: "not above gnet", lead: 1, over: []string{Gnet}},
	{work: "e", metric: MedianTime, words: "no worse than plain Go", lead: 1, over: []string{Plain}},
	{work: "f", metric: FreshMemory, words: "at most 4.0 KB", bound: 4000, unit: "B"},
	{work: "f", metric: UsedMemory, words: "at most 4.4 KB", bound: 4400, unit: "B"},
	{work: "f", metric: FreshMemory, words: "to try: 1 KB", bound: 1000, unit: "B"},
	{work: "f", metric: IdlePoll, words: "at most 5 ns", bound: 5, unit: "ns"},
	{work: "g", metric: CPU, words: "at most 5 % of a core", bound: 5, unit: "%"},
	{work: "h", metric: CPU, words: "the lowest of all", lead: 1},
	{work: "i", metric: Accepted, words: "at least plain Go", lead: 1, over: []string{Plain}},
	{work: "j", metric: Allocations, words: "none", bound: 0, unit: "allocs"},
	{work: "j", metric: Time, words: "within 1.3 × hand-written", lead: 1 / 1.3, over: []string{HandWritten}},
}

// targetTable says of each target, in each case that it is for, what was measured
// and whether that meets it.
func targetTable(all []*row) table {
	t := table{title: "Targets", header: []string{"work", "case", "metric", "target", "measured", "met"}}
	for _, target := range targets {
		found := false
		for _, r := range all {
			if r.Scale == 0 && r.Work == target.work && r.Metric == target.metric &&
				(target.name == "" || target.name == r.Case) {
				measured, met := target.check(r)
				t.cells = append(t.cells, []string{"(" + r.Work + ")", r.Case, r.Metric, target.words, measured, met})
				found = true
			}
		}
		if !found {
			t.cells = append(t.cells, []string{"(" + target.work + ")", target.name, target.metric, target.words, "", notMeasured})
		}
	}
	return t
}

const notMeasured = "not measured"

// check returns what was measured and "yes", "no" or "not measured".
func (t *target) check(r *row) (measured, met string) {
	ours := r.ours()
	if ours == nil {
		if result := r.byPeer[Queuednet]; result != nil && result.Fault != "" {
			return "fault: " + result.Fault, "no"
		}
		return "", notMeasured
	}
	if t.unit != "" {
		value := ours.median() * unitFactor(r.Unit) / unitFactor(t.unit)
		return number(value) + " " + t.unit, yesNo(value <= t.bound)
	}
	over := t.over
	if over == nil {
		over = rivals(r)
	}
	peer, lead := closest(r, over)
	if peer == "" {
		return "", notMeasured
	}
	return ratio(lead) + " " + peer, yesNo(lead >= t.lead)
}

// closest returns the peer, of those named, over which queuednet leads least, and
// by how much; none if none of them has a figure. Queuednet must have one.
func closest(r *row, over []string) (peer string, least float64) {
	for _, other := range over {
		if theirs := r.figure(other); theirs != nil {
			if lead := r.ours().lead(theirs); peer == "" || lead < least {
				peer, least = other, lead
			}
		}
	}
	return peer, least
}

// rivals returns the peers of a row: not queuednet, and not the bare loop, which
// does not do the whole work.
func rivals(r *row) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(r.byPeer)), func(peer string) bool {
		return peer == Queuednet || peer == Bare
	})
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// unitFactor returns what a unit is in the smallest of its kind.
func unitFactor(unit string) float64 {
	switch unit {
	case "µs", "KB":
		return 1e3
	case "ms":
		return 1e6
	case "s":
		return 1e9
	default:
		return 1
	}
}
