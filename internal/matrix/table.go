package matrix

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/queuednet/queuednet/internal/testend"
)

// title is the name of a row, as a subtest and in the table.
func (r *row) title() string { return fmt.Sprintf("%d %s", r.promise, r.name) }

var update = flag.Bool("update", false, "write the matrix into its file")

// CheckTable fails unless the file has the matrix of these kinds, between two
// comments that begin and end with its name. With -update it writes it.
func CheckTable(t *testing.T, path, name string, kinds []testend.Kind) {
	t.Helper()
	begin, end := "<!-- "+name+" -->\n", "<!-- end of "+name+" -->\n"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begun := strings.Cut(string(text), begin)
	got, after, ended := strings.Cut(rest, end)
	switch want := table(kinds); {
	case !begun || !ended:
		t.Fatalf("%s has no %q with %q after it", path, begin, end)
	case got == want:
	case *update:
		if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s does not have this, which go test -run %s -update writes:\n%s", path, t.Name(), want)
	}
}

// table returns the matrix in Markdown: for each row and kind "yes", or the
// number of the reason why not.
func table(kinds []testend.Kind) string {
	var (
		table   strings.Builder
		reasons []string
	)
	number := func(why string) int {
		for i, reason := range reasons {
			if reason == why {
				return i + 1
			}
		}
		reasons = append(reasons, why)
		return len(reasons)
	}
	table.WriteString("| Promise |")
	for _, kind := range kinds {
		fmt.Fprintf(&table, " %s |", kind.Name)
	}
	table.WriteString("\n|---|" + strings.Repeat("---|", len(kinds)) + "\n")
	for _, row := range rows() {
		fmt.Fprintf(&table, "| %s |", row.title())
		for _, kind := range kinds {
			cell := "yes"
			if why := row.missing(kind); why != "" {
				cell = fmt.Sprintf("no [%d]", number(why))
			}
			fmt.Fprintf(&table, " %s |", cell)
		}
		table.WriteString("\n")
	}
	table.WriteString("\n")
	for i, why := range reasons {
		fmt.Fprintf(&table, "%d. %s\n", i+1, why)
	}
	return table.String()
}

// missing says why a kind cannot keep the row, or nothing.
func (r *row) missing(kind testend.Kind) string {
	for _, ability := range r.needs {
		if why := kind.Cannot[ability]; why != "" {
			return why
		}
	}
	return ""
}
