package queuednet

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A fakeQueue is a queue of connections that nobody accepts.
type fakeQueue struct{ connectionQueue }

func newFakeQueue() *fakeQueue {
	return &fakeQueue{connectionQueue{manager: NewQueuedConnectionManager(nil)}}
}

// fill queues n connections, of which five have room.
func (q *fakeQueue) fill(n int) (conns []*Connection) {
	for range n {
		conns = append(conns, new(Connection))
		q.put(conns[len(conns)-1], 5)
	}
	return conns
}

// drain returns how many connections one drain takes.
func (q *fakeQueue) drain() (n int) {
	for q.available() {
		if _, ok := q.get(); ok {
			n++
		}
	}
	return n
}

// The connections removed from a queue while a drain runs do not count as taken
// by it: it takes all others that were queued, and the next drain all of its own.
func TestDrainSurvivesRemovals(t *testing.T) {
	q := newFakeQueue()
	conns := q.fill(2)
	require.True(t, q.available())
	q.get()
	q.remove(conns[1])
	require.False(t, q.available(), "told once that the drain is over")
	q.fill(5)
	require.Equal(t, 5, q.drain())

	conns = q.fill(3) // a removal of one that came later changes nothing
	require.True(t, q.available())
	later := q.fill(2)
	q.remove(later[0])
	q.remove(conns[1])
	require.Equal(t, 2, q.drain())
	require.Equal(t, 1, q.drain())
}

func TestDrainSurvivesTheLimit(t *testing.T) {
	q := newFakeQueue()
	q.fill(2)
	require.True(t, q.available())
	q.get()
	q.fill(5) // the one that is left is dropped
	q.fill(1)
	require.False(t, q.available(), "told once that the drain is over")
	require.Equal(t, 5, q.drain())
}

func TestIteratorSurvivesRemovals(t *testing.T) {
	q := newFakeQueue()
	conns := q.fill(3)
	n := 0
	for range q.all(func(*Connection) bool { return true }) {
		if n++; n == 1 {
			q.remove(conns[1])
			q.fill(1)
		}
	}
	require.Equal(t, 2, n, "what came during the drain is the next one's")
	require.Equal(t, 1, q.drain())
}
