package distributed

import (
	"bytes"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/queuednet/queuednet/internal/testmode"
	"github.com/stretchr/testify/require"
)

// An update is passed on without an allocation in the state.
func TestUpdateAllocatesNothing(t *testing.T) {
	config := (*ServerConfig)(nil).withDefaults()
	s := newState(&config, testFile, discard{}, 65535)
	owner, watcher := &Client{}, &Client{}
	require.True(t, s.join(owner))
	require.True(t, s.join(watcher))
	s.handle(watcher, interest(5))
	s.endFrame()
	s.handle(owner, thing(5, owner.base))
	moved, asked := set(owner.base, "Thing", "setAB", 1.5, 2.5), set(owner.base, "Thing", "ask", 1)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		s.handle(owner, moved)
		s.handle(watcher, asked)
	}))
	require.Zero(t, s.stats.Dropped)
}

// With real connections an update is relayed without an allocation, by the whole program. The
// updates come faster than they can leave, so that some memory for what waits is new.
func TestRelayAllocatesNothing(t *testing.T) {
	if testmode.Race {
		t.Skip("the race detector makes a sync.Pool forget")
	}
	s := newScene(t, nil)
	owner := s.connect()
	owner.send(thing(5, owner.base))
	const watchers, each = 4, 500
	var received atomic.Int64
	for range watchers {
		w := s.watch(5)
		go func() { // ends with the connection
			buffer := make([]byte, 64<<10)
			for n, err := 0, error(nil); err == nil; n, err = w.Read(buffer) {
				received.Add(int64(n))
			}
		}()
	}
	update := bytes.Repeat(frame(set(owner.base, "Thing", "setAB", 1.5, 2.5)), each)
	relay := func() {
		want := s.server.Stats().Relayed + each
		if _, err := owner.Write(update); err != nil {
			t.Fatal(err)
		}
		for s.server.Stats().Relayed < want {
			s.server.Update()
			runtime.Gosched()
		}
	}
	allocated := testing.AllocsPerRun(20, relay) / each
	require.Less(t, allocated, 0.5, "an update relayed to %d", watchers)
	relayed := (20 + 1) * each * len(frame(setFrom(owner, owner.base, "Thing", "setAB", 1.5, 2.5)))
	s.until("all received", func() bool { return received.Load() == int64(watchers*relayed) })
}

type discard struct{}
