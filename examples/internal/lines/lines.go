// Package lines lets a test wait for what a program prints.
package lines

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds a wait for something that is to happen. It is reached only
// where something is broken.
const patience = time.Minute

// A Lines is a program's stdout. It is safe for use by several goroutines.
type Lines struct {
	t testing.TB

	mu      sync.Mutex
	partial string
	seen    []string      // all lines, for the message of a failure
	next    int           // the first of seen that Await has not passed
	changed chan struct{} // closed and replaced with each write
}

// New returns Lines for a test to write to, or let a program write to.
func New(t testing.TB) *Lines {
	return &Lines{t: t, changed: make(chan struct{})}
}

// Write takes what the program prints.
func (l *Lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	whole := strings.Split(l.partial+string(p), "\n")
	l.partial = whole[len(whole)-1]
	l.seen = append(l.seen, whole[:len(whole)-1]...)
	close(l.changed)
	l.changed = make(chan struct{})
	return len(p), nil
}

// Await returns what follows prefix in the next line that begins with it. It
// passes over other lines, and fails the test if none comes.
func (l *Lines) Await(prefix string) string {
	l.t.Helper()
	deadline := time.After(patience)
	for {
		l.mu.Lock()
		for l.next < len(l.seen) {
			line := l.seen[l.next]
			l.next++
			if rest, ok := strings.CutPrefix(line, prefix); ok {
				l.mu.Unlock()
				return rest
			}
		}
		changed := l.changed
		l.mu.Unlock()
		select {
		case <-changed:
		case <-deadline:
			l.t.Fatalf("no line with %q; there were:\n%s", prefix, l)
		}
	}
}

// String returns all that was printed, also what Await has passed.
func (l *Lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(append(l.seen[:len(l.seen):len(l.seen)], l.partial), "\n")
}
