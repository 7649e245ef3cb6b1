package cluster

import (
	"sync/atomic"
	"time"
)

// Who is there. Only heartbeats make a node known or bring it back: a message that was
// under way for long does not.

// sender returns who has sent a message that is no heartbeat, nil for a node that is not
// there.
func (r *receiver) sender(h header, now time.Duration) *peer {
	p := r.n.peers.all[h.number]
	if p == nil || p.Incarnation != h.incarnation || !p.alive() {
		return nil
	}
	p.hear(now)
	return p
}

// heartbeat takes a heartbeat of another node.
func (r *receiver) heartbeat(h header, body []byte, now time.Duration) {
	b, err := readHeartbeat(body)
	if err != nil {
		r.invalid()
		return
	}
	p := r.greet(h, b.flags, now)
	if p == nil {
		return
	}
	p.hear(now)
	r.n.peers.mu.Lock()
	p.stamp, p.stampAt = b.stamp, now
	p.Connections = int(b.connections)
	if p.Name != string(b.name) {
		p.Name = string(b.name)
	}
	b.eachEcho(func(e echo) bool {
		if e.number == r.n.config.Number && time.Duration(e.stamp) <= now {
			p.RTT = max(now-time.Duration(e.stamp)-e.held, 0)
			p.echoed = e.stamp
		}
		return true
	})
	r.n.peers.mu.Unlock()
	b.eachEcho(func(e echo) bool { r.hears(e.number, now); return true })
	if r.n.left.Load() {
		signal(r.n.pump.heard)
	}
	b.eachTail(func(t tail) bool {
		r.tail(p, t, now)
		return true
	})
	switch {
	case b.flags&flagLeaving != 0:
		r.gone(p, PeerLeft, ErrLeft)
		signal(r.n.pump.hurry) // it waits for the answer
	case b.flags&flagDraining != 0 && p.State == PeerAlive:
		r.setState(p, PeerDraining)
		r.about(p, NodeDraining, nil)
	}
	if p.known && b.counts != p.counts {
		p.known = false
	}
	r.askCounts(p, now)
}

// greet finds the node of a heartbeat, and tells of one that has come. It is nil for one
// that is not to be heard.
func (r *receiver) greet(h header, flags uint8, now time.Duration) *peer {
	p := r.n.peers.all[h.number]
	switch {
	case p != nil && p.Incarnation == h.incarnation && p.alive():
		return p
	case flags&flagLeaving != 0:
		return nil
	case p != nil && p.Incarnation == h.incarnation:
		if p.State == PeerLeft {
			return nil // it was late
		}
		r.setState(p, PeerAlive)
		r.n.alive[p.Number].Store(p.Incarnation)
		p.known = false
		r.about(p, NodeBack, nil)
	case p != nil && p.alive():
		if !r.replaces(p, h, now) {
			return nil
		}
		r.gone(p, PeerDead, ErrReplaced)
		p = r.join(h)
	default:
		p = r.join(h)
	}
	signal(r.n.pump.hurry) // so that it knows this one as soon
	return p
}

// replaces decides about a node that comes with the number of one that is there. It is
// believed at its next heartbeat, unless the other one, which answers at once, is heard in
// between.
func (r *receiver) replaces(p *peer, h header, now time.Duration) bool {
	if h.incarnation < p.Incarnation {
		return false
	}
	if p.candidate != h.incarnation {
		p.candidate, p.candidateAt = h.incarnation, now
		return false
	}
	return now-p.candidateAt >= r.n.config.Heartbeat/2 && p.heard < p.candidateAt
}

func (r *receiver) join(h header) *peer {
	p := &peer{Peer: Peer{Number: h.number, Incarnation: h.incarnation, State: PeerAlive}, held: new(atomic.Int64), tokens: make(map[string]struct{})}
	p.directed = stream{number: h.number, incarnation: h.incarnation}
	r.n.peers.mu.Lock()
	r.n.peers.all[h.number] = p
	r.n.peers.mu.Unlock()
	r.n.alive[p.Number].Store(p.Incarnation)
	r.about(p, NodeJoined, nil)
	return p
}

// gone tells that a node is there no longer.
func (r *receiver) gone(p *peer, state PeerState, err error) {
	r.setState(p, state)
	r.n.alive[p.Number].Store(0)
	r.forgetCounts(p)
	r.about(p, NodeLeft, err)
	signal(r.n.pump.heard)
}

func (r *receiver) setState(p *peer, state PeerState) {
	r.n.peers.mu.Lock()
	defer r.n.peers.mu.Unlock()
	p.State = state
}

// about tells what becomes of a node, behind what it sent before.
func (r *receiver) about(p *peer, k EventKind, err error) {
	r.handOver()
	r.n.happened(Event{Kind: k, Node: p.Number, Incarnation: p.Incarnation, Err: err})
}

// tail looks whether messages at the end of a stream are missing.
func (r *receiver) tail(p *peer, t tail, now time.Duration) {
	if t.hash == r.ownHash {
		if p.directed.next != 0 && p.directed.next <= t.sequence {
			r.inOrder(p, nil, &p.directed, t.sequence+1, 0)
		}
		return
	}
	g := r.n.groups.hashed(t.hash)
	if g == nil || !g.wanted.Load() {
		return
	}
	s := g.in.of(p, g.epoch.Load(), now)
	switch {
	case s.next == 0 && now-g.in.since > 2*time.Duration(r.n.config.tailRepeats())*r.n.config.Heartbeat:
		// Nothing was heard of the last message, at least, though the node has listened
		// for longer than a message is told of.
		s.next = t.sequence + 1
		r.gap(p, g, 1)
	case s.next != 0 && s.next <= t.sequence:
		r.inOrder(p, g, s, t.sequence+1, 0)
	}
}

// fromOwnNumber takes a message of a node with this one's number. The younger of two ends,
// and one that was away ends in any case: its place was taken.
func (r *receiver) fromOwnNumber(h header, body []byte) {
	b, err := readHeartbeat(body)
	if h.incarnation == r.n.incarnation || h.kind != kindHeartbeat || err != nil || b.flags&flagLeaving != 0 {
		return
	}
	signal(r.n.pump.hurry)
	away := int64(r.n.now()) < r.n.awayUntil.Load()
	if h.incarnation > r.n.incarnation && !away || b.flags&flagAway != 0 {
		return
	}
	// A heartbeat may have been under way when its node died.
	now := r.n.now()
	if r.elderAt == 0 {
		r.elderAt = now
	}
	if away || now-r.elderAt >= r.n.config.Heartbeat/2 {
		r.n.fail(ErrDuplicateNumber)
	}
}

// tick looks whether this process was away itself, and then who has not been heard for long. Time
// for which it has not run is nobody's silence: what the others said meanwhile is still on
// its way to the receiver.
func (r *receiver) tick() {
	now := r.n.now()
	stood := max(now-r.ticked-r.n.config.Heartbeat/2, 0)
	away := now-r.ticked > r.n.config.DeadAfter
	r.ticked = now
	if away {
		stood = now
		r.n.awayUntil.Store(int64(now + r.n.config.DeadAfter))
		r.n.happened(Event{Kind: Paused})
	}
	for _, p := range r.n.peers.all {
		p.excused = min(p.excused+stood, now-p.heard)
	}
	if r.behind == 0 { // else an earlier tick waits
		r.behind, r.asOf = len(r.channel), now
		r.judge()
	}
	r.n.removeEnded()
}

// judge looks who had not been heard for long at the last tick, when all that had come by then is
// taken: there may be a sign of life in it.
func (r *receiver) judge() {
	if r.behind > 0 {
		return
	}
	for _, p := range r.n.peers.all {
		switch {
		case !p.alive():
		case p.silence(r.asOf) > r.n.config.DeadAfter:
			r.gone(p, PeerDead, ErrNoHeartbeat)
		default:
			r.askCounts(p, r.asOf)
		}
	}
	r.sessionTick(r.asOf)
}
