package player

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/queuednet/queuednet/examples/space/game"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// Although snapshots come at uneven times, the moment that is shown goes on evenly,
// and close behind them.
func TestClockGoesEvenly(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	var c clock
	var l line[uint32]
	for tick := range uint32(1800) {
		now := epoch.Add(time.Duration(tick) * Tick)
		if tick%2 == 0 {
			l.send(tick, 3+random.Uint32N(4), 1000+tick)
		}
		for _, snapshot := range l.receive(tick) {
			c.arrived(now, snapshot)
		}
		before := c.view
		c.advance(now)
		if tick > 300 {
			require.InDelta(t, 1, c.view-before, 0.15, "tick %d", tick)
			require.InDelta(t, float64(1000+tick)-11, c.view, 6, "tick %d", tick)
		}
	}
	c.advance(epoch.Add(time.Hour)) // the program stood still
	assert.Greater(t, c.view, 200000.0)
}

func sights(x int32, angle game.Angle, ids ...game.ID) (list []game.Sight) {
	for _, id := range ids {
		list = append(list, game.Sight{ID: id, Pos: game.Vec{X: x * game.One}, Angle: angle})
	}
	return list
}

func TestOthersAreShownBetweenSnapshots(t *testing.T) {
	var tr track
	assert.Empty(t, tr.at(5, nil))
	tr.add(&game.Snapshot{Tick: 10, Others: sights(100, 65000, 1, 2, 3)})
	tr.add(&game.Snapshot{Tick: 12, Others: sights(110, 1000, 1, 3, 4)})
	tr.add(&game.Snapshot{Tick: 14, Others: sights(500, 1000, 3)})

	drawn := tr.at(11, nil)
	require.Len(t, drawn, 3, "4 has not come yet")
	assert.Equal(t, 105.0, drawn[0].X)
	assert.Equal(t, 100.0, drawn[1].X, "2 is about to go")
	assert.InDelta(t, game.Angle(65000).Radians()+0.0735, drawn[0].Angle, 0.001, "the short way around")

	drawn = tr.at(13, nil)
	require.Len(t, drawn, 3)
	assert.Equal(t, 110.0, drawn[1].X, "so far in two ticks is a jump")

	assert.Equal(t, 100.0, tr.at(2, nil)[0].X, "before the oldest")
	assert.Len(t, tr.at(99, nil), 3, "after the newest")
	for tick := range uint32(100) {
		tr.add(&game.Snapshot{Tick: 100 + 2*tick, Others: sights(int32(tick), 0, 1)})
	}
	assert.Len(t, tr.list, frames)
	last := tr.at(298+100, nil)[0].X
	assert.Equal(t, 99.0+foresight/2, last, "a ship goes on for a while without snapshots")
}

// playing returns a scene in a world without rocks.
func playing() *Scene {
	s := new(Scene)
	s.begin(game.Welcome{ID: 1, Seed: 1})
	s.own.arena.Rocks = nil
	s.own.alive = true
	s.own.ship = game.Ship{Pos: game.Vec{X: 1000 * game.One, Y: 1000 * game.One}, Energy: game.MaxEnergy}
	return s
}

// A shot of one's own is seen at once, and a hit on what is seen is seen once:
// not again when the server confirms it.
func TestOwnShotsAreSeenAtOnce(t *testing.T) {
	s := playing()
	s.others = []Drawn{{ID: 2, X: 1200, Y: 1000}}
	in := s.steer(game.KeyFire)
	s.steer(0)
	require.Len(t, s.Shots(), 1)
	assert.True(t, s.Shots()[0].Own)
	s.happen(game.Event{What: game.Fired, Who: 1, Shot: 77, Seq: uint8(in.Seq)})
	for range 30 {
		s.steer(0)
	}
	assert.Empty(t, s.Shots())
	require.Len(t, s.Happened(), 1)
	assert.Equal(t, game.Hit, s.Happened()[0].What)
	assert.EqualValues(t, 2, s.Happened()[0].Who)
	s.happen(game.Event{What: game.Hit, Who: 2, By: 1, Shot: 77})
	assert.Len(t, s.Happened(), 1)
	for range shotMemory {
		s.steer(0)
	}
	assert.Empty(t, s.shots.list)
}

// What others do is seen at the moment that is shown, not when it is told.
func TestShotsOfOthersAreSeenInTheirTime(t *testing.T) {
	s := playing()
	s.clock = clock{start: epoch, synced: true, view: 100}
	now := epoch
	s.waiting = []game.Event{
		{What: game.Fired, Tick: 105, Who: 2, Shot: 5, Vel: game.Vec{X: 13 * game.One}, Pos: game.Vec{X: 500 * game.One, Y: game.One}},
		{What: game.Hit, Tick: 110, Who: 3, By: 2, Shot: 5},
	}
	for view := 101; view < 120; view++ {
		s.clock = clock{start: now, base: -float64(view), view: float64(view) - 1, synced: true}
		s.clock.view = float64(view)
		s.happened = s.happened[:0]
		s.update(now)
		s.steer(0)
		seen := view >= 105 && view < 110
		assert.Equal(t, seen, len(s.Shots()) == 1, "view %d", view)
		if seen {
			assert.InDelta(t, 500+13*float64(view-105), s.Shots()[0].X, 14)
		}
		assert.Equal(t, view == 105 || view == 110, len(s.Happened()) == 1, "view %d", view)
	}
}

func TestMeter(t *testing.T) {
	var m Meter
	ping, due := m.ping(epoch)
	assert.True(t, due)
	_, due = m.ping(epoch.Add(pingEvery / 2))
	assert.False(t, due)
	m.pong(epoch.Add(40*time.Millisecond), game.Pong{Stamp: ping.Stamp})
	assert.Equal(t, 40*time.Millisecond, m.RoundTrip())
	m.pong(epoch, game.Pong{Stamp: 1 << 62})
	assert.Equal(t, 40*time.Millisecond, m.RoundTrip(), "a wrong answer does not count")
	for i := range 300 {
		m.in(epoch.Add(time.Duration(i)*10*time.Millisecond), 8)
	}
	assert.Equal(t, Rate{Bytes: 1000, Datagrams: 100}, m.Received())
}
