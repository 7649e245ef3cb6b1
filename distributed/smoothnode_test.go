package distributed

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type goMover struct{ SmoothNode }

func newMover() Object { return &goMover{} }

var _ = addRows(map[string]func(t *testing.T){"C24": func(t *testing.T) {
	s := newStage(t, false)
	require.NoError(t, s.Register("Mover", newMover))
	m := &goMover{}
	require.NoError(t, s.CreateDistributedObject(m, 5))
	s.link.sent = nil
	s.now = s.now.Add(10 * time.Second)
	m.PosHpr = PosHpr{X: 1, Y: 2, Z: 3}
	require.NoError(t, m.StartPosHprBroadcast())
	set := func(field string, args ...any) []byte { return set(firstID, "Mover", field, append(args, 1000)...) }
	s.sends(set2(firstID, "clearSmoothing", 0), set("setSmPosHprL", 5, 1, 2, 3, 0, 0, 0))
	step := func(change func(), want ...[]byte) {
		t.Helper()
		change()
		require.NoError(t, m.BroadcastPosHpr())
		s.sends(want...)
	}
	step(func() {}, set("setSmStop"))
	step(func() {})
	step(func() { m.X += 0.001 })
	step(func() { m.H = 90 }, set("setSmH", 90))
	step(func() { m.Z = 4 }, set("setSmZ", 4))
	step(func() { m.X = 5 }, set("setSmXY", 5, 2))
	step(func() { m.Y = 6 }, set("setSmXY", 5, 6))
	step(func() { m.X, m.Z = 6, 5 }, set("setSmXZ", 6, 5))
	step(func() { m.Y, m.Z = 7, 6 }, set("setSmPos", 6, 7, 6))
	step(func() { m.P = 10 }, set("setSmHpr", 90, 10, 0))
	step(func() { m.R, m.H = 20, 91 }, set("setSmHpr", 91, 10, 20))
	step(func() { m.X, m.H = 7, 92 }, set("setSmXYH", 7, 7, 92))
	step(func() { m.Z, m.H = 7, 93 }, set("setSmXYZH", 7, 7, 7, 93))
	step(func() { m.Z, m.P = 8, 11 }, set("setSmPosHpr", 7, 7, 8, 93, 11, 20))
	step(func() {}, set("setSmStop"))
}})

func set2(doID uint32, field string, args ...any) []byte { return set(doID, "Mover", field, args...) }

// The others see what lies between the reports, a fifth of a second late.
func TestSmoothed(t *testing.T) {
	s := newStage(t, false)
	require.NoError(t, s.Register("Mover", newMover))
	s.comes(appendObjectGenerate(nil, 1, 5, classNumber("Mover"), 2, unhex("0000")))
	m := s.Object(2).(*goMover)
	require.Equal(t, PosHpr{}, m.Smoothed())
	s.now = s.now.Add(10 * time.Second) // network time 10
	s.comes(from1(2, "Mover", "setSmPosHprL", 0, 1, 1, 0, 350, 0, 0, 980),
		from1(2, "Mover", "setSmXYH", 3, 1, 10, 1000))
	require.Equal(t, uint32(5), m.Zone(), "the zone in it is not taken")
	for _, test := range []struct {
		after time.Duration
		x, h  float64
	}{{-100, 1, 350}, {0, 1, 350}, {100, 2, 360}, {200, 3, 370}, {5000, 3, 10}} {
		s.now = time.Unix(1_000_010, 0).Add(test.after * time.Millisecond)
		require.InDelta(t, test.x, m.Smoothed().X, 1e-9)
		require.InDelta(t, test.h, m.Smoothed().H, 1e-9)
	}
	s.comes(from1(2, "Mover", "clearSmoothing", 0))
	require.Equal(t, 3.0, m.Smoothed().X)
	for i := range 2 * keptSamples {
		s.comes(from1(2, "Mover", "setSmH", i, i))
	}
	require.Len(t, m.samples, keptSamples)
}
