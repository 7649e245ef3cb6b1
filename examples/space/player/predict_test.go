package player

import (
	"math/rand/v2"
	"testing"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/examples/space/game"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A line delivers what is sent over it in order, each a random time later.
type line[T any] struct {
	queue []T
	ready []uint32 // the tick at which it arrives
	last  uint32
}

func (l *line[T]) send(now, delay uint32, value T) {
	l.last = max(l.last, now+delay) // nothing overtakes
	l.queue, l.ready = append(l.queue, value), append(l.ready, l.last)
}

func (l *line[T]) receive(now uint32) (arrived []T) {
	for len(l.queue) > 0 && l.ready[0] <= now {
		arrived = append(arrived, l.queue[0])
		l.queue, l.ready = l.queue[1:], l.ready[1:]
	}
	return arrived
}

// Whatever keys a player holds, and however late inputs and snapshots come, the
// ship that the client has predicted is the one that the server answers with: nothing
// is ever to be corrected.
func TestPredictionEqualsTheServersResult(t *testing.T) {
	for seed := range uint64(10) {
		random := rand.New(rand.NewPCG(seed, 5))
		w := game.NewWorld(seed)
		pilot := w.Join()
		client := prediction{arena: game.NewArena(seed)}
		var up line[game.Input]
		var down line[*queuednet.Datagram]
		var keys game.Keys
		for tick := range uint32(3000) {
			if tick%20 == 0 {
				keys = game.Keys(random.Uint32()) & (game.KeyLeft | game.KeyRight | game.KeyThrust | game.KeyFire | game.KeyBoost)
			}
			for _, dg := range down.receive(tick) {
				var s game.Snapshot
				require.NoError(t, game.Decode(dg, &s))
				was := client.alive
				client.correct(&s)
				if was && s.Health == game.MaxHealth {
					require.Zero(t, client.offX, "seed %d, tick %d", seed, tick)
					require.Zero(t, client.offY, "seed %d, tick %d", seed, tick)
				}
			}
			in, _ := client.step(keys, w.Tick)
			up.send(tick, 2+random.Uint32N(6), in)
			for _, in := range up.receive(tick) {
				pilot.Queue(in)
			}
			w.Step()
			if tick%2 == 0 {
				var s game.Snapshot
				w.Snapshot(pilot, &s)
				dg := new(queuednet.Datagram)
				game.Encode(dg, &s)
				down.send(tick, 2+random.Uint32N(6), dg)
			}
		}
		assert.Positive(t, pilot.Ack)
		assert.True(t, client.alive)
	}
}

// What the client could not know, as a ship thrown aside, fades in the picture
// and holds at once in the rules.
func TestCorrectionFades(t *testing.T) {
	p := prediction{arena: game.NewArena(1), alive: true}
	p.ship.Pos = game.Vec{X: 2000 * game.One, Y: 2000 * game.One}
	s := game.Snapshot{Own: p.ship}
	s.Own.Pos.X += 20 * game.One
	p.correct(&s)
	assert.Equal(t, s.Own, p.ship)
	assert.Equal(t, -20.0, p.offX)
	for range 60 {
		p.step(0, 0)
	}
	assert.InDelta(t, 0, p.offX, 0.1)
	s.Own.Pos.X += 1000 * game.One
	p.correct(&s)
	assert.Zero(t, p.offX, "from far away it jumps")
}

func TestPendingInputsAreBounded(t *testing.T) {
	p := prediction{arena: game.NewArena(1)}
	for range 10 * maxPending {
		p.step(0, 0)
	}
	assert.Len(t, p.pending, maxPending)
	p.correct(&game.Snapshot{Ack: p.seq - 3})
	assert.Len(t, p.pending, 3)
}
