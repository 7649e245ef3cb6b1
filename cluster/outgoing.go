package cluster

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"github.com/queuednet/queuednet"
)

// outgoing is the queue from the program to the pump. What is sent is written once,
// as it will be on the wire: consecutive messages to one subject become one NATS
// message, a run, so that order over all subjects is kept. mu is held for a copy.
type outgoing struct {
	limit       int64
	number      uint16
	incarnation uint64
	began       time.Time

	size atomic.Int64  // bytes of blocks, and of what the pump has taken and not published
	wake chan struct{} // capacity one; a token if there is something

	mu     sync.Mutex
	blocks []*block
	closed error // why nothing more is taken
	rate   rate
	now    time.Duration    // when a message was admitted that begins a run
	links  map[uint16]*link // whom directed messages went to
}

// A link is the stream of directed messages to one node. outgoing.mu guards it.
type link struct {
	subject  subject
	sequence uint64
}

// subject is what the pump publishes to, and says which sequence has been written.
type subject struct {
	name string
	hash uint64

	// These belong to the pump.
	published uint64 // the last sequence published
	written   uint64 // before which heartbeat that was
	recent    bool   // it is in the pump's list
}

// A run is a part of a block that becomes one NATS message; or, without one, the
// request to look at the interest of a group.
type run struct {
	subject     *subject
	group       *Group
	to          uint16 // directed: whom it is for
	incarnation uint64
	off, end    int
	last        uint64 // sequence of the last message; 0: it has none
	at          time.Duration
	messages    int
}

// A block holds runs. Blocks come from a pool unless a long message needs its own.
type block struct {
	b    []byte
	runs []run
}

const blockSize = 64 << 10

var blocks = sync.Pool{New: func() any { return &block{b: make([]byte, 0, blockSize)} }}

func newBlock(need int) *block {
	if need > blockSize {
		return &block{b: make([]byte, 0, need)}
	}
	return blocks.Get().(*block)
}

func (b *block) free() {
	if cap(b.b) != blockSize {
		return
	}
	clear(b.runs)
	b.b, b.runs = b.b[:0], b.runs[:0]
	blocks.Put(b)
}

// last returns the run that may still grow, nil for none. o.mu is held.
func (o *outgoing) last() (*block, *run) {
	if len(o.blocks) == 0 {
		return nil, nil
	}
	b := o.blocks[len(o.blocks)-1]
	if len(b.runs) == 0 {
		return b, nil
	}
	return b, &b.runs[len(b.runs)-1]
}

// toGroup queues a message to a group.
func (o *outgoing) toGroup(g *Group, payload []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, r := o.last()
	need := len(payload) + uvarintLength(uint64(len(payload)))
	grow := r != nil && r.group == g && r.last != 0 && r.end-r.off+need <= maxPacket && len(b.b)+need <= cap(b.b)
	if !grow {
		need += headerSize
	}
	if err := o.admit(need, !grow); err != nil {
		return err
	}
	g.entry.sequence++
	if !grow {
		b, r = o.begin(need, header{kind: kindGroup, sequence: g.entry.sequence})
		r.subject, r.group = &g.subject, g
	}
	b.b = binary.AppendUvarint(b.b, uint64(len(payload)))
	o.finish(b, r, payload, g.entry.sequence)
	return nil
}

// toNode queues a message to a connection of a node, or, with 0, to the node.
func (o *outgoing) toNode(s *subjects, to Address, payload []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	b, r := o.last()
	need := len(payload) + uvarintLength(uint64(len(payload))) + uvarintLength(to.ID)
	grow := r != nil && r.to == to.Node && r.incarnation == to.Incarnation && r.last != 0 &&
		r.end-r.off+need <= maxPacket && len(b.b)+need <= cap(b.b)
	if !grow {
		need += headerSize + 8
	}
	if err := o.admit(need, !grow); err != nil {
		return err
	}
	l := o.links[to.Node]
	if l == nil {
		name := s.node(to.Node)
		l = &link{subject: subject{name: name, hash: hashOf(name)}}
		o.links[to.Node] = l
	}
	l.sequence++
	if !grow {
		b, r = o.begin(need, header{kind: kindDirected, sequence: l.sequence})
		r.subject, r.to, r.incarnation = &l.subject, to.Node, to.Incarnation
		b.b = binary.LittleEndian.AppendUint64(b.b, to.Incarnation)
	}
	b.b = binary.AppendUvarint(b.b, to.ID)
	b.b = binary.AppendUvarint(b.b, uint64(len(payload)))
	o.finish(b, r, payload, l.sequence)
	return nil
}

// control queues a message of the module itself, which no limit refuses unless it says so.
func (o *outgoing) control(s *subject, k kind, body []byte, limited bool) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	need := headerSize + len(body)
	switch {
	case limited:
		if err := o.admit(need, true); err != nil {
			return err
		}
	case o.closed != nil:
		return o.closed
	default:
		o.now = time.Since(o.began)
		o.size.Add(int64(need))
	}
	b, r := o.begin(need, header{kind: k})
	r.subject = s
	o.finish(b, r, body, 0)
	return nil
}

// interest asks the pump to look at whether the node wants the messages of a group.
func (o *outgoing) interest(g *Group) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed != nil {
		return
	}
	b, _ := o.last()
	if b == nil {
		b = o.addBlock(0)
	}
	b.runs = append(b.runs, run{group: g})
	signal(o.wake)
}

// admit reports why a message of so many bytes is refused. o.mu is held.
func (o *outgoing) admit(need int, begins bool) error {
	switch {
	case o.closed != nil:
		return o.closed
	case o.size.Load()+int64(need) > o.limit:
		return ErrSendQueueFull
	}
	cost := int64(need)
	if begins {
		cost += publishCost
	}
	if begins || o.rate.left < cost {
		o.now = time.Since(o.began)
		o.rate.fill(o.now, cost)
	}
	if o.rate.left < cost {
		return ErrPublishRate
	}
	o.rate.left -= cost
	o.size.Add(int64(need))
	return nil
}

// publishCost is what a NATS message counts under MaxPublishRate more than it has: all on its
// way have as much work with it, whatever is in it, as with so many bytes. See RESULTS.md.
const publishCost = 1024

// begin begins a run of which need bytes are known. o.mu is held.
func (o *outgoing) begin(need int, h header) (*block, *run) {
	b, _ := o.last()
	if b == nil || len(b.b)+need > cap(b.b) {
		b = o.addBlock(need)
	}
	b.runs = append(b.runs, run{off: len(b.b), at: o.now})
	h.number, h.incarnation = o.number, o.incarnation
	b.b = h.appendTo(b.b)
	return b, &b.runs[len(b.runs)-1]
}

func (o *outgoing) addBlock(need int) *block {
	b := newBlock(need)
	o.blocks = append(o.blocks, b)
	return b
}

// finish writes the last bytes of a message. o.mu is held.
func (o *outgoing) finish(b *block, r *run, payload []byte, sequence uint64) {
	b.b = append(b.b, payload...)
	r.end, r.last = len(b.b), sequence
	r.messages++
	signal(o.wake)
}

// take appends what is queued to taken, and leaves nothing.
func (o *outgoing) take(taken []*block) []*block {
	o.mu.Lock()
	defer o.mu.Unlock()
	taken = append(taken, o.blocks...)
	clear(o.blocks)
	o.blocks = o.blocks[:0]
	return taken
}

// close makes the queue refuse what comes; what is in it stays.
func (o *outgoing) close(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed == nil {
		o.closed = err
	}
}

// rate is a bucket that holds a quarter of a second's bytes.
type rate struct {
	perSecond int64
	left      int64
	filled    time.Duration
}

// fill adds what the time since the last call has brought. A single message always may
// pass at some time.
func (r *rate) fill(now time.Duration, message int64) {
	if since := min(now-r.filled, time.Second); since > 0 {
		r.left = min(max(r.perSecond/4, message), r.left+int64(since)*r.perSecond/int64(time.Second))
		r.filled = now
	}
}

func uvarintLength(v uint64) (n int) {
	for n = 1; v >= 0x80; n++ {
		v >>= 7
	}
	return n
}

// signal puts a token into a channel that has room for one, if it has room.
func signal(token chan<- struct{}) {
	select {
	case token <- struct{}{}:
	default:
	}
}

// payloadOf returns the bytes to send, or why there are none.
func (n *Node) payloadOf(d *queuednet.Datagram) ([]byte, error) {
	if d == nil {
		return nil, errNilDatagram
	}
	if err := d.Err(); err != nil {
		return nil, err
	}
	payload := d.Message()
	if len(payload) > n.config.MaxMessageSize {
		return nil, &queuednet.DatagramTooLongError{Length: int64(len(payload)), Max: int64(n.config.MaxMessageSize)}
	}
	return payload, nil
}
