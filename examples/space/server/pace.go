package main

import (
	"time"

	"github.com/queuednet/queuednet/examples/space/game"
)

// everyTick calls do 60 times a second until stop is closed. A tick that comes late
// is made up for, unless the machine was away for long.
func everyTick(stop <-chan struct{}, do func(now time.Time)) {
	const tick = time.Second / game.TicksPerSecond
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	next := time.Now()
	for {
		select {
		case <-stop:
			return
		case now := <-ticker.C:
			if now.Sub(next) > 10*tick {
				next = now
			}
			for ; !next.After(now); next = next.Add(tick) {
				do(now)
			}
		}
	}
}
