// Package report is a stand-in.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

type Result struct {
	Work   string    `json:"work"`
	Case   string    `json:"case"`
	Scale  int       `json:"scale,omitempty"`
	Peer   string    `json:"peer"`
	Metric string    `json:"metric"`
	Unit   string    `json:"unit"`
	Better string    `json:"better"`
	Values []float64 `json:"values"`
	Fault  string    `json:"fault,omitempty"`
}

type Machine struct {
	CPU            string
	Cores          int
	OS, Kernel, Go string
	Date           string
	Versions       map[string]string
	Settings       map[string]string
}

func Write(dir string, machine Machine, results []Result) error {
	b, err := json.MarshalIndent(results, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "results.json"), b, 0o644)
}

func Text(w io.Writer, results []Result) {
	for _, r := range results {
		v := slices.Sorted(slices.Values(r.Values))
		m := 0.0
		if len(v) > 0 {
			m = v[len(v)/2]
		}
		fmt.Fprintf(w, "%s %-20s %-18s %-34s %10.3f %-4s %v %s\n", r.Work, r.Case, r.Peer, r.Metric, m, r.Unit, r.Values, r.Fault)
	}
}

func Encoding() []Result { return nil }
