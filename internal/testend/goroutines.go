package testend

import (
	"bytes"
	"context"
	"fmt"
	"runtime/pprof"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Goroutines counts the goroutines that a test has started, directly or not,
// while others run beside it. They carry a label, which a goroutine inherits
// from the one that starts it.
type Goroutines struct{ label string }

// TrackGoroutines labels the goroutine of the test, and fails the test if at its
// very end a goroutine is left of those that it has started. It is the first
// thing that the test does.
func TrackGoroutines(t testing.TB) Goroutines {
	g := Goroutines{fmt.Sprintf("%s at %p", t.Name(), t)}
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels("test", g.label)))
	t.Cleanup(func() {
		t.Helper()
		for end := time.Now().Add(Patience); g.Count() > 1; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Errorf("goroutines left:\n%s", strings.Join(g.stacks(), "\n\n"))
				break
			}
		}
		pprof.SetGoroutineLabels(context.Background())
	})
	return g
}

// Count returns how many there are, the test's own included.
func (g Goroutines) Count() (n int) {
	for _, stack := range g.stacks() {
		count, _, _ := strings.Cut(stack, " ")
		several, _ := strconv.Atoi(count)
		n += several
	}
	return n
}

// OfLibrary returns the stacks of those that are in a function of the library.
func (g Goroutines) OfLibrary() string {
	var left []string
	for _, stack := range g.stacks() {
		if strings.Contains(stack, "github.com/queuednet/queuednet.") {
			left = append(left, stack)
		}
	}
	return strings.Join(left, "\n\n")
}

// stacks returns one text for each stack, which begins with how many have it.
func (g Goroutines) stacks() (stacks []string) {
	var profile bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&profile, 1) // a Buffer takes everything
	_, list, _ := strings.Cut(profile.String(), "\n")  // the first line is a title
	for stack := range strings.SplitSeq(list, "\n\n") {
		if strings.Contains(stack, strconv.Quote(g.label)) {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}
