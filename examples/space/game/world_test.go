package game

import (
	"hash/fnv"
	"math/rand/v2"
	"testing"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fight lets pilots do something at random and returns the sum of all that they
// were told.
func fight(seed uint64, pilots, ticks int) uint64 {
	w := NewWorld(seed)
	random := rand.New(rand.NewPCG(seed, 9))
	for range pilots {
		w.Join()
	}
	sum := fnv.New64a()
	var s Snapshot
	var dg queuednet.Datagram
	for tick := range ticks {
		for _, p := range w.Pilots() {
			p.Queue(Input{Seq: uint32(tick + 1), View: w.Tick - 5, Keys: Keys(random.Uint32()) & allKeys})
		}
		w.Step()
		for _, p := range w.Pilots() {
			w.Snapshot(p, &s)
			Encode(&dg, &s)
			sum.Write(dg.Message())
		}
		w.ClearEvents()
	}
	return sum.Sum64()
}

// The same inputs give the same world, in every run and on every machine: this
// number is the same with each processor.
func TestSameWorldEverywhere(t *testing.T) {
	const known = 0x681da30697fe8e21
	assert.Equal(t, uint64(known), fight(1, 12, 1500))
	assert.NotEqual(t, fight(2, 4, 100), fight(3, 4, 100))
}

// flat returns a world without rocks, and two pilots in it.
func flat(t *testing.T) (w *World, a, b *Pilot) {
	w = NewWorld(1)
	w.Arena.Rocks = nil
	a, b = w.Join(), w.Join()
	a.Shield, b.Shield = 0, 0
	a.Ship = Ship{Pos: Vec{1000 * One, 1000 * One}, Energy: MaxEnergy}
	b.Ship = Ship{Pos: Vec{1300 * One, 1000 * One}, Energy: MaxEnergy}
	return w, a, b
}

// shoot lets a hold the fire key for so many ticks.
func shoot(w *World, a *Pilot, ticks int, lag uint32) {
	for range ticks {
		a.Queue(Input{Seq: a.Ack + 1, View: w.Tick + 1 - lag, Keys: KeyFire})
		w.Step()
	}
}

func count(events []Event, what EventKind) (n int) {
	for _, e := range events {
		if e.What == what {
			n++
		}
	}
	return n
}

func TestShotsDestroy(t *testing.T) {
	w, a, b := flat(t)
	w.ClearEvents()
	shoot(w, a, 100, 0)
	assert.EqualValues(t, 1, b.Deaths)
	assert.EqualValues(t, 1, a.Kills)
	assert.Positive(t, b.Down)
	assert.Equal(t, (MaxHealth+shotDamage-1)/shotDamage, count(w.Events, Hit))
	assert.Equal(t, 1, count(w.Events, Destroyed))
	for range respawnTicks {
		w.Step()
	}
	assert.Zero(t, b.Down)
	assert.Equal(t, MaxHealth, b.Health)
	assert.Positive(t, b.Shield, "who comes back is safe at first")
	assert.Equal(t, 1, count(w.Events, Spawned))
}

func TestShieldAndEnergy(t *testing.T) {
	w, a, b := flat(t)
	b.Shield = 1000
	shoot(w, a, 600, 0)
	assert.Equal(t, MaxHealth, b.Health)
	assert.Zero(t, b.Deaths)
	assert.Positive(t, count(w.Events, Hit))
	assert.Less(t, a.Ship.Energy, uint16(2*shotEnergy), "shots take energy")
	fired := count(w.Events, Fired)
	assert.Less(t, fired, 600/reloadTicks-10, "and who has none cannot fire")
	assert.Greater(t, fired, 10)
}

// A shot hits what its player saw: a ship that crosses the line of fire is met
// where it was as many ticks ago as the player's view.
func TestShotGoesBack(t *testing.T) {
	for _, c := range []struct {
		name string
		lag  uint32
		hit  bool
	}{
		{"what it saw", 20, true},
		{"what is there", 0, false},
		{"what was there long ago", 200, true}, // as with MaxRewind
		{"what will be there", 1<<32 - 20, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, a, b := flat(t)
			for w.Tick < 60 {
				// It crosses the line at tick 30; a shot of tick 30 takes 20 ticks.
				b.Ship.Pos.Y = (1000 + 3*(int32(w.Tick)+1-30)) * One
				b.starved = 0
				if w.Tick == 29 {
					shoot(w, a, 1, c.lag)
				} else {
					w.Step()
				}
			}
			assert.Equal(t, c.hit, b.Health < MaxHealth)
		})
	}
}

func TestImpact(t *testing.T) {
	w, a, _ := flat(t)
	w.Arena.Rocks = []Rock{{Pos: Vec{1200 * One, 1000 * One}, Radius: 50 * One}}
	a.Ship.Vel = Vec{20 * One, 0}
	for range 40 {
		a.Queue(Input{Seq: a.Ack + 1})
		w.Step()
	}
	assert.Less(t, a.Health, MaxHealth, "a rock hurts")
	assert.Negative(t, a.Ship.Vel.X, "and throws back")
}

// Whatever the keys, a ship stays out of rocks and within the walls.
func TestShipStaysInside(t *testing.T) {
	for seed := range uint64(20) {
		arena := NewArena(seed)
		random := rand.New(rand.NewPCG(seed, 4))
		ship := Ship{Pos: Vec{Size / 2, Size / 2}}
		var keys Keys
		for tick := range 4000 {
			if tick%30 == 0 {
				keys = Keys(random.Uint32())&allKeys | KeyThrust
			}
			ship.Step(keys, arena)
			require.GreaterOrEqual(t, min(ship.Pos.X, ship.Pos.Y), int32(ShipRadius))
			require.LessOrEqual(t, max(ship.Pos.X, ship.Pos.Y), int32(Size-ShipRadius))
			require.Less(t, ship.Vel.Length(), int32(18*One))
		}
		require.True(t, arena.free(ship.Pos, 0))
	}
}

func TestInputsAreStepsOfTheirOwn(t *testing.T) {
	w, a, _ := flat(t)
	for seq := range uint32(3) { // three at once: a step each, a tick each
		a.Queue(Input{Seq: seq + 1, Keys: KeyThrust})
	}
	a.Queue(Input{Seq: 2, Keys: KeyBrake}) // one that was there before
	want := a.Ship
	for range 3 {
		want.Step(KeyThrust, w.Arena)
	}
	w.Step()
	assert.EqualValues(t, 1, a.Ack)
	w.Step()
	w.Step()
	assert.Equal(t, want, a.Ship)
	w.Step()
	assert.Equal(t, want, a.Ship, "without an input it waits")
	for range coastAfter + 10 {
		w.Step()
	}
	assert.NotEqual(t, want.Pos, a.Ship.Pos, "but not for ever")
}

func TestManyInputsAreBounded(t *testing.T) {
	w, a, _ := flat(t)
	for seq := range uint32(1000) {
		a.Queue(Input{Seq: seq + 1})
	}
	assert.Len(t, a.inputs, maxInputs)
	w.Step()
	assert.Len(t, a.inputs, maxInputs-2, "two a tick, no faster")
	assert.EqualValues(t, 1000-maxInputs+2, a.Ack)
	a.Restart()
	assert.Empty(t, a.inputs)
}

func TestJoinAndLeave(t *testing.T) {
	w := NewWorld(1)
	a, b := w.Join(), w.Join()
	assert.NotEqual(t, a.ID, b.ID)
	w.Leave(a.ID)
	w.Leave(a.ID)
	assert.Nil(t, w.Pilot(a.ID))
	assert.Equal(t, []*Pilot{b}, w.Pilots())
	w.lastID = 1<<16 - 1
	assert.EqualValues(t, 1, w.Join().ID, "numbers are used again, but not 0")
	for w.Join() != nil {
	}
	assert.Len(t, w.Pilots(), 1<<16-1)
}

func TestRoot(t *testing.T) {
	for _, n := range []int64{0, 1, 2, 3, 4, 99, 1<<31 - 1, 1 << 44, 1<<52 - 1} {
		r := root(n)
		assert.True(t, r*r <= n && (r+1)*(r+1) > n, n)
	}
}
