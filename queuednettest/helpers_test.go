package queuednettest_test

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// bubble runs a test in virtual time. One that leaves a goroutine behind fails.
func bubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, test)
}

func write(t testing.TB, w io.Writer, text string) {
	t.Helper()
	_, err := io.WriteString(w, text)
	require.NoError(t, err)
}

// read reads exactly n bytes.
func read(t testing.TB, r io.Reader, n int) string {
	t.Helper()
	b := make([]byte, n)
	_, err := io.ReadFull(r, b)
	require.NoError(t, err)
	return string(b)
}

// readAll reads to the end, which must be this error, nil for io.EOF.
func readAll(r io.Reader, end error) string {
	b, err := io.ReadAll(r)
	if !errors.Is(err, end) {
		return "the end is " + err.Error()
	}
	return string(b)
}

// fatal is a test that may fail: its message is kept. What it has to clean up is
// left to cleanUp.
type fatal struct {
	testing.TB
	message  string
	cleanups []func()
}

func (f *fatal) Cleanup(cleanup func()) { f.cleanups = append(f.cleanups, cleanup) }

func (f *fatal) cleanUp() {
	for i := len(f.cleanups) - 1; i >= 0; i-- {
		f.cleanups[i]()
	}
}

func (f *fatal) Helper() {}

func (f *fatal) Fatal(args ...any) {
	f.message = fmt.Sprint(args...)
	runtime.Goexit()
}

func (f *fatal) Fatalf(format string, args ...any) { f.Fatal(fmt.Sprintf(format, args...)) }
