package cluster

import (
	"runtime"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/queuednet/queuednet"
)

// receiver is the goroutine that takes what NATS brings, for all subscriptions, and never
// waits. It knows who is there and which messages are missing. It owns all that is here.
// It ends when the node closes, last.
type receiver struct {
	n       *Node
	channel chan *nats.Msg
	stop    chan struct{}
	done    chan struct{}

	accepted []packet // of this batch
	ticked   time.Duration
	behind   int           // NATS messages that had come at a tick and are not taken yet
	asOf     time.Duration // the time of that tick; silence is judged when they are
	relayed  queuednet.Datagram
	ownHash  uint64
	elderAt  time.Duration    // when an older node with this number was heard first
	holes    map[uint16]*hole // nodes that others hear
}

// maxBatch bounds how many NATS messages are taken before the program is told.
const maxBatch = 256

func newReceiver(n *Node) *receiver {
	return &receiver{
		n: n, channel: make(chan *nats.Msg, channelSize),
		stop: make(chan struct{}), done: make(chan struct{}),
		ownHash: hashOf(n.subjects.node(n.config.Number)), holes: make(map[uint16]*hole),
	}
}

func (r *receiver) run() {
	defer close(r.done)
	ticker := time.NewTicker(r.n.config.Heartbeat / 2)
	defer ticker.Stop()
	r.ticked = r.n.now()
	for {
		select {
		case m := <-r.channel:
			r.receiveBatch(m)
		case <-ticker.C:
			r.tick()
		case <-r.stop:
			return
		}
	}
}

// receiveBatch takes a NATS message and those behind it, so that the program is woken once.
func (r *receiver) receiveBatch(first *nats.Msg) {
	runtime.Gosched() // nats.go hands over first what it has read, if the processors are busy
	behind := min(len(r.channel), maxBatch)
	now := r.n.now() // all of them have come before
	r.receive(first, now)
	for range behind {
		r.receive(<-r.channel, now)
	}
	r.handOver()
	if r.behind > 0 {
		r.behind = max(r.behind-1-behind, 0)
		r.judge()
	}
}

// handOver queues for the program what was accepted.
func (r *receiver) handOver() {
	if len(r.accepted) > 0 {
		r.n.in.push(r.accepted...)
		clear(r.accepted)
		r.accepted = r.accepted[:0]
	}
	r.n.in.tell()
}

// receive takes one NATS message that had come at a time.
func (r *receiver) receive(m *nats.Msg, now time.Duration) {
	h, body, err := readHeader(m.Data)
	if err != nil {
		r.invalid()
		return
	}
	if h.number == r.n.config.Number {
		r.fromOwnNumber(h, body)
		return
	}
	name, group := strings.CutPrefix(m.Subject, r.n.subjects.groups)
	if group != (h.kind == kindGroup) {
		r.invalid()
		return
	}
	if h.kind == kindHeartbeat {
		r.heartbeat(h, body, now)
		return
	}
	p := r.sender(h, now)
	if p == nil {
		r.n.counters.foreign.Add(1)
		return
	}
	switch h.kind {
	case kindGroup:
		r.group(p, h, name, body, now)
	case kindDirected:
		r.directed(p, h, body, now)
	case kindCounts:
		r.counts(p, h, body)
	case kindTable:
		r.table(p, h, body)
	case kindAsk:
		r.n.pump.asked(p.Number)
	case kindClaim, kindAnswer, kindUsed, kindState:
		r.sessionMessage(p, h, body, now)
	}
}

func (r *receiver) invalid() { r.n.counters.invalid.Add(1) }

// group takes messages to a group.
func (r *receiver) group(p *peer, h header, token string, body []byte, now time.Duration) {
	g := r.n.groups.group(token)
	if g == nil || !g.wanted.Load() {
		return // they were on their way when the last member left
	}
	count, err := countMessages(kindGroup, body, r.n.config.MaxMessageSize)
	if err != nil {
		r.invalid()
		return
	}
	epoch := g.epoch.Load()
	s := g.in.of(p, epoch, now)
	if w := g.relay.Load(); w != nil {
		if r.inOrder(p, g, s, h.sequence, count) {
			r.received(body, count)
			r.relay(g, w, body)
		}
		return
	}
	r.queue(p, s, h.sequence, count, packet{body: body, group: g, epoch: epoch, kind: kindGroup})
}

// directed takes messages to connections of this node, or to itself.
func (r *receiver) directed(p *peer, h header, body []byte, now time.Duration) {
	f := fields{b: body}
	incarnation := f.uint64()
	count, err := countMessages(kindDirected, f.b, r.n.config.MaxMessageSize)
	if f.failed || err != nil {
		r.invalid()
		return
	}
	if incarnation != 0 && incarnation != r.n.incarnation {
		r.n.counters.undeliverable.Add(uint64(count))
		r.inOrder(p, nil, &p.directed, h.sequence, count)
		return
	}
	r.queue(p, &p.directed, h.sequence, count, packet{body: f.b, kind: kindDirected})
}

// inOrder counts messages of a stream and tells of those that are missing before them. It
// is false where they are to be dropped, because later ones came before.
func (r *receiver) inOrder(p *peer, g *Group, s *stream, first uint64, count int) bool {
	missed, late := s.take(first, count)
	if late {
		r.n.counters.late.Add(uint64(count))
		return false
	}
	if missed > 0 {
		r.gap(p, g, missed)
	}
	return true
}

func (r *receiver) gap(p *peer, g *Group, missed uint64) {
	r.n.counters.missed.Add(missed)
	r.n.happened(Event{Kind: Gap, Node: p.Number, Incarnation: p.Incarnation, Group: g, Missed: missed})
}

// queue queues a packet for the program, and drops it where there is no room: the next one
// that has room tells the gap.
func (r *receiver) queue(p *peer, s *stream, first uint64, count int, q packet) {
	if s.next != 0 && first < s.next {
		r.n.counters.late.Add(uint64(count))
		return
	}
	q.number, q.incarnation, q.held = p.Number, p.Incarnation, p.held
	if p.held.Load()+q.cost() > r.n.in.limit/2 || !r.n.in.reserve(&q) {
		if s.next == 0 {
			s.next = first
		}
		r.n.counters.overflowed.Add(uint64(count))
		r.n.happened(Event{Kind: Overflow, Missed: uint64(count)})
		return
	}
	r.accepted = append(r.accepted, q)
	r.inOrder(p, q.group, s, first, count)
	r.received(q.body, count)
}

func (r *receiver) received(body []byte, count int) {
	c := &r.n.counters
	c.received.Add(uint64(count))
	c.receivedBytes.Add(uint64(len(body)))
	c.receivedPackets.Add(1)
}

// relay sends messages to the members of a group here.
func (r *receiver) relay(g *Group, w *queuednet.ConnectionWriter, body []byte) {
	for len(body) > 0 {
		var message []byte
		message, body, _ = cutMessage(body)
		r.relayed.Assign(message)
		g.toMembers(w, &r.relayed, nil)
	}
}
