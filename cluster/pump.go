package cluster

import (
	"errors"
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// pump is the goroutine that takes what the program sends to NATS, and the only one that
// calls what waits there. It owns all that is here but what mu guards. It ends when the
// node closes or has ended.
type pump struct {
	n       *Node
	carrier *carrier
	done    chan struct{}

	pending []*block // taken and not published
	next    int      // run of the first of them
	subs    map[*Group]*nats.Subscription
	own     []*nats.Subscription

	beat    uint64        // number of the next heartbeat, from 1
	beatAt  time.Duration // of the last one
	repeats uint64        // in how many heartbeats a tail is
	recent  []*subject    // published to since so many
	scratch []byte

	announced map[*Group]uint32 // members, as the others were told
	packets   uint64            // in how many messages

	hurry chan struct{} // capacity one: a heartbeat at once
	heard chan struct{} // capacity one: another node may have heard that this one leaves

	mu     sync.Mutex
	tables map[uint16]bool // nodes that ask for all counts
}

func newPump(n *Node) *pump {
	return &pump{
		n: n, carrier: newCarrier(n), done: make(chan struct{}), beat: 1,
		repeats: n.config.tailRepeats(),
		subs:    make(map[*Group]*nats.Subscription), announced: make(map[*Group]uint32),
		hurry: make(chan struct{}, 1), heard: make(chan struct{}, 1), tables: make(map[uint16]bool),
	}
}

func (p *pump) run() {
	defer close(p.done)
	defer p.carrier.stop()
	if err := p.begin(); err != nil {
		p.n.fail(err)
		return
	}
	timer := time.NewTicker(p.n.config.Heartbeat)
	defer timer.Stop()
	for {
		p.pending = p.n.out.take(p.pending)
		p.publish()
		hurry := false
		select {
		case <-p.n.out.wake:
			runtime.Gosched() // a busy loop writes the rest of its frame first, for one burst
			continue
		case <-timer.C:
		case <-p.hurry:
			hurry = true
		case <-p.carrier.state:
			hurry = true
		case <-p.n.closing:
			p.finish()
			return
		case <-p.n.ended:
			p.finish()
			return
		}
		p.heartbeat(hurry)
	}
}

// begin connects and subscribes to what every node hears.
func (p *pump) begin() error {
	if err := p.carrier.connect(); err != nil {
		return err
	}
	for _, name := range []string{p.n.subjects.heartbeat, p.n.subjects.node(p.n.config.Number)} {
		sub, err := p.carrier.conn.ChanSubscribe(name, p.n.receiver.channel)
		if err != nil {
			return reason(err)
		}
		p.own = append(p.own, sub)
	}
	p.heartbeat(true)
	return nil
}

// publish publishes what is pending, unless NATS is not to be had, and a heartbeat where
// one is due.
func (p *pump) publish() {
	for len(p.pending) > 0 {
		b, now := p.pending[0], p.n.now()
		for p.next < len(b.runs) {
			if !p.publishRun(b, &b.runs[p.next], now) {
				return
			}
			p.next++
		}
		p.n.out.size.Add(-int64(len(b.b)))
		b.free()
		p.pending[0] = nil
		p.pending, p.next = p.pending[1:], 0
		if p.n.now()-p.beatAt >= p.n.config.Heartbeat {
			p.heartbeat(false)
		}
	}
	p.pending = nil
}

// publishRun reports whether it is done with a run.
func (p *pump) publishRun(b *block, r *run, now time.Duration) bool {
	c := &p.n.counters
	if r.subject == nil {
		p.look(r.group)
		return true
	}
	if r.last != 0 && now-r.at > p.n.config.MaxAge {
		c.tooOld.Add(uint64(r.messages))
		p.wrote(r)
		return true
	}
	if !p.n.connected.Load() {
		return p.n.Err() != nil
	}
	err := p.carrier.conn.Publish(r.subject.name, b.b[r.off:r.end])
	switch {
	case err == nil:
		if r.last != 0 {
			c.published.Add(uint64(r.messages))
			c.publishedBytes.Add(uint64(r.end - r.off))
			c.packets.Add(1)
		}
	case errors.Is(err, nats.ErrReconnectBufExceeded):
		return false // the run waits for the connection, at most MaxAge
	default:
		c.publishErrors.Add(1)
	}
	p.wrote(r)
	return true
}

// wrote notes a sequence that the others should have heard of.
func (p *pump) wrote(r *run) {
	if r.last == 0 {
		return
	}
	s := r.subject
	s.published, s.written = r.last, p.beat
	if !s.recent {
		s.recent = true
		p.recent = append(p.recent, s)
	}
}

// look makes the interest of the node in a group what the program wants.
func (p *pump) look(g *Group) {
	sub := p.subs[g]
	switch wanted := g.wanted.Load(); {
	case wanted && sub == nil:
		sub, err := p.carrier.conn.ChanSubscribe(g.subject.name, p.n.receiver.channel)
		if err != nil {
			p.n.log("a group is not heard", "group", g.name, "error", err)
			return
		}
		p.subs[g] = sub
	case !wanted && sub != nil:
		sub.Unsubscribe()
		delete(p.subs, g)
	}
}

// heartbeat publishes a heartbeat if it is due, or in a hurry.
func (p *pump) heartbeat(hurry bool) {
	now := p.n.now()
	if !p.n.connected.Load() || !hurry && now-p.beatAt < p.n.config.Heartbeat*9/10 {
		return
	}
	p.announce()
	h := heartbeat{
		flags:       p.n.flags(now),
		connections: uint32(p.n.connections.Load()),
		stamp:       uint64(now),
		counts:      p.packets,
		name:        []byte(p.n.config.Name),
		echoes:      p.n.peers.echoes(nil, now),
	}
	if now-p.beatAt < p.n.config.Heartbeat*9/10 { // between two regular ones
		p.publishHeartbeat(&h)
		return
	}
	p.beatAt = now
	if p.carrier.slow.Swap(false) {
		p.countDropped()
	}
	rest, flags := p.tails(), h.flags
	for first := true; first || len(rest) > 0; first = false {
		n := min(len(rest), maxTails*tailSize)
		h.tails, rest = rest[:n], rest[n:]
		if h.flags = flags; len(rest) > 0 {
			h.flags &^= flagLeaving // which is for the last one
		}
		p.publishHeartbeat(&h)
	}
}

func (p *pump) publishHeartbeat(h *heartbeat) {
	p.send(p.n.subjects.heartbeat, header{kind: kindHeartbeat, sequence: p.beat}, h.appendTo)
}

// send publishes a message of the module's own.
func (p *pump) send(name string, h header, body func([]byte) []byte) {
	h.number, h.incarnation = p.n.config.Number, p.n.incarnation
	p.scratch = body(h.appendTo(p.scratch[:0]))
	if err := p.carrier.conn.Publish(name, p.scratch); err != nil {
		p.n.counters.publishErrors.Add(1)
	}
}

// tails returns the last sequences of the subjects that were written to lately, but not since
// the last heartbeat; of all that were, in one that leaves.
func (p *pump) tails() (tails []byte) {
	keep := p.recent[:0]
	for _, s := range p.recent {
		quiet := p.beat - s.written
		if quiet > p.repeats {
			s.recent = false
			continue
		}
		keep = append(keep, s)
		if quiet > 0 || p.n.left.Load() {
			tails = appendTail(tails, tail{s.hash, s.published})
		}
	}
	clear(p.recent[len(keep):])
	p.recent = keep
	p.beat++
	return tails
}

// announce tells how many members the groups have here, where that has changed, and all of
// it to those that ask.
func (p *pump) announce() {
	var body []byte
	flush := func() {
		p.packets++
		p.send(p.n.subjects.heartbeat, header{kind: kindCounts, sequence: p.packets},
			func(b []byte) []byte { return append(b, body...) })
		body = body[:0]
	}
	for _, g := range p.n.counts.take() {
		members := g.members()
		if p.announced[g] == members {
			continue
		}
		if members > 0 {
			p.look(g) // who hears of members reaches them
		}
		if p.announced[g] = members; members == 0 {
			delete(p.announced, g)
		}
		if body = appendCount(body, g.token, members); len(body) > maxPacket-maxToken {
			flush()
		}
	}
	if len(body) > 0 {
		flush()
	}
	p.mu.Lock()
	tables := p.tables
	p.tables = make(map[uint16]bool)
	p.mu.Unlock()
	for number := range tables {
		p.table(number)
	}
}

// table tells a node all counts.
func (p *pump) table(number uint16) {
	name := p.n.subjects.node(number)
	body := []byte{tableFirst}
	flush := func() {
		p.send(name, header{kind: kindTable, sequence: p.packets}, func(b []byte) []byte { return append(b, body...) })
		body = append(body[:0], 0)
	}
	for g, members := range p.announced {
		if body = appendCount(body, g.token, members); len(body) > maxPacket-maxToken {
			flush()
		}
	}
	body[0] |= tableLast
	flush()
}

// asked notes a node that asks for all counts. The receiver calls it.
func (p *pump) asked(number uint16) {
	p.mu.Lock()
	p.tables[number] = true
	p.mu.Unlock()
	signal(p.hurry)
}

// countDropped counts what nats.go has dropped because the channel was full.
func (p *pump) countDropped() {
	var dropped int
	add := func(s *nats.Subscription) {
		n, _ := s.Dropped()
		dropped += n
	}
	for _, s := range p.own {
		add(s)
	}
	for _, s := range p.subs {
		add(s)
	}
	p.n.counters.dropped.Store(uint64(dropped))
}

// finish publishes what is queued, says that the node leaves, and waits until the servers
// and all other nodes have it, for at most half of CloseTimeout.
func (p *pump) finish() {
	p.pending = p.n.out.take(p.pending)
	p.publish()
	if !p.n.connected.Load() {
		return
	}
	end := time.Now().Add(p.n.config.CloseTimeout / 2)
	p.n.left.Store(true)
	said := uint64(p.n.now())
	p.beatAt = time.Duration(said) - p.n.config.Heartbeat // so that it is a regular one, with tails
	p.heartbeat(true)
	p.carrier.conn.FlushTimeout(time.Until(end))
	if err := p.n.Err(); errors.Is(err, ErrLeft) || errors.Is(err, net.ErrClosed) {
		p.linger(said, end)
	}
}

// linger waits until all other nodes have heard the leaving heartbeat, which was said at a
// time of this node's clock, and with it all that was sent before. The end of an embedded
// server cuts its routes, with whatever the others have not read; those that have read it
// answer at once. Others that leave are answered meanwhile.
func (p *pump) linger(said uint64, end time.Time) {
	timer := time.NewTimer(time.Until(end))
	defer timer.Stop()
	for !p.n.peers.heard(said) {
		select {
		case <-p.heard:
		case <-p.hurry:
			p.heartbeat(true)
		case <-p.carrier.state:
			if !p.n.connected.Load() {
				return // nobody will answer
			}
		case <-timer.C:
			return
		}
	}
}
