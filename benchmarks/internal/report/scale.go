package report

import "fmt"

// A scaled work was run at several scales: numbers of connections or receivers.
type scaled struct {
	work, metric string
	name, axis   string
	cost         func(value float64, scale int) float64 // of a datagram, in ns
}

// scaledWorks are those of the scale table, in the order of its plots.
var scaledWorks = []scaled{
	{"b", TakenByLoop, "(b) bulk", "connections", func(million float64, _ int) float64 { return 1e3 / million }},
	{"c", LibraryDatagram, "(c) 30,000 a frame, in the library", "connections", itself},
	{"g", CPUDatagram, "(g) 10 Hz a connection, CPU", "connections", itself},
	{"d", CPUDatagram, "(d) broadcast, CPU", "receivers", itself},
	{"d", LoopTime, "(d) broadcast, in the loop", "receivers",
		func(ms float64, receivers int) float64 { return ms * 1e6 / float64(receivers) }},
}

func itself(ns float64, _ int) float64 { return ns }

// rowsOf returns the rows of a scaled work, in the order they were run.
func (s *scaled) rowsOf(all []*row) []*row {
	var rows []*row
	for _, r := range all {
		if r.Scale != 0 && r.Work == s.work && r.Metric == s.metric {
			rows = append(rows, r)
		}
	}
	return rows
}

// costOf returns what a datagram cost a peer, in ns.
func (s *scaled) costOf(result *Result) float64 {
	return s.cost(result.median(), result.Scale)
}

// scaleTable returns the cost of a datagram by scale, in ns, for all scaled works.
func scaleTable(all []*row) table {
	t := table{title: "Cost over scale: ns a datagram"}
	var measured []*row
	for i := range scaledWorks {
		measured = append(measured, scaledWorks[i].rowsOf(all)...)
	}
	peers := peersOf(measured)
	t.header = append([]string{"work", "case", "scale"}, peers...)
	for i := range scaledWorks {
		s := &scaledWorks[i]
		for _, r := range s.rowsOf(all) {
			line := []string{s.name, r.Case, fmt.Sprintf("%s %s", thousands(int64(r.Scale)), s.axis)}
			for _, peer := range peers {
				line = append(line, t.costCell(s, r, peer))
			}
			t.cells = append(t.cells, line)
		}
	}
	return t
}

func (t *table) costCell(s *scaled, r *row, peer string) string {
	result := r.byPeer[peer]
	switch {
	case result == nil:
		return ""
	case !result.valid():
		return t.fault(result)
	}
	cost := number(s.costOf(result))
	if ours := r.ours(); ours != nil && peer != Queuednet {
		cost += " (" + ratio(s.costOf(result)/s.costOf(ours)) + ")"
	}
	return cost
}
