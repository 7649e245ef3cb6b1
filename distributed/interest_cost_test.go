package distributed

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A change of interest costs what it lists and closes, however many zones the client's own
// objects keep open: two short messages must not cost the server a look at thousands.
func TestInterestCostsWhatItLists(t *testing.T) {
	cost := func(objects uint32) time.Duration {
		config := (&ServerConfig{MaxOpenedPerSecond: 100_000}).withDefaults()
		s := newState(&config, testFile, discard{}, 65535)
		c := &Client{}
		require.True(t, s.join(c))
		for i := range objects {
			s.handle(c, thing(100+i, c.base+i))
		}
		best := time.Hour
		for range 20 {
			start := time.Now()
			for range 20 {
				s.handle(c, interest())
				s.applyInterest(c)
				s.handle(c, interest(7))
				s.applyInterest(c)
			}
			best = min(best, time.Since(start))
		}
		require.Len(t, c.zones, int(objects)+1)
		require.Zero(t, s.stats.Dropped)
		return best
	}
	require.Less(t, cost(10_000), 50*cost(10))
}
