package game

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// twoWorlds returns the worlds of two nodes, each with a pilot, which knows the other's.
func twoWorlds() (a, b *World, pa, pb *Pilot) {
	a, b = NewWorld(1), NewWorld(1)
	a.Own(1<<12, 1<<12+4095)
	b.Own(2<<12, 2<<12+4095)
	pa, pb = a.Join(), b.Join()
	tell(a, b)
	tell(b, a)
	return a, b, pa, pb
}

// tell tells a world what the pilots of another one do.
func tell(from, to *World) {
	for _, p := range from.Pilots() {
		if !p.Far {
			s := p.FarShip()
			to.Fly(&s)
		}
	}
}

func TestIDsOfNodesAreTheirOwn(t *testing.T) {
	w := NewWorld(1)
	w.Own(2<<12, 2<<12+3)
	seen := make(map[ID]bool)
	for range 4 {
		p := w.Join()
		require.NotNil(t, p)
		assert.EqualValues(t, 2, p.ID>>12)
		seen[p.ID] = true
	}
	assert.Len(t, seen, 4)
	assert.Nil(t, w.Join(), "all four are taken")
	for range 10 {
		assert.EqualValues(t, 2, w.nextShot()>>12)
	}
}

// A shot of one node hits a ship of another one: that one decides, both count.
func TestShotsHitShipsOfOtherNodes(t *testing.T) {
	a, b, pa, pb := twoWorlds()
	pa.Ship = Ship{Pos: a.freePlace(), Energy: MaxEnergy}
	pb.Ship = Ship{Pos: pa.Ship.Pos.Add(pa.Ship.Angle.Direction(100 * One)), Energy: MaxEnergy}
	for seq := uint32(1); pb.Deaths == 0 && seq < 600; seq++ {
		pb.Shield = 0
		pa.Queue(Input{Seq: seq, View: a.Tick, Keys: KeyFire})
		tell(b, a)
		a.Step()
		assert.Zero(t, pa.Kills, "only the other node knows that")
		for _, c := range a.Claims {
			b.Claimed(c)
		}
		a.Claims = nil
		b.Step()
	}
	require.EqualValues(t, 1, pb.Deaths)
	for _, e := range b.Events {
		a.Hear(e)
	}
	assert.EqualValues(t, 1, pa.Kills)
	tell(a, b)
	assert.EqualValues(t, 1, b.Pilot(pa.ID).Kills)
}

// A far ship goes on as it did, and is where it is told to be.
func TestFarShipsDrift(t *testing.T) {
	a, b, pa, _ := twoWorlds()
	pa.Ship.Pos, pa.Ship.Vel = Vec{Size / 2, Size / 2}, Vec{One, 0}
	tell(a, b)
	for seq := range uint32(5) {
		pa.Queue(Input{Seq: seq + 1})
		a.Step()
		b.Step()
	}
	assert.Equal(t, pa.Ship.Pos, b.Pilot(pa.ID).Ship.Pos)
	s := pa.FarShip()
	assert.False(t, a.Fly(&s), "nobody else flies it")
	assert.False(t, a.Pilot(pa.ID).Far)
	a.Claimed(Claim{pa.ID, 5})
	assert.Equal(t, MaxHealth, pa.Health, "it has a shield")
}

func TestRevive(t *testing.T) {
	a, b, pa, _ := twoWorlds()
	pa.Kills, pa.Health, pa.Ship.Pos = 7, 40, a.freePlace()
	kept := pa.FarShip()
	p := b.Join()
	b.Revive(p, &kept)
	assert.Equal(t, pa.Ship, p.Ship)
	assert.EqualValues(t, 7, p.Kills)
	assert.Equal(t, 40, p.Health)
}
