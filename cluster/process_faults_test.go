package cluster

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// patient is for processes of which none is to be taken for dead, and no message to grow too
// old, because the machine was busy.
var patient = Config{DeadAfter: 5 * time.Second, MaxAge: patience}

// fault hurts node 3, and checks that nodes 1 and 2 tell its death in time.
func fault(t *testing.T, all []*process, hurt func()) {
	t.Helper()
	time.Sleep(300 * time.Millisecond)
	began := time.Now()
	hurt()
	for _, p := range all[:2] {
		at := p.await("NodeLeft", 3).At.Sub(began)
		t.Logf("node %d knows after %v", p.number, at.Round(time.Millisecond))
		assert.Less(t, at, 2*patient.DeadAfter)
		assert.Greater(t, at, patient.DeadAfter/2) // the last heartbeat was before, by more than its time on a busy machine
	}
}

// kill -9 is told on each other node, once, in time, and nothing is lost between those.
func TestKill(t *testing.T) {
	t.Parallel()
	all := processes(t, 3, 6000, patient)
	fault(t, all, all[2].kill)
	result := balance(t, all[0], all[1])
	for _, p := range all[:2] {
		assert.Equal(t, []string{"NodeJoined", "NodeLeft"}, p.about(3))
		other := 3 - p.number
		assert.Zero(t, result[p.number].Missed[other])
		t.Logf("node %d: longest pause of %d %v", p.number, other, result[p.number].Pause[other])
	}
}

// A node that is stopped for longer than DeadAfter is told as gone and as back; it tells
// itself that it was away; each lost message is counted.
func TestStop(t *testing.T) {
	t.Parallel()
	all := processes(t, 3, 1200, patient)
	more := 1500 * time.Millisecond
	if *long {
		more = 10 * time.Second
	}
	fault(t, all, func() { all[2].stop() })
	time.Sleep(more)
	all[2].goOn()
	for _, p := range all[:2] {
		p.await("NodeBack", 3)
	}
	all[2].await("Paused", 0)
	time.Sleep(time.Second)
	result := balance(t, all...)
	for _, p := range all[:2] {
		assert.Equal(t, []string{"NodeJoined", "NodeLeft", "NodeBack"}, p.about(3))
		assert.Zero(t, result[p.number].Missed[3-p.number], "between the others")
		assert.Equal(t, []string{"NodeJoined"}, all[2].about(p.number), "it takes nobody for dead")
	}
	t.Logf("missed by the one that was stopped: %v", result[3].Missed)
}

// Nodes are restarted one after the other under traffic; the others lose nothing.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	all := processes(t, 3, 1200, patient)
	for i := range all {
		old := all[i]
		old.tell("stop")
		old.tell("close")
		began := time.Now()
		for _, p := range all {
			if p != old {
				r := p.await("NodeLeft", old.number)
				assert.Equal(t, ErrLeft.Error(), r.Err)
				assert.Less(t, r.At.Sub(began), patient.DeadAfter)
				t.Logf("node %d knows after %v", p.number, r.At.Sub(began).Round(time.Millisecond))
			}
		}
		require.NoError(t, old.cmd.Wait())
		config := patient
		config.Number, config.Listen = old.number, "127.0.0.1:0"
		for _, p := range all {
			if p != old {
				config.Routes = append(config.Routes, p.addr)
			}
		}
		all[i] = start(t, order{Config: settings{Config: config}, Rate: 1200, Size: 256})
		for _, p := range all {
			if p != all[i] {
				p.await("NodeJoined", old.number)
			}
		}
	}
	for _, p := range all {
		for node, missed := range p.ask().Missed {
			assert.Zero(t, missed, "of %d at %d", node, p.number)
		}
	}
}

// A server of NATS as a process is stopped, goes on, is killed and comes back, while two nodes
// send 10,000 messages a second: each message is received or counted as missing. That no
// call of the loop waits meanwhile is TestNoCallWaits.
func TestServerStops(t *testing.T) {
	if !*long {
		t.Skip("it takes 20 seconds: with -long")
	}
	server := start(t, order{Server: "127.0.0.1:0"})
	config := Config{Servers: []string{"nats://" + server.addr}, DeadAfter: patience}
	var nodes []*process
	for number := range uint16(2) {
		config.Number = number + 1
		nodes = append(nodes, start(t, order{Config: settings{Config: config}, Rate: 10_000, Size: 256}))
	}
	for i, p := range nodes {
		p.await("NodeJoined", nodes[1-i].number)
		p.tell("go")
	}
	time.Sleep(time.Second)
	server.stop()
	time.Sleep(10 * time.Second)
	server.goOn()
	time.Sleep(3 * time.Second)
	server.kill()
	time.Sleep(2 * time.Second)
	again := start(t, order{Server: server.addr})
	time.Sleep(3 * time.Second)
	for number, s := range balance(t, nodes...) {
		t.Logf("node %d: %+v", number, s)
		assert.Positive(t, s.Stats.Reconnects)
	}
	again.kill()
}
