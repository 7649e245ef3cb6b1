package player

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/queuednet/queuednet/examples/space/game"
)

const (
	botRange   = 560                      // units at which it fires
	botNear    = 190                      // units at which it keeps away
	botDodge   = 130                      // units from a rock's edge
	shotPace   = 13                       // units a tick
	aimAgain   = 40                       // ticks after which its aim is off in another way
	aimWithin  = 0.16                     // radians
	cornerOnly = game.Size/game.One - 150 // units: beyond it, it turns back
)

// A Bot is a player who plays by itself. It sees what a client sees, and has the
// keys that a human has.
type Bot struct {
	*Player
	random *rand.Rand
	ticks  int
	off    float64 // how wrong it aims
	calm   bool    // it flies about and leaves others alone
}

// NewBot returns a bot. Its seed makes it different from others.
func NewBot(options Options, seed uint64) *Bot {
	return &Bot{Player: New(options), random: rand.New(rand.NewPCG(seed, 3))}
}

// Update is that of a Player, with keys that the bot chooses.
func (b *Bot) Update(now time.Time) {
	b.ticks++
	b.Player.Update(now, b.choose())
}

// choose returns the keys for what the bot sees.
func (b *Bot) choose() game.Keys {
	own, alive := b.Own()
	if b.State() != Playing || !alive {
		return 0
	}
	if b.ticks%aimAgain == 0 {
		b.off = b.random.NormFloat64() * 0.09
		b.calm = b.random.IntN(4) == 0
	}
	x, y, hunting := b.target(own)
	wanted := math.Atan2(y-own.Y, x-own.X)
	distance := math.Hypot(x-own.X, y-own.Y)
	var keys game.Keys
	if hunting {
		wanted += b.off
	}
	if rock, blocked := b.dodge(own); blocked {
		wanted, distance, hunting = rock, botRange, false
	}
	turn := math.Remainder(wanted-own.Angle, 2*math.Pi)
	switch {
	case turn > 0.07:
		keys |= game.KeyRight
	case turn < -0.07:
		keys |= game.KeyLeft
	}
	if math.Abs(turn) < 0.9 && distance > botNear {
		keys |= game.KeyThrust
	}
	if hunting && !b.calm && distance < botRange && math.Abs(turn) < aimWithin {
		keys |= game.KeyFire
	}
	return keys
}

// target returns where to go: before the nearest ship that is seen, or else
// towards the nearest on the radar.
func (b *Bot) target(own Drawn) (x, y float64, ship bool) {
	best := math.Inf(1)
	for _, o := range b.Others() {
		if d := math.Hypot(o.X-own.X, o.Y-own.Y); d < best && o.Marks&game.MarkShield == 0 {
			best, x, y = d, o.X, o.Y
		}
	}
	if !math.IsInf(best, 1) {
		vx, vy := b.Predicted().Vel.Units()
		return x - vx*best/shotPace, y - vy*best/shotPace, true
	}
	x, y = game.Size/game.One/2, game.Size/game.One/2
	for _, blip := range b.Blips() {
		bx, by := float64(blip.X)*16, float64(blip.Y)*16
		if d := math.Hypot(bx-own.X, by-own.Y); d < best && blip.ID != b.ID() {
			best, x, y = d, bx, by
		}
	}
	return x, y, false
}

// dodge returns the angle around a rock that is in the way.
func (b *Bot) dodge(own Drawn) (angle float64, blocked bool) {
	vx, vy := b.Predicted().Vel.Units()
	x, y := own.X+vx*25, own.Y+vy*25
	for _, rock := range b.Arena().Rocks {
		rx, ry := rock.Pos.Units()
		near := float64(rock.Radius)/game.One + botDodge/2
		if math.Hypot(rx-x, ry-y) < near || math.Hypot(rx-own.X, ry-own.Y) < near {
			return math.Atan2(own.Y-ry, own.X-rx) + 0.9, true
		}
	}
	if min(x, y) < 150 || max(x, y) > cornerOnly {
		return math.Atan2(2048-own.Y, 2048-own.X), true
	}
	return 0, false
}
