package cluster

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/internal/testnet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A node that closes right after its Leave, or without one, while all nodes send, is told at
// once as one that has left, and each message that it sent arrives before that.
func TestCloseAfterLeave(t *testing.T) {
	const count = 300
	rounds := 10
	if *long {
		rounds = 300
	}
	stay := embeddedNodes(t, 2, nil)
	for _, n := range stay {
		n.Group("zone").Watch()
	}
	stop := chatter(t, stay)
	defer stop()
	for round := range rounds {
		n := open(t, quick(Config{Number: 3, Listen: "127.0.0.1:0",
			Routes: []string{stay[0].ListenAddress(), stay[1].ListenAddress()}}))
		n.Group("zone").Watch()
		for _, s := range stay {
			n.until("the others", func() bool { return n.saw(NodeJoined, s.Number()) > 0 })
			s.events, s.messages, s.from = nil, nil, nil
			s.until("the newcomer", func() bool { return s.saw(NodeJoined, 3) > 0 })
			hears(t, "zone", n, s)
			s.messages, s.from = nil, nil
		}
		for _, text := range numbered(count) {
			n.say("zone", "last "+text)
		}
		if round%2 == 0 {
			n.Leave()
		}
		began := time.Now()
		require.NoError(t, n.Close())
		assert.Less(t, time.Since(began), n.config.CloseTimeout/2, "somebody did not answer")
		for _, s := range stay {
			s.until("its leaving", func() bool { return s.saw(NodeLeft, 3) > 0 })
			assert.Equal(t, "NodeLeft: "+ErrLeft.Error(), s.kinds(3)[len(s.kinds(3))-1])
			assert.Equal(t, lasts(count), s.last(3), "round %d", round)
			assert.Zero(t, s.missed(3))
		}
	}
}

// chatter makes nodes send to a group, until the function that it returns is called.
func chatter(t *testing.T, nodes []*member) (stop func()) {
	var wait sync.WaitGroup
	over := make(chan struct{})
	for _, n := range nodes {
		wait.Go(func() {
			ticker := time.NewTicker(time.Millisecond)
			defer ticker.Stop()
			for {
				select {
				case <-over:
					return
				case <-ticker.C:
					assert.NoError(t, n.Group("zone").Broadcast(nil, queuednet.NewDatagram([]byte("chatter"))))
				}
			}
		})
	}
	return func() { close(over); wait.Wait() }
}

// lasts are the texts of a node's last messages, and last those that have come of one.
func lasts(count int) (texts []string) {
	for _, text := range numbered(count) {
		texts = append(texts, "zone:last "+text)
	}
	return texts
}

func (m *member) last(node uint16) (texts []string) {
	for i, text := range m.messages {
		var number int
		if _, err := fmt.Sscanf(text, "zone:last %d", &number); err == nil && m.from[i] == node {
			texts = append(texts, text)
		}
	}
	return texts
}

// A node that hangs does not answer one that leaves: Close waits no longer than it says.
func TestCloseBesideOneThatHangs(t *testing.T) {
	testnet.RequireSoon(t, 1500*time.Millisecond, func() time.Duration {
		nodes := embeddedNodes(t, 2, func(c *Config) { c.CloseTimeout = time.Second })
		crash(nodes[1])
		began := time.Now()
		require.NoError(t, nodes[0].Close())
		return time.Since(began)
	})
}

// What is lost of a node's last messages is told before it has left, however many groups they were to.
func TestLeavingTellsWhatIsMissing(t *testing.T) {
	nodes := embeddedNodes(t, 2, func(c *Config) { c.Heartbeat = time.Second }) // none in between
	a, b := nodes[0], nodes[1]
	groups := maxTails + 500
	for i := range groups {
		b.Group(strconv.Itoa(i)).Watch()
	}
	fence(a, b)
	say := func(text string) {
		for i := range groups {
			a.say(strconv.Itoa(i), text)
		}
	}
	say("first")
	b.until("the first of each", func() bool { return len(b.messages) == groups })
	for _, sub := range b.pump.subs { // what is lost on the way
		require.NoError(t, sub.Unsubscribe())
	}
	fence(b, a) // the servers know it
	say("lost")
	require.NoError(t, a.Close())
	b.until("its leaving", func() bool { return b.saw(NodeLeft, 1) == 1 })
	assert.EqualValues(t, groups, b.missed(1))
}
