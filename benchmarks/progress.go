package main

import (
	"fmt"
	"os"
	"time"
)

// progress is a line on a terminal that says what is being run.
type progress struct {
	began       time.Time
	done, total int
	terminal    bool
}

func newProgress(cases []planned, repetitions int) *progress {
	p := &progress{began: time.Now()}
	for _, c := range cases {
		p.total += len(c.peers) * repetitions
	}
	if info, err := os.Stderr.Stat(); err == nil {
		p.terminal = info.Mode()&os.ModeCharDevice != 0
	}
	return p
}

func (p *progress) next(c testCase) {
	if p.terminal {
		left := "?"
		if p.done > 0 {
			left = (time.Since(p.began) / time.Duration(p.done) * time.Duration(p.total-p.done)).Round(time.Second).String()
		}
		fmt.Fprintf(os.Stderr, "\r\033[K%d of %d, %s left: %s %s %s", p.done+1, p.total, left, c.Work, c.Name, c.Peer)
	}
	p.done++
}

func (p *progress) end() {
	if p.terminal {
		fmt.Fprint(os.Stderr, "\r\033[K")
	}
}
