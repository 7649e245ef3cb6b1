package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"
)

// forTest returns options with which a demo takes as long as it needs: a busy
// machine, or the race detector, does not make it fail.
func forTest(t *testing.T) options {
	t.Helper()
	if runtime.GOOS == "js" {
		t.Skip("there are no real sockets")
	}
	options := defaults()
	options.duration = 500 * time.Millisecond
	options.roundTrip = time.Minute
	options.library = time.Minute
	options.patience = time.Minute
	return options
}

func TestDemoKeepsItsPromises(t *testing.T) {
	options := forTest(t)
	options.writeTimeout = 2 * time.Second // which must not end a player that is slow
	options.maxSendQueue = 4 << 20
	var stdout bytes.Buffer
	if err := demo(t.Context(), options, &stdout); err != nil {
		t.Error(err)
	}
	if n := strings.Count(stdout.String(), "\nok "); n != 11 || strings.Contains(stdout.String(), "FAILED") {
		t.Errorf("%d promises are kept:\n%s", n, stdout.String())
	}
	for line := range strings.Lines(stdout.String()) {
		if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > 80 || strings.Contains(line, "\r") {
			t.Errorf("%q does not fit", line)
		}
	}
}

func TestPlayersAlone(t *testing.T) {
	options := forTest(t)
	options.clients = 2
	options.misfits = nil
	var stdout bytes.Buffer
	if err := demo(t.Context(), options, &stdout); err != nil {
		t.Errorf("%v\n%s", err, stdout.String())
	}
}

func TestSendQueueFull(t *testing.T) {
	options := forTest(t)
	options.writeTimeout = time.Hour
	options.maxSendQueue = 4 * stateSize
	misfit := stopsReading
	misfit.ends = []string{"ErrSendQueueFull"}
	options.clients = 1
	options.misfits = []role{misfit}
	var stdout bytes.Buffer
	if err := demo(t.Context(), options, &stdout); err != nil {
		t.Errorf("%v\n%s", err, stdout.String())
	}
}

// breaches are ways to break a promise, and the line that tells of each.
var breaches = map[string]struct {
	change func(*options)
	line   string
}{
	"another end": {func(o *options) {
		misfit := resets
		misfit.ends = []string{"io.EOF"}
		o.misfits = []role{misfit}
	}, "FAILED  the client that resets ends with ECONNRESET, not io.EOF\n"},
	"no end": {func(o *options) {
		misfit := resets
		misfit.act = func(c *client) error { c.phase = lurking; return nil }
		o.misfits = []role{misfit}
		o.patience = time.Second // then all end, and in which order is a matter of luck
	}, "FAILED  the client that resets ends with "},
	"no end of one that leaves": {func(o *options) {
		misfit := floods
		misfit.act = cutOff
		o.misfits = []role{misfit}
	}, "FAILED  left with io.EOF after their last word: 1 of 2 clients that leave\n"},
	"something lost": {func(o *options) {
		misfit := resets
		misfit.act = func(c *client) error { c.number++; return reset(c) }
		o.misfits = []role{misfit}
	}, "FAILED  lost: 1 of "},
	"out of order": {func(o *options) {
		misfit := floods
		misfit.act = func(c *client) error {
			c.number--
			c.sayPosition()
			c.role.act, c.phase = nil, playing
			return nil
		}
		o.misfits = []role{misfit}
	}, "FAILED  came twice or out of order: 1 datagrams\n"},
	"slow": {func(o *options) {
		o.misfits = nil
		o.library = -time.Millisecond
	}, " ms in the library at p99 (limit -1 ms)\n"},
	"slow round trip": {func(o *options) {
		o.misfits = []role{floods}
		o.roundTrip = -time.Millisecond
	}, " ms since (limit -1 ms)\n"},
	"much at once": {func(o *options) {
		o.misfits = []role{floods}
		o.maxReceiveQueue = 1 // one datagram at a time is let through, more than that
	}, " KiB in a frame (limit 0 KiB)\n"},
}

func TestBrokenPromise(t *testing.T) {
	for name, test := range breaches {
		t.Run(name, func(t *testing.T) {
			options := forTest(t)
			options.clients = 2
			test.change(&options)
			var stdout bytes.Buffer
			err := demo(t.Context(), options, &stdout)
			if err == nil || !strings.HasSuffix(err.Error(), "not kept") || !strings.Contains(stdout.String(), test.line) {
				t.Errorf("%v\n%s", err, stdout.String())
			}
		})
	}
}

func TestNote(t *testing.T) {
	const busy = "\nFrames began 97 ms late at p99, as on a busy machine. Try again on an idle one.\n"
	kept, slow, wrong := promise{kept: true}, promise{ofTimes: true}, promise{}
	for _, test := range []struct {
		late     time.Duration
		promises []promise
		want     string
	}{
		{97 * time.Millisecond, []promise{kept, slow}, busy},
		{frame / 2, []promise{kept, slow}, ""},
		{97 * time.Millisecond, []promise{kept, slow, wrong}, ""}, // being late explains no wrong end
		{97 * time.Millisecond, []promise{wrong}, ""},
	} {
		r := &report{options: defaults(), late: times{0, test.late}}
		if got := r.note(test.promises); got != test.want {
			t.Errorf("%v late, %v: %q", test.late, test.promises, got)
		}
	}
}

func TestFramesKeepToTheirStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now().Add(-3 * frame / 2) // as when connecting took a while
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		n := 0
		for late := range frames(ctx, start) {
			if late != 0 || time.Since(start)%frame != 0 {
				t.Fatalf("frame %d is at %v, %v late", n, time.Since(start), late)
			}
			if n++; n == 10 {
				time.Sleep(3 * frame / 2) // costs one
			}
		}
		if n != 59 {
			t.Errorf("%d frames in a second", n)
		}
	})
}

func TestFailureOfAClient(t *testing.T) {
	options := forTest(t)
	misfit := resets
	misfit.act = func(*client) error { return errors.ErrUnsupported }
	options.misfits = []role{misfit}
	err := demo(t.Context(), options, io.Discard)
	if !errors.Is(err, errors.ErrUnsupported) || !strings.HasPrefix(err.Error(), "a client that resets: ") {
		t.Error(err)
	}
}

func TestInterrupted(t *testing.T) {
	options := forTest(t)
	options.duration = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	options.misfits = []role{{name: "has come", act: func(*client) error { cancel(); return nil }}}
	goroutines := runtime.NumGoroutine()
	if err := demo(ctx, options, io.Discard); err != errInterrupted {
		t.Error(err)
	}
	if left := goroutinesLeft(goroutines, options.patience); left > 0 {
		t.Error(left, "goroutines left")
	}
}

func TestProgress(t *testing.T) {
	options := forTest(t)
	options.clients = 2
	options.misfits = nil
	var progress bytes.Buffer
	if _, err := play(t.Context(), options, &progress); err != nil {
		t.Fatal(err)
	}
	shown := strings.Split(progress.String(), "\r")
	if !strings.Contains(progress.String(), " s: 2 connected, datagrams taken: server ") {
		t.Errorf("%q", shown)
	}
	for _, line := range shown {
		if len(line) != 79 && line != "" {
			t.Errorf("%q does not cover what was there", line)
		}
	}
	if n := len(shown); shown[n-1] != "" || strings.TrimSpace(shown[n-2]) != "" {
		t.Errorf("%q is left on the terminal", shown[n-2:])
	}
}

func TestFlags(t *testing.T) {
	for _, wrong := range [][]string{
		{"-clients", "4"}, {"-clients", "251"}, {"-duration", "499ms"}, {"-duration", "-1s"}, {"-duration", "5"}, {"-unknown"}, {"more"},
	} {
		if err := run(t.Context(), wrong, io.Discard); err == nil || strings.Contains(err.Error(), "\n") {
			t.Error(wrong, "gives", err)
		}
	}
	var stdout bytes.Buffer
	if err := run(t.Context(), []string{"-h"}, &stdout); !errors.Is(err, flag.ErrHelp) {
		t.Error(err)
	}
	for _, documented := range []string{"-duration", "-clients"} {
		if !strings.Contains(stdout.String(), documented) {
			t.Error(documented, "is not in the help")
		}
	}
}
