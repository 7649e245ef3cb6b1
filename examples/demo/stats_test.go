package main

import (
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
)

func TestSequence(t *testing.T) {
	for _, test := range []struct {
		name    string
		numbers []uint32
		sent    uint32
		want    sequence
	}{
		{"nothing", nil, 0, sequence{}},
		{"in order", []uint32{1, 2, 3}, 3, sequence{last: 3, taken: 3}},
		{"one left out", []uint32{1, 3}, 3, sequence{last: 3, taken: 2, lost: 1}},
		{"the first left out", []uint32{3}, 3, sequence{last: 3, taken: 1, lost: 2}},
		{"the last left out", []uint32{1}, 3, sequence{last: 3, taken: 1, lost: 2}},
		{"twice", []uint32{1, 2, 2, 3}, 3, sequence{last: 3, taken: 4, wrong: 1}},
		{"out of order", []uint32{1, 3, 2}, 3, sequence{last: 3, taken: 3, lost: 1, wrong: 1}},
	} {
		var s sequence
		for _, number := range test.numbers {
			s.take(number)
		}
		s.sent(test.sent)
		if s != test.want {
			t.Errorf("%s: %+v", test.name, s)
		}
	}
}

func TestPercentile(t *testing.T) {
	var hundred times
	for i := range 100 {
		hundred = append(hundred, time.Duration(100-i))
	}
	for _, test := range []struct {
		times   times
		percent float64
		want    time.Duration
	}{
		{nil, 50, 0},
		{times{7}, 0, 7}, {times{7}, 50, 7}, {times{7}, 100, 7},
		{times{3, 1, 2}, 50, 2}, {times{2, 1}, 50, 1}, {times{2, 1}, 51, 2},
		{hundred, 0, 1}, {hundred, 50, 50}, {hundred, 99, 99}, {hundred, 99.5, 100}, {hundred, 100, 100},
	} {
		if got := sorted(test.times).percentile(test.percent); got != test.want {
			t.Errorf("percentile %v of %v is %d", test.percent, test.times, got)
		}
	}
	if got := sorted([]time.Duration{3, 1}, nil, []time.Duration{2}); fmt.Sprint(got) != fmt.Sprint(times{1, 2, 3}) {
		t.Error(got)
	}
}

func TestStopwatch(t *testing.T) {
	var w stopwatch
	w.endFrame()
	w.start()
	w.stop()
	first := w.frame
	w.start()
	w.stop()
	w.endFrame()
	if len(w.frames) != 2 || w.frames[0] != 0 || w.frames[1] < first || w.frame != 0 {
		t.Errorf("%+v", w)
	}
}

func TestNumbers(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 12_045: "12,045", 1_000_000: "1,000,000"} {
		if got := grouped(n); got != want {
			t.Errorf("%d is written %s", n, got)
		}
	}
	if got := ms(16_687_500, 1); got != "16.7" {
		t.Error(got)
	}
}

func TestEndNames(t *testing.T) {
	for _, test := range []struct {
		err  error
		name string
	}{
		{nil, "none"},
		{io.EOF, "io.EOF"},
		{io.ErrUnexpectedEOF, "io.ErrUnexpectedEOF"},
		{fmt.Errorf("read: %w", syscall.ECONNRESET), "ECONNRESET"},
		{os.NewSyscallError("wsarecv", syscall.Errno(10054)), "ECONNRESET"},
		{queuednet.ErrSendQueueFull, "ErrSendQueueFull"},
		{queuednet.ErrWriteTimeout, "ErrWriteTimeout"},
		{io.ErrClosedPipe, "io: read/write on closed pipe"},
	} {
		if got := endName(test.err); got != test.name {
			t.Errorf("%v is called %s", test.err, got)
		}
	}
}
