package main

import (
	"fmt"
	"log"
	"slices"
	"time"
)

// report counts what the server does, until it is printed.
type report struct {
	begin    time.Time
	cpu      time.Duration // of the process, at begin
	frames   []time.Duration
	received traffic
	sent     traffic
}

type traffic struct{ datagrams, bytes int }

func (t traffic) in(d time.Duration) string {
	s := d.Seconds()
	return fmt.Sprintf("%.0f datagrams/s, %.0f KB/s", float64(t.datagrams)/s, float64(t.bytes)/s/1000)
}

func (r *report) in(bytes int)          { r.received.datagrams++; r.received.bytes += bytes }
func (r *report) frame(d time.Duration) { r.frames = append(r.frames, d) }
func (r *report) out(bytes int, receivers int) {
	r.sent.datagrams += receivers
	r.sent.bytes += bytes * receivers
}

// print prints what has been counted, and begins anew, if it is time to.
func (r *report) print(every time.Duration, players int) {
	now := time.Now()
	d := now.Sub(r.begin)
	if !r.begin.IsZero() && d < max(every, time.Second) {
		return
	}
	cpu := processTime()
	if !r.begin.IsZero() && every > 0 && players > 0 {
		slices.Sort(r.frames)
		log.Printf("%d players, %.1f frames/s (median %v, 99%% %v, longest %v), process %.0f %% of a core; in %s; out %s",
			players, float64(len(r.frames))/d.Seconds(), r.quantile(0.5), r.quantile(0.99), r.quantile(1),
			100*(cpu-r.cpu).Seconds()/d.Seconds(), r.received.in(d), r.sent.in(d))
	}
	*r = report{begin: now, cpu: cpu, frames: r.frames[:0]}
}

func (r *report) quantile(q float64) time.Duration {
	if len(r.frames) == 0 {
		return 0
	}
	return r.frames[int(q*float64(len(r.frames)-1))].Round(time.Microsecond)
}
