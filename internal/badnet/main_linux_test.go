package badnet

import (
	"flag"
	"os"
	"testing"
	"time"
)

var (
	longFlag = flag.Bool("long", false, "run for minutes instead of seconds, with the library's default time limits, and write RESULTS.md")
	seedFlag = flag.Uint64("seed", 0, "decides which packets are lost; 0 is a random one")
)

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if code == 0 && *longFlag {
		if err := writeResults(); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			code = 1
		}
	}
	os.Exit(code)
}

// shortOrLong picks what a run of this length needs.
func shortOrLong[T any](short, long T) T {
	if *longFlag {
		return long
	}
	return short
}

// longRun is how long each suite sends in the long form.
const longRun = time.Minute

// patience bounds every wait for something that is to happen.
const patience = 90 * time.Second
