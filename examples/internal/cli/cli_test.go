package cli

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"
)

func TestExitCode(t *testing.T) {
	for _, test := range []struct {
		err    error
		code   int
		stderr string
	}{
		{nil, 0, ""},
		{flag.ErrHelp, 0, ""},
		{fmt.Errorf("wrapped: %w", flag.ErrHelp), 0, ""},
		{errors.New("no luck"), 1, "name: no luck\n"},
	} {
		var stderr bytes.Buffer
		if code := exitCode("name", test.err, &stderr); code != test.code || stderr.String() != test.stderr {
			t.Errorf("%v: exit code %d and %q", test.err, code, stderr.String())
		}
	}
}

func TestParse(t *testing.T) {
	parse := func(args ...string) (port int, stdout string, err error) {
		var out bytes.Buffer
		flags := flag.NewFlagSet("name", flag.ContinueOnError)
		flags.IntVar(&port, "port", 9099, "the `port`")
		err = Parse(flags, args, &out)
		return port, out.String(), err
	}
	if port, stdout, err := parse(); port != 9099 || stdout != "" || err != nil {
		t.Error("no arguments:", port, stdout, err)
	}
	if port, stdout, err := parse("-port", "1"); port != 1 || stdout != "" || err != nil {
		t.Error("-port 1:", port, stdout, err)
	}
	if _, stdout, err := parse("-h"); !strings.Contains(stdout, "-port port") || !errors.Is(err, flag.ErrHelp) {
		t.Error("-h:", stdout, err)
	}
	for _, wrong := range [][]string{{"-port", "x"}, {"-prot", "1"}, {"-port", "1", "x"}} {
		if _, stdout, err := parse(wrong...); stdout != "" || err == nil || strings.Contains(err.Error(), "\n") {
			t.Error(wrong, stdout, err)
		}
	}
}

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"Hello, world!":       "Hello, world!",
		"grüß dich, 世界":       "grüß dich, 世界",
		"a\nb\x1b[2J\x00\xff": "a\uFFFDb\uFFFD[2J\uFFFD\uFFFD",
		"\u202Eevil":          "\uFFFDevil",
	} {
		if got := Printable(text); got != want {
			t.Errorf("%q became %q", text, got)
		}
	}
}
