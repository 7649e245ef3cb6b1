package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

const (
	overviewFile = "overview.svg"
	scaleFile    = "scale.svg"
)

const legend = `The median of the repetitions. In brackets: for queuednet the least and the most of them, for a peer its ratio
to queuednet. A run that lost or reordered anything has a footnote and no figure.`

// Write writes RESULTS.md, results.json and the plots into dir.
func Write(dir string, machine Machine, results []Result) error {
	all := rows(results)
	files := map[string][]byte{"RESULTS.md": markdown(machine, all)}
	if measured := atScale(all, false); len(measured) > 0 {
		files[overviewFile] = overview(measured)
	}
	if measured := atScale(all, true); len(measured) > 0 {
		files[scaleFile] = scalePlots(measured)
	}
	data, err := json.MarshalIndent(struct {
		Machine Machine  `json:"machine"`
		Results []Result `json:"results"`
	}{machine, results}, "", "\t")
	if err != nil {
		return err
	}
	files["results.json"] = append(data, '\n')
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
			return err
		}
	}
	return nil
}

// Text writes the tables for a terminal.
func Text(w io.Writer, results []Result) {
	for _, t := range tables(rows(results)) {
		t.text(w)
	}
	fmt.Fprintln(w, legend)
}

// tables returns all of the report's tables.
func tables(all []*row) []table {
	tables := workTables(atScale(all, false))
	if measured := atScale(all, true); len(measured) > 0 {
		tables = append(tables, scaleTable(measured))
	}
	return append(tables, targetTable(all))
}

// atScale returns the rows of the scale table, or all the others.
func atScale(all []*row, scaled bool) []*row {
	var chosen []*row
	for _, r := range all {
		if (r.Scale != 0) == scaled {
			chosen = append(chosen, r)
		}
	}
	return chosen
}

func markdown(machine Machine, all []*row) []byte {
	var w bytes.Buffer
	fmt.Fprintf(&w, "# Results\n\n%s: %s, %d cores, %s, kernel %s, %s.\n\n",
		machine.Date, machine.CPU, machine.Cores, machine.OS, machine.Kernel, machine.Go)
	fmt.Fprintf(&w, "%s\n\n", legend)
	if len(atScale(all, false)) > 0 {
		fmt.Fprintf(&w, "![how far queuednet is ahead](%s)\n\n", overviewFile)
	}
	for _, t := range tables(all) {
		t.markdown(&w)
	}
	if len(atScale(all, true)) > 0 {
		fmt.Fprintf(&w, "![cost of a datagram over the number of connections](%s)\n\n", scaleFile)
	}
	fmt.Fprint(&w, "## The peers\n\n| peer | version | settings |\n| --- | --- | --- |\n")
	peers := maps.Clone(machine.Settings)
	if peers == nil {
		peers = make(map[string]string)
	}
	maps.Copy(peers, machine.Versions)
	for _, peer := range slices.Sorted(maps.Keys(peers)) {
		fmt.Fprintf(&w, "| %s | %s | %s |\n", peer, machine.Versions[peer], machine.Settings[peer])
	}
	return w.Bytes()
}
