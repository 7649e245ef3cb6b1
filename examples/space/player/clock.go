package player

import (
	"math"
	"time"

	"github.com/queuednet/queuednet/examples/space/game"
)

const (
	leastDelay = 4  // ticks: two snapshots, so that one may be late
	mostDelay  = 18 // ticks
)

// A clock knows which tick the server's snapshots are at, and which tick to
// show: so far behind that a snapshot after it has come.
type clock struct {
	start  time.Time
	base   float64 // our time less the server's, in ticks, of the fastest snapshots
	jitter float64 // how much later the others come, in ticks
	view   float64 // the tick to show
	synced bool
}

// ticks returns our time in ticks.
func (c *clock) ticks(now time.Time) float64 {
	return now.Sub(c.start).Seconds() * game.TicksPerSecond
}

// arrived takes note of a snapshot.
func (c *clock) arrived(now time.Time, tick uint32) {
	if !c.synced {
		*c = clock{start: now, base: -float64(tick), view: float64(tick) - leastDelay, synced: true}
		return
	}
	late := c.ticks(now) - float64(tick) - c.base
	if late < 0 {
		c.base += late
		late = 0
	}
	c.base += late * 0.004 // a way that has become longer, clocks that drift
	c.jitter += (late - c.jitter) * 0.05
}

// advance moves the view on by a tick, a little less or more if it is not where
// it should be.
func (c *clock) advance(now time.Time) {
	if !c.synced {
		return
	}
	delay := min(leastDelay+2*c.jitter, mostDelay)
	wanted := c.ticks(now) - c.base - delay
	ahead := wanted - c.view
	if math.Abs(ahead) > 30 {
		c.view = wanted
		return
	}
	c.view += min(max(1+(ahead-1)*0.1, 0.5), 2)
}
