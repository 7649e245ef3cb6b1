package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// A table is the results as Markdown.
type table struct {
	head  string
	rows  []string
	last  map[string]run // by kind, the largest load that it has carried
	best  map[string]result
	kinds []kind
}

func newTable(b *bench, o options) *table {
	panda := "Panda3D was not installed"
	if b.panda != "" {
		panda = "Panda3D " + b.panda
	}
	t := &table{last: make(map[string]run), best: make(map[string]result)}
	t.head = fmt.Sprintf(`# Servers of distributed objects

Written by `+"`go run .`"+` on %s: %d cores, %s, %s, %s, %s. Each figure is of the run with the median p99 of %d,
each measured for %v. [README.md](README.md) says how.

`, time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), processor(), runtime.GOOS+"/"+runtime.GOARCH, runtime.Version(), panda, o.repeat, o.seconds)
	return t
}

func (t *table) add(r run, m result) {
	if len(t.kinds) == 0 || t.kinds[len(t.kinds)-1].name != r.kind.name {
		t.kinds = append(t.kinds, r.kind)
	}
	if m.fault != "" {
		t.rows = append(t.rows, fmt.Sprintf("| %s | %d | | | | | %s |\n", r.kind.name, r.clients, strings.ReplaceAll(firstLine(m.fault), "|", "/")))
		return
	}
	note := ""
	if m.behind {
		note = "falls behind"
		if m.lost > 0 {
			note += fmt.Sprintf(": %d updates had not come in the end", m.lost)
		}
	} else {
		t.last[r.kind.name], t.best[r.kind.name] = r, m
	}
	t.rows = append(t.rows, fmt.Sprintf("| %s | %d | %.0f | %.1f | %.1f | %.0f | %s |\n",
		r.kind.name, r.clients, m.updates, m.p50.Seconds()*1000, m.p99.Seconds()*1000, m.cpu, note+t.shared(m, note)))
}

// shared says that the clients had no processor left, so that it is not the server that is
// at its end.
func (t *table) shared(m result, note string) string {
	if m.cpu+m.loadCPU < 90*float64(runtime.NumCPU()) {
		return ""
	}
	if note != "" {
		note = "; "
	}
	return fmt.Sprintf("%sall cores are busy, the clients use %.0f %%", note, m.loadCPU)
}

func (t *table) text() string {
	var s strings.Builder
	s.WriteString(t.head)
	for _, k := range t.kinds {
		fmt.Fprintf(&s, "* **%s**: %s.\n", k.name, k.about)
	}
	s.WriteString("\n| server | clients | updates told a second | p50 ms | p99 ms | CPU % | |\n|---|--:|--:|--:|--:|--:|---|\n")
	for _, row := range t.rows {
		s.WriteString(row)
	}
	s.WriteString("\n")
	for _, k := range t.kinds {
		r, ok := t.last[k.name]
		if !ok {
			continue
		}
		m := t.best[k.name]
		fmt.Fprintf(&s, "* **%s** carries %d clients, %.0f updates told a second, with %.1f µs of processor time for each", k.name, r.clients, m.updates, m.cpu*1e4/m.updates)
		if m.cpu > 0 {
			fmt.Fprintf(&s, ": %.0f a second for each core that it keeps busy", m.updates*100/m.cpu)
		}
		s.WriteString(".\n")
	}
	return s.String()
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// processor returns the name of the processor.
func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range bytes.Lines(text) {
		if name, value, ok := strings.Cut(string(line), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "an unknown processor"
}
