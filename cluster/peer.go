package cluster

import (
	"iter"
	"sync"
	"sync/atomic"
	"time"
)

// A Peer is what this node knows of another one.
type Peer struct {
	Number      uint16
	Incarnation uint64
	Name        string
	Connections int           // of the program, as that node counts them
	State       PeerState     //
	RTT         time.Duration // of heartbeats, there and back; 0: not known
}

// PeerState says whether a node is there.
type PeerState uint8

const (
	PeerAlive    PeerState = 1 + iota // it is there
	PeerDraining                      // it is, and has called Drain
	PeerLeft                          // it has called Leave or Close
	PeerDead                          // nothing was heard from it for Config.DeadAfter
)

var peerStates = [...]string{"unknown", "alive", "draining", "left", "dead"}

// String returns the state in a word.
func (s PeerState) String() string { return peerStates[min(int(s), len(peerStates)-1)%len(peerStates)] }

// peer is another node. The receiver alone changes it, with peers.mu held where others
// read: Peer, stamp, stampAt and echoed.
type peer struct {
	Peer
	stamp   uint64 // of its last heartbeat
	stampAt time.Duration
	echoed  uint64 // the last stamp of this node that it has answered

	heard       time.Duration // last sign of life
	excused     time.Duration // since then this process has not run for so long
	candidate   uint64        // an incarnation that may be going to replace it
	candidateAt time.Duration // since when
	directed    stream        // of what it sends to this node
	held        *atomic.Int64 // bytes of its packets that the program has not finished

	counts    uint64 // how many of its messages with counts have been taken in
	known     bool   // counts is complete
	askedAt   time.Duration
	tableOpen bool // the first part of a table has come
	tokens    map[string]struct{}
}

// hear notes a sign of life.
func (p *peer) hear(now time.Duration) { p.heard, p.excused = now, 0 }

// silence is how long nothing was heard, though this process ran.
func (p *peer) silence(now time.Duration) time.Duration { return now - p.heard - p.excused }

func (p *peer) alive() bool { return p.State == PeerAlive || p.State == PeerDraining }

// peers are the other nodes, those that are gone too.
type peers struct {
	mu  sync.Mutex
	all map[uint16]*peer
}

// Peers yields the nodes that have been heard, those that are gone too, in no order.
func (n *Node) Peers() iter.Seq[Peer] {
	return func(yield func(Peer) bool) {
		if n.isZero() {
			return
		}
		n.peers.mu.Lock()
		all := make([]Peer, 0, len(n.peers.all))
		for _, p := range n.peers.all {
			all = append(all, p.Peer)
		}
		n.peers.mu.Unlock()
		for _, p := range all {
			if !yield(p) {
				return
			}
		}
	}
}

// answerLeft is how long heartbeats answer a node that has left. It waits for one answer.
const answerLeft = 5 * time.Second

// echoes appends the answers to what was heard from those that are there, and from those
// that have just left.
func (p *peers) echoes(b []byte, now time.Duration) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, peer := range p.all {
		leaves := peer.State == PeerLeft && now-peer.stampAt < answerLeft
		if (peer.alive() || leaves) && peer.stamp != 0 {
			b = appendEcho(b, echo{peer.Number, peer.stamp, now - peer.stampAt})
		}
	}
	return b
}

// heard reports whether all nodes that are there have answered a heartbeat that was said at
// a time of this node's clock, or a later one.
func (p *peers) heard(said uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, peer := range p.all {
		if peer.alive() && peer.echoed < said {
			return false
		}
	}
	return true
}

// A stream is what one incarnation of a node sends to one subject.
type stream struct {
	number      uint16
	incarnation uint64
	next        uint64 // sequence expected; 0: none has come
}

// take notes messages that have come, and reports how many are missing before them; late:
// they are to be dropped.
func (s *stream) take(first uint64, count int) (missed uint64, late bool) {
	switch {
	case s.next == 0:
		// The first that is heard: what came before was not for us.
	case first < s.next:
		return 0, true
	case generationOf(first) != generationOf(s.next):
		missed = max(placeOf(first), 1) - 1
	default:
		missed = first - s.next
	}
	s.next = first + uint64(count)
	return missed, false
}

// inbound are the streams of a group. They belong to the receiver.
type inbound struct {
	epoch   uint32
	since   time.Duration // when the epoch was first seen
	streams []stream
}

// of returns the stream of an incarnation of a node, in the epoch.
func (in *inbound) of(p *peer, epoch uint32, now time.Duration) *stream {
	if in.epoch != epoch {
		in.epoch, in.since, in.streams = epoch, now, in.streams[:0]
	}
	for i := range in.streams {
		s := &in.streams[i]
		if s.number == p.Number {
			if s.incarnation != p.Incarnation {
				s.incarnation, s.next = p.Incarnation, 0
			}
			return s
		}
	}
	in.streams = append(in.streams, stream{number: p.Number, incarnation: p.Incarnation})
	return &in.streams[len(in.streams)-1]
}
