//go:build !queuednet_noserver

package cluster

import (
	"math/rand/v2"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// watchAtRandom has each node unwatch and watch some 500 groups a second.
func watchAtRandom(nodes []*member, groups int, lasts time.Duration) {
	ticker := time.NewTicker(time.Second / 60)
	defer ticker.Stop()
	for end := time.Now().Add(lasts); time.Now().Before(end); <-ticker.C {
		for _, n := range nodes {
			for range 1000 / 60 / 2 {
				g := n.Group(strconv.Itoa(rand.IntN(groups)))
				g.Unwatch()
				g.Watch()
			}
			n.poll()
		}
	}
}

// Thousands of groups are watched on three nodes, and change all the time: no goroutine more,
// the tables are what the program wants at the end, and empty after that.
func TestManyGroups(t *testing.T) {
	groups, lasts := 300, time.Second
	if *long {
		groups, lasts = 10_000, time.Minute
	}
	nodes := embeddedNodes(t, 3, nil)
	for _, from := range nodes { // all subscriptions so far are known everywhere
		for _, to := range nodes {
			if from != to {
				fence(from, to)
			}
		}
	}
	before := make([]uint32, len(nodes))
	for i, n := range nodes {
		before[i] = n.server.server.NumSubscriptions()
	}
	goroutines := runtime.NumGoroutine()
	for i := range groups {
		for _, n := range nodes {
			n.Group(strconv.Itoa(i)).Watch()
		}
	}
	watchAtRandom(nodes, groups, lasts)
	assert.Eventually(t, func() bool { return runtime.NumGoroutine() <= goroutines+3 }, patience, time.Millisecond)
	for _, from := range nodes {
		for i := range groups {
			from.say(strconv.Itoa(i), strconv.Itoa(int(from.Number())))
		}
	}
	for _, n := range nodes { // each group of each other node, once
		n.until("all groups", func() bool { return len(n.messages) >= 2*groups })
		assert.Len(t, n.messages, 2*groups)
		assert.Zero(t, n.Stats().Missed)
		for i := range groups {
			n.Group(strconv.Itoa(i)).Unwatch()
		}
	}
	for i, n := range nodes {
		require.Eventually(t, func() bool { return n.server.server.NumSubscriptions() == before[i] }, patience, time.Millisecond)
	}
}
