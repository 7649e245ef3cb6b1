package cluster

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A loop that sends at each frame until it is refused loses nothing below the default of
// MaxPublishRate, on a machine that has nothing else to do: what was accepted arrives. Without
// the bound a loss is told, to the last message.
func TestPublishesAtTheRate(t *testing.T) {
	if !*long {
		t.Skip("it loads a quiet machine: with -long")
	}
	for _, of := range []struct {
		name           string
		size, groups   int
		rate, duration int
	}{
		{"64 B, one group", 64, 1, 0, 60},
		{"64 B, 100 groups in turn", 64, 100, 0, 60},
		{"1 KiB, 100 groups in turn", 1024, 100, 0, 60},
		{"64 B, 100 groups in turn, no bound", 64, 100, math.MaxInt32, 10},
		{"1 KiB, one group, no bound", 1024, 1, math.MaxInt32, 10},
	} {
		t.Run(of.name, func(t *testing.T) {
			nodes := embeddedNodes(t, 2, func(c *Config) { c.MaxPublishRate = of.rate })
			a, b := nodes[0], nodes[1]
			var groups []*Group
			for i := range of.groups {
				b.Group(fmt.Sprint("g", i)).Watch()
				groups = append(groups, a.Group(fmt.Sprint("g", i)))
			}
			fence(a, b)
			got := receivingAll(t, b)
			sent, refused := publishAtOnce(t, groups, of.size, time.Duration(of.duration)*time.Second)
			require.Eventually(t, func() bool { return got() == sent }, patience, time.Millisecond, "%d sent, %+v", sent, b.Stats())
			s := b.Stats()
			t.Logf("%d a second accepted, %d refused, %d missed; %+v", sent/uint64(of.duration), refused, s.Missed, s)
			if of.rate == 0 {
				assert.Zero(t, s.Missed)
				assert.Positive(t, refused)
			}
		})
	}
}

// receivingAll drains a node on a goroutine until the test ends. What it returns says how many
// messages have come or are told as missing.
func receivingAll(t *testing.T, n *member) func() uint64 {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n.WaitForMessages(t.Context()) == nil {
			for range n.Messages() {
			}
			for range n.Events() {
			}
		}
	}()
	t.Cleanup(func() { n.Close(); <-done })
	before := n.Stats()
	return func() uint64 {
		s := n.Stats()
		return s.Received - before.Received + s.Missed
	}
}

// publishAtOnce sends to one group after the other, 60 times a second until it is refused.
func publishAtOnce(t *testing.T, groups []*Group, size int, duration time.Duration) (sent, refused uint64) {
	d := queuednet.NewDatagram(make([]byte, size))
	ticker := time.NewTicker(time.Second / 60)
	defer ticker.Stop()
	for end := time.Now().Add(duration); time.Now().Before(end); <-ticker.C {
		for sent%1000 != 999 || time.Now().Before(end) {
			err := groups[sent%uint64(len(groups))].Broadcast(nil, d)
			if errors.Is(err, ErrPublishRate) || errors.Is(err, ErrSendQueueFull) {
				refused++
				break
			}
			require.NoError(t, err)
			sent++
		}
	}
	return sent, refused
}
