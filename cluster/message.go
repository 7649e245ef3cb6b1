package cluster

import (
	"context"
	"iter"
	"net"
	"slices"
	"sync"

	"github.com/queuednet/queuednet"
)

// A Message is what another node, or this one, has sent to a group or to an address here.
// One that is yielded by Messages is a view, valid until the next step of the loop: keep
// its Datagram by Clone. It is a plain value: not for several goroutines at once.
type Message struct {
	group    *Group
	from     Address
	to       *queuednet.Connection
	payload  []byte
	assigned bool
	datagram queuednet.Datagram
}

// Group returns the group that it was sent to, nil where it was sent to an address.
func (m *Message) Group() *Group { return m.group }

// From returns the number of the node that sent it.
func (m *Message) From() uint16 { return m.from.Node }

// Sender returns the address of the node that sent it.
func (m *Message) Sender() Address { return m.from }

// To returns the connection of this node that it was sent to, nil where it was sent to a
// group or to the node itself.
func (m *Message) To() *queuednet.Connection { return m.to }

// Payload returns its bytes, for reading only.
func (m *Message) Payload() []byte { return m.payload }

// Datagram returns its bytes as a datagram.
func (m *Message) Datagram() *queuednet.Datagram {
	if !m.assigned {
		m.datagram.Assign(m.payload)
		m.assigned = true
	}
	return &m.datagram
}

// Forward sends it to the members of its group on this node, or to the connection that it
// is for, and frames it once. For a message to the node itself it does nothing. It returns
// what the writer says.
func (m *Message) Forward(w *queuednet.ConnectionWriter) error {
	switch {
	case w == nil:
		return net.ErrClosed
	case m.to != nil:
		return w.Send(m.Datagram(), m.to)
	case m.group != nil:
		return m.group.toMembers(w, m.Datagram(), nil)
	}
	return nil
}

// drain is what the program has taken from the queue of messages.
type drain struct {
	mu      sync.Mutex
	looping bool
	taken   []packet
	next    int    // packet of taken
	rest    []byte // of its body
	begun   bool   // rest is of the packet next
	view    Message
}

// Messages drains what other nodes have sent: it yields each message that was queued when
// the loop began, those of one node in the order in which it sent them. A loop may be left
// half-way, the next one goes on from there; inside it any other one finds nothing.
//
// Where a node comes or goes in between, the loop ends there until Events has yielded
// that: so nothing of a node is handed out before its NodeJoined or after its NodeLeft. A
// program that never calls Events is held up for one loop.
func (n *Node) Messages() iter.Seq[*Message] {
	return func(yield func(*Message) bool) {
		if n.isZero() || !n.drain.begin(&n.in) {
			return
		}
		defer n.drain.end()
		for n.next() {
			if !yield(&n.drain.view) {
				return
			}
		}
	}
}

func (d *drain) begin(in *incoming) bool {
	if in.pushed.Load() == in.taken.Load() {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.looping {
		return false
	}
	in.begin()
	d.taken = slices.Delete(d.taken, 0, d.next)
	d.next = 0
	d.taken = in.takePackets(d.taken)
	d.looping = true
	return true
}

func (d *drain) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.looping = false
	d.view = Message{}
	if d.next == len(d.taken) {
		if cap(d.taken) > max(4096, 4*d.next) { // after a burst
			d.taken = nil
		}
		d.taken, d.next = d.taken[:0], 0
	}
}

// next makes the view the next message that is to be handed out.
func (n *Node) next() bool {
	d := &n.drain
	for d.next < len(d.taken) {
		p := &d.taken[d.next]
		if !d.begun {
			if n.in.blocked() {
				n.in.hold()
				return false
			}
			d.rest, d.begun = p.body, true
		}
		for len(d.rest) > 0 && !n.stale(p) {
			if d.rest = n.cut(p, d.rest); d.view.payload != nil {
				return true
			}
		}
		d.rest, d.begun = nil, false
		n.in.finish(p)
		d.next++
	}
	return false
}

// stale reports whether the node wants the messages of a packet no longer.
func (n *Node) stale(p *packet) bool {
	return p.group != nil && (!p.group.wanted.Load() || p.group.epoch.Load() != p.epoch)
}

// cut makes the view the next message of a packet, without a payload where it cannot be
// delivered.
func (n *Node) cut(p *packet, body []byte) (rest []byte) {
	v := &n.drain.view
	v.group, v.from, v.to = p.group, Address{Node: p.number, Incarnation: p.incarnation}, nil
	v.assigned = false
	if p.kind == kindGroup {
		v.payload, rest, _ = cutMessage(body)
		return rest
	}
	id, payload, rest, _ := cutDirected(body)
	v.payload = payload
	if id != 0 {
		if v.to = n.members.connection(id); v.to == nil {
			n.counters.undeliverable.Add(1)
			v.payload = nil
		}
	}
	return rest
}

// Events yields what has happened in the cluster and was queued when the loop began. A
// loop may be left half-way, the next one goes on from there. Where a node comes or goes,
// the loop ends until Messages has yielded what was received before. So a frame drains
// both.
func (n *Node) Events() iter.Seq[Event] {
	return func(yield func(Event) bool) {
		if n.isZero() {
			return
		}
		n.in.polled.Store(true)
		if now := int64(n.now()); n.pump == nil && now-n.looked.Load() > int64(n.config.Heartbeat) {
			n.looked.Store(now) // alone, there is nobody else to do it
			n.removeEnded()
		}
		for range n.in.queuedEvents() {
			e, ok := n.in.takeEvent()
			if !ok || !yield(e) {
				return
			}
		}
	}
}

// DataAvailable reports whether Messages or Events would yield something. It costs a few
// atomic loads.
func (n *Node) DataAvailable() bool { return !n.isZero() && n.in.available() }

// WaitForMessages BLOCKS until Messages or Events has something to yield. It fails when ctx
// is done, and with net.ErrClosed when the node is closed.
func (n *Node) WaitForMessages(ctx context.Context) error {
	if n.isZero() {
		return errZero
	}
	for {
		if n.isClosing() {
			return net.ErrClosed
		}
		if n.in.available() {
			signal(n.in.ready) // another call may wait for the same
			return nil
		}
		select {
		case <-n.in.ready:
		case <-ctx.Done():
			return ctx.Err()
		case <-n.closing:
			return net.ErrClosed
		}
	}
}

// Notify returns a channel, the same at each call, for a program that waits for the node
// and for something else in one select. It holds one token at most; there is one if
// something was queued since the last one was taken, or by a call of WaitForMessages. It says that it is worth
// looking: drain Messages and Events after each. It is nil on a zero Node.
func (n *Node) Notify() <-chan struct{} {
	if n.isZero() {
		return nil
	}
	return n.in.ready
}
