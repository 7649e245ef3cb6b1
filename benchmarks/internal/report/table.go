package report

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// works has the title of each work.
var works = map[string]string{
	"a": "one connection, bulk, a loop that waits",
	"b": "1,000 connections, 16 × 64 B a write",
	"c": "1,000 connections, 30,000 datagrams a frame at 60 Hz",
	"d": "broadcast to 1,000 connections at 60 Hz",
	"e": "round trip of 32 B",
	"f": "10,000 idle connections",
	"g": "1,000 clients at 10 Hz, a loop of 60 Hz",
	"h": "200 clients: 30 Hz in, snapshots of 1.2 KB at 20 Hz out",
	"i": "accepting connections",
	"j": "encoding and decoding a position message of 10 fields",
}

// A table is cells under a title, with footnotes.
type table struct {
	title  string
	header []string
	cells  [][]string
	notes  []string
}

// workTables returns a table a work: a line a case and metric, a column a peer.
func workTables(all []*row) []table {
	var tables []table
	for work, rows := range byWork(all) {
		t := table{title: fmt.Sprintf("(%s) %s", work, works[work])}
		peers := peersOf(rows)
		t.header = append([]string{"case", "measured"}, peers...)
		for _, r := range rows {
			line := []string{r.Case, r.Metric + ", " + r.Unit}
			for _, peer := range peers {
				line = append(line, t.cell(r, peer))
			}
			t.cells = append(t.cells, line)
		}
		tables = append(tables, t)
	}
	return tables
}

// byWork splits the rows, which are in the order of their works.
func byWork(all []*row) func(yield func(string, []*row) bool) {
	return func(yield func(string, []*row) bool) {
		for len(all) > 0 {
			work, n := all[0].Work, 1
			for n < len(all) && all[n].Work == work {
				n++
			}
			if !yield(work, all[:n]) {
				return
			}
			all = all[n:]
		}
	}
}

// peersOf returns the peers that the rows have, in the order of columns.
func peersOf(rows []*row) []string {
	var peers []string
	for _, r := range rows {
		for _, peer := range slices.Sorted(maps.Keys(r.byPeer)) {
			if !slices.Contains(peers, peer) {
				peers = append(peers, peer)
			}
		}
	}
	slices.SortStableFunc(peers, func(a, b string) int { return place(a) - place(b) })
	return peers
}

// place returns where a peer stands in the order of columns.
func place(peer string) int {
	if i := slices.Index(peerOrder, peer); i >= 0 {
		return i
	}
	return len(peerOrder)
}

// cell returns a peer's figure: queuednet's with its spread, the others' with
// their ratio to it. A fault is named in a footnote.
func (t *table) cell(r *row, peer string) string {
	result := r.byPeer[peer]
	switch {
	case result == nil:
		return ""
	case !result.valid():
		return t.fault(result)
	case peer == Queuednet:
		return fmt.Sprintf("%s (%s–%s)", number(result.median()),
			number(slices.Min(result.Values)), number(slices.Max(result.Values)))
	}
	ours := r.ours()
	if ours == nil || ours.median() == 0 {
		return number(result.median())
	}
	return fmt.Sprintf("%s (%s)", number(result.median()), ratio(result.median()/ours.median()))
}

// fault adds a footnote for a result without a figure, and returns the cell that
// points to it.
func (t *table) fault(result *Result) string {
	fault := result.Fault
	if fault == "" {
		fault = "nothing was measured"
	}
	note := fmt.Sprintf("%s: %s", result.Peer, fault)
	if result.Case != "" {
		note = result.Case + ", " + note
	}
	i := slices.Index(t.notes, note)
	if i < 0 {
		i = len(t.notes)
		t.notes = append(t.notes, note)
	}
	return fmt.Sprintf("fault [%d]", i+1)
}

// number writes a figure with three digits that count, or all of an integer's.
func number(v float64) string {
	if math.Abs(v) < 100 {
		v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64)
	}
	switch {
	case math.IsInf(v, 0):
		return "∞"
	case math.Abs(v) >= 100:
		return thousands(int64(math.Round(v)))
	case v == math.Trunc(v):
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'f', 2-int(math.Floor(math.Log10(math.Abs(v)))), 64)
}

// ratio writes a ratio, with no more digits than repetitions agree on.
func ratio(v float64) string {
	switch {
	case v >= 100:
		return number(v) + "×"
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64) + "×"
	case v >= 0.1:
		return strconv.FormatFloat(v, 'f', 2, 64) + "×"
	default:
		return strconv.FormatFloat(v, 'g', 2, 64) + "×"
	}
}

// thousands writes an integer with commas.
func thousands(n int64) string {
	if n < 0 {
		return "-" + thousands(-n)
	}
	if n < 1000 {
		return strconv.FormatInt(n, 10)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

// text writes the table for a terminal.
func (t *table) text(w io.Writer) {
	fmt.Fprintf(w, "%s\n", t.title)
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, line := range append([][]string{t.header}, t.cells...) {
		fmt.Fprintf(columns, "  %s\n", strings.Join(line, "\t"))
	}
	columns.Flush()
	for i, note := range t.notes {
		fmt.Fprintf(w, "  [%d] %s\n", i+1, note)
	}
	fmt.Fprintln(w)
}

// markdown writes the table with its title as a heading.
func (t *table) markdown(w io.Writer) {
	fmt.Fprintf(w, "## %s\n\n", t.title)
	line := func(cells []string) { fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | ")) }
	line(t.header)
	line(slices.Repeat([]string{"---"}, len(t.header)))
	for _, cells := range t.cells {
		escaped := make([]string, len(cells))
		for i, cell := range cells {
			escaped[i] = strings.ReplaceAll(cell, "|", `\|`)
		}
		line(escaped)
	}
	fmt.Fprintln(w)
	for i, note := range t.notes {
		fmt.Fprintf(w, "[%d] %s  \n", i+1, note)
	}
	if len(t.notes) > 0 {
		fmt.Fprintln(w)
	}
}
