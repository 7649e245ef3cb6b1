package report

import (
	"math"
	"slices"
)

// overview draws how far queuednet is ahead: a line a figure, a sign a peer, and
// a bar that ends at the peer that comes closest.
func overview(measured []*row) []byte {
	lines := compared(measured)
	const (
		width, left, right = 960, 330, 40
		lineHeight         = 20
	)
	least, most := 1.0, 1.0
	for _, r := range lines {
		for _, lead := range leads(r, r.ours()) {
			least, most = min(least, lead.times), max(most, lead.times)
		}
	}
	scale := logScale{least / 1.1, most * 1.1, left, width - right}
	works := 0
	for range byWork(lines) {
		works++
	}
	const top, gap = 94, 6
	bottom := float64(top + lineHeight*len(lines) + gap*works)
	s := newSVG(width, int(bottom)+40, "How many times better queuednet is than each peer")
	s.text(16, 24, "start", "title", "How many times better queuednet is than each peer")
	s.legend(point{22, 48}, width, slices.DeleteFunc(peersOf(lines), func(peer string) bool { return peer == Queuednet }))
	for _, tick := range scale.ticks(1, 2, 5) {
		s.line(scale.at(tick), top, scale.at(tick), bottom, "grid")
		s.text(scale.at(tick), bottom+16, "middle", "quiet", tickLabel(tick)+"×")
	}
	s.text(scale.at(1)-8, bottom+34, "end", "quiet", "← the peer is ahead")
	s.text(scale.at(1)+8, bottom+34, "start", "quiet", "queuednet is ahead →")

	y := float64(top)
	for work, rows := range byWork(lines) {
		y += gap
		s.text(16, y+14, "start", "title", work)
		for _, r := range rows {
			middle := y + lineHeight/2
			s.text(left-12, middle+4, "end", "", label(r))
			if peer, times := closest(r, rivals(r)); peer != "" && !math.IsInf(times, 0) && times > 0 {
				s.bar(scale.at(1), scale.at(times), middle, times >= 1)
			}
			for _, lead := range leads(r, r.ours()) {
				s.mark(point{scale.at(lead.times), middle}, place(lead.peer),
					lead.peer+": "+ratio(lead.times))
			}
			y += lineHeight
		}
	}
	s.line(scale.at(1), top, scale.at(1), bottom, "axis")
	return s.end()
}

// compared returns the rows that have somebody to compare the library with.
func compared(measured []*row) []*row {
	var lines []*row
	for _, r := range measured {
		if ours := r.ours(); ours != nil && len(leads(r, ours)) > 0 {
			lines = append(lines, r)
		}
	}
	return lines
}

// label names a figure.
func label(r *row) string {
	if r.Case == "" {
		return r.Metric
	}
	return r.Case + ": " + r.Metric
}

// A lead is how many times better than a peer queuednet is.
type lead struct {
	peer  string
	times float64
}

// leads returns those over each peer that has a figure; one over nothing, such as
// over 0 allocations, has no place on a scale.
func leads(r *row, ours *Result) []lead {
	var leads []lead
	for peer := range r.byPeer {
		theirs := r.figure(peer)
		if peer == Queuednet || theirs == nil {
			continue
		}
		if times := ours.lead(theirs); times > 0 && !math.IsInf(times, 0) {
			leads = append(leads, lead{peer, times})
		}
	}
	slices.SortFunc(leads, func(a, b lead) int { return place(a.peer) - place(b.peer) })
	return leads
}
