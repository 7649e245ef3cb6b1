package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

// A stopwatch adds up parts of a frame, frame by frame.
type stopwatch struct {
	started time.Time
	frame   time.Duration
	frames  []time.Duration
}

func (w *stopwatch) start() { w.started = time.Now() }
func (w *stopwatch) stop()  { w.frame += time.Since(w.started) }

func (w *stopwatch) endFrame() {
	w.frames = append(w.frames, w.frame)
	w.frame = 0
}

// times is durations in ascending order.
type times []time.Duration

func sorted(all ...[]time.Duration) times {
	t := slices.Concat(all...)
	slices.Sort(t)
	return t
}

// percentile returns the time that so many in 100 do not exceed; 0 without any.
func (t times) percentile(percent float64) time.Duration {
	if len(t) == 0 {
		return 0
	}
	rank := int(math.Ceil(percent / 100 * float64(len(t))))
	return t[max(rank, 1)-1]
}

// ms writes a duration in milliseconds with so many decimals.
func ms(d time.Duration, decimals int) string {
	return strconv.FormatFloat(d.Seconds()*1000, 'f', decimals, 64)
}

// grouped writes a number that is not negative with a comma between thousands.
func grouped(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return grouped(n/1000) + fmt.Sprintf(",%03d", n%1000)
}
