package cluster

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/stretchr/testify/require"
)

// players are connections over TCP, whose other ends are in this process too.
type players struct {
	*end
	conns   []*queuednet.Connection
	clients *queuednet.QueuedConnectionReader
	got     int
}

func newPlayers(b *testing.B, count int) *players {
	p := &players{end: newEnd(b)}
	var local queuednet.NetAddress
	require.NoError(b, local.SetLocalhost(0))
	rendezvous, err := p.manager.OpenTCPServerRendezvousAt(local, count)
	require.NoError(b, err)
	require.NoError(b, p.listener.AddConnection(rendezvous))
	manager := queuednet.NewQueuedConnectionManager(nil)
	b.Cleanup(func() { manager.Close() })
	p.clients = queuednet.NewQueuedConnectionReader(manager)
	for range count {
		conn, err := manager.OpenTCPClientConnection("127.0.0.1", int(rendezvous.LocalAddress().Port()), patience)
		require.NoError(b, err)
		require.NoError(b, p.clients.AddConnection(conn))
	}
	for end := time.Now().Add(patience); len(p.conns) < count; time.Sleep(time.Millisecond) {
		require.True(b, time.Now().Before(end), "%d of %d have come", len(p.conns), count)
		for conn := range p.listener.NewConnections() {
			require.NoError(b, p.reader.AddConnection(conn))
			p.conns = append(p.conns, conn)
		}
	}
	return p
}

// await waits until the players have got so many datagrams more.
func (p *players) await(b *testing.B, count int) {
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	for p.got < count {
		if err := p.clients.Manager().WaitForReaders(ctx); err != nil {
			b.Fatal(p.got, " of ", count, ": ", err)
		}
		for range p.clients.Datagrams() {
			p.got++
		}
	}
	p.got -= count
}

// BenchmarkFanOut is a broadcast until the last of 900 players has it: all on one node, or 300
// on each of three, where a loop that waits forwards it, or a relay does.
func BenchmarkFanOut(b *testing.B) {
	b.Run("one node", func(b *testing.B) {
		p := newPlayers(b, 900)
		n := open(b, nil)
		for _, conn := range p.conns {
			require.NoError(b, n.Group("zone").Join(conn))
		}
		fanOut(b, n.Group("zone"), p)
	})
	b.Run("three nodes, loops", func(b *testing.B) {
		group, all := threeNodes(b, func(n *member, p *players) {
			done := make(chan struct{})
			go func() {
				defer close(done)
				for n.WaitForMessages(b.Context()) == nil {
					for m := range n.Messages() {
						m.Forward(p.writer)
					}
					for range n.Events() {
					}
				}
			}()
			b.Cleanup(func() { n.Close(); <-done })
		})
		fanOut(b, group, all...)
	})
	b.Run("three nodes, relays", func(b *testing.B) {
		group, all := threeNodes(b, func(n *member, p *players) { n.Group("zone").SetRelay(p.writer) })
		fanOut(b, group, all...)
	})
}

func threeNodes(b *testing.B, forward func(*member, *players)) (group *Group, all []*players) {
	nodes := embeddedNodes(b, 3, nil)
	for i, n := range nodes {
		p := newPlayers(b, 300)
		for _, conn := range p.conns {
			require.NoError(b, n.Group("zone").Join(conn))
		}
		if i > 0 {
			fence(nodes[0], n)
			forward(n, p)
		}
		all = append(all, p)
	}
	return nodes[0].Group("zone"), all
}

func fanOut(b *testing.B, group *Group, all ...*players) {
	d := queuednet.NewDatagram(make([]byte, 64))
	got := make(chan struct{})
	next := make([]chan struct{}, len(all))
	for i, p := range all {
		next[i] = make(chan struct{})
		go func() {
			for range next[i] {
				p.await(b, len(p.conns))
				got <- struct{}{}
			}
		}()
		defer close(next[i])
	}
	var times []time.Duration
	b.ResetTimer()
	for range b.N {
		for _, n := range next {
			n <- struct{}{}
		}
		began := time.Now()
		if err := group.Broadcast(all[0].writer, d); err != nil {
			b.Fatal(err)
		}
		for range all {
			<-got
		}
		times = append(times, time.Since(began))
		time.Sleep(time.Millisecond) // the rest of the frame
	}
	b.ReportMetric(percentile(times, 50), "last-p50-µs")
	b.ReportMetric(percentile(slices.Clone(times), 99), "last-p99-µs")
}
