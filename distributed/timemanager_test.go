package distributed

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTimestamps(t *testing.T) {
	for _, test := range []struct {
		time time.Duration
		want int16
	}{
		{0, 0}, {2345 * time.Millisecond, 235}, {327670 * time.Millisecond, 32767},
		{327680 * time.Millisecond, -32768}, {655350 * time.Millisecond, -1}, {655360 * time.Millisecond, 0},
	} {
		require.Equal(t, test.want, Timestamp(test.time), "%v", test.time)
	}
	for _, now := range []time.Duration{0, 100 * time.Second, 10 * time.Hour, 1000 * time.Hour} {
		for _, d := range []time.Duration{0, 5 * time.Second, -5 * time.Second, 327 * time.Second, -327 * time.Second} {
			require.Equal(t, now+d, FromTimestamp(Timestamp(now+d), now))
		}
	}
}

// The clock of an AI answers whoever asks.
func TestTimeManagerAI(t *testing.T) {
	s := newStage(t, false)
	require.NoError(t, s.Register("TimeManager", NewTimeManagerAI))
	clock := NewTimeManagerAI().(*TimeManagerAI)
	require.NoError(t, s.CreateDistributedObject(clock, 1))
	s.sends(generate(1, classNumber("TimeManager"), firstID, "0000"))
	s.now = s.now.Add(2350 * time.Millisecond)
	s.comes(appendObjectUpdateField(nil, 77, firstID, fieldNumber("TimeManager", "requestServerTime"), []byte{9}))
	s.sends(target(77, firstID, "TimeManager", "serverTime", 9, 235))
}
