package cluster

import (
	"iter"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/queuednet/queuednet"
)

// A Group is a name that messages are sent to: a room, a zone, a topic. Connections of
// this node are its members, and the node gets what other nodes send to it while it has
// a member or watches.
//
// Its methods may be called from any goroutine and none of them waits. On nil, and on a
// zero value, they do nothing, and those that can fail fail.
type Group struct {
	node    *Node
	name    string
	token   string
	subject subject
	entry   *groupEntry

	// wanted says whether the node wants its messages, and epoch how often that has
	// begun: what was received in an earlier one is not handed out.
	wanted atomic.Bool
	epoch  atomic.Uint32
	relay  atomic.Pointer[queuednet.ConnectionWriter]

	mu      sync.Mutex
	index   map[*queuednet.Connection]int // into list
	list    []*queuednet.Connection
	watched bool
	listed  bool // among those whose count has changed

	in inbound // of the receiver
}

// Group returns the group of a name, which may be any string. The same name gives the
// same pointer as long as the program has it. Keep it: looking it up costs more than
// sending to it. A group that nobody here is in, that is not watched, has no relay and that the
// program has no pointer to is forgotten some time later. It is nil on a zero Node.
func (n *Node) Group(name string) *Group {
	if n.isZero() {
		return nil
	}
	token := tokenOf(name)
	if g := n.groups.group(token); g != nil {
		return g
	}
	full := n.subjects.groups + token
	return n.groups.add(&Group{node: n, name: name, token: token, subject: subject{name: full, hash: hashOf(full)}})
}

// Name returns the name that the group was made with.
func (g *Group) Name() string {
	if g == nil {
		return ""
	}
	return g.name
}

// String returns the name.
func (g *Group) String() string { return g.Name() }

// Node returns the node that the group belongs to.
func (g *Group) Node() *Node {
	if g == nil {
		return nil
	}
	return g.node
}

// Join makes a connection of this node a member, also one that is a member already. A
// message that is sent to another node after Join, such as a request for the state of a
// zone, arrives there when that node's messages to the group reach this one already: who
// joins and then asks misses nothing.
//
// It fails with the reason of the end where the connection is over, with net.ErrClosed
// where the node is closed, and with queuednet.ErrForeignConnection for nil. The node
// removes a connection from its groups when it notices that it has ended, within two
// heartbeats; RemoveConnection does so at once.
func (g *Group) Join(conn *queuednet.Connection) error {
	if g == nil || g.node == nil {
		return errZero
	}
	if conn == nil {
		return queuednet.ErrForeignConnection
	}
	if err := g.node.Err(); err != nil {
		return err
	}
	if err := conn.Err(); err != nil {
		return err
	}
	if g.add(conn) {
		g.node.members.add(conn, g)
		g.changed()
	}
	return nil
}

func (g *Group) add(conn *queuednet.Connection) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.index[conn]; ok {
		return false
	}
	if g.index == nil {
		g.index = make(map[*queuednet.Connection]int)
	}
	g.index[conn] = len(g.list)
	g.list = append(g.list, conn)
	g.want()
	return true
}

// Leave ends what Join began. No message of the group that another node sends is handed
// out after the last member has left, and none is relayed to conn. It reports false
// where conn is no member.
func (g *Group) Leave(conn *queuednet.Connection) bool {
	if g == nil || g.node == nil || !g.remove(conn) {
		return false
	}
	g.node.members.remove(conn, g)
	g.changed()
	return true
}

func (g *Group) remove(conn *queuednet.Connection) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	i, ok := g.index[conn]
	if !ok {
		return false
	}
	last := len(g.list) - 1
	g.list[i] = g.list[last]
	g.index[g.list[i]] = i
	g.list[last] = nil
	g.list = g.list[:last]
	delete(g.index, conn)
	g.want()
	return true
}

// Watch makes the node receive the messages of the group without a member. It may be
// called again.
func (g *Group) Watch() { g.watch(true) }

// Unwatch ends what Watch began.
func (g *Group) Unwatch() { g.watch(false) }

func (g *Group) watch(on bool) {
	if g == nil || g.node == nil || g.node.Err() != nil {
		return
	}
	g.mu.Lock()
	changed := g.watched != on
	g.watched = on
	if changed {
		g.want()
		g.keep()
	}
	g.mu.Unlock()
	if changed {
		g.node.pumpLooks(g)
	}
}

// keep keeps the group while the program has set something that it would lose. g.mu is held.
func (g *Group) keep() { g.node.groups.keep(g, g.watched || g.relay.Load() != nil) }

// want recounts wanted. g.mu is held.
func (g *Group) want() {
	wanted := g.watched || len(g.list) > 0
	if wanted && !g.wanted.Load() {
		g.epoch.Add(1)
	}
	g.wanted.Store(wanted)
}

// changed tells the pump that members have come or gone.
func (g *Group) changed() {
	if g.node.pump == nil {
		return
	}
	g.mu.Lock()
	listed := g.listed
	g.listed = true
	g.mu.Unlock()
	if !listed {
		g.node.counts.changed(g)
	}
	g.node.pumpLooks(g)
}

// SetRelay makes what other nodes send to the group go to its members here as it arrives,
// through the writer, on a goroutine of the node: a frame earlier than the program could
// send it, and so also before what the program is about to send. It is not in Messages
// then. A nil writer, the default, turns it off. A Leave that has returned holds for what
// arrives later.
func (g *Group) SetRelay(w *queuednet.ConnectionWriter) {
	if g == nil || g.node == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.relay.Store(w)
	g.keep()
}

// Members yields the connections of this node that are members when the loop begins.
// Inside the loop they may join and leave.
func (g *Group) Members() iter.Seq[*queuednet.Connection] {
	return func(yield func(*queuednet.Connection) bool) {
		if g == nil {
			return
		}
		g.mu.Lock()
		list := slices.Clone(g.list)
		g.mu.Unlock()
		for _, conn := range list {
			if !yield(conn) {
				return
			}
		}
	}
}

// Has reports whether a connection of this node is a member.
func (g *Group) Has(conn *queuednet.Connection) bool {
	if g == nil {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	_, ok := g.index[conn]
	return ok
}

// Broadcast sends a copy of a datagram to the group: to its members here at once, as
// ConnectionWriter.Broadcast does, and with one message to NATS to the nodes that have
// members or watch; not to this node's own Messages. A nil writer leaves the members
// here out.
//
// It fails with the datagram's own error, with a *queuednet.DatagramTooLongError over
// Config.MaxMessageSize, and with the node's end: then nobody gets it. With a *BroadcastError some
// do: it has the reason why the other nodes do not, ErrSendQueueFull or ErrPublishRate, apart from what
// the writer says of members here. No error means
// that it was queued: between nodes a message arrives at most once, in the order in
// which this node sent it, and a Gap tells the receiver of one that is lost.
func (g *Group) Broadcast(w *queuednet.ConnectionWriter, d *queuednet.Datagram) error {
	return g.BroadcastExcept(w, d, nil)
}

// BroadcastExcept is Broadcast to all members but one.
func (g *Group) BroadcastExcept(w *queuednet.ConnectionWriter, d *queuednet.Datagram, but *queuednet.Connection) error {
	if g == nil || g.node == nil {
		return errZero
	}
	n := g.node
	payload, err := n.payloadOf(d)
	if err != nil {
		return err
	}
	if err := n.Err(); err != nil {
		return err
	}
	members := g.toMembers(w, d, but)
	if !n.config.alone() {
		err = n.counters.refuse(n.out.toGroup(g, payload))
	}
	if members == nil && err == nil {
		return nil
	}
	return &BroadcastError{members, err}
}

// members returns how many there are here.
func (g *Group) members() uint32 {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.listed = false
	return uint32(len(g.list))
}

// toMembers sends to the members here. The lock makes a Leave that has returned hold for
// what another goroutine sends.
func (g *Group) toMembers(w *queuednet.ConnectionWriter, d *queuednet.Datagram, but *queuednet.Connection) error {
	if w == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case len(g.list) == 0:
		return nil
	case but == nil:
		return w.Broadcast(d, slices.Values(g.list))
	default:
		return w.Broadcast(d, queuednet.Except(slices.Values(g.list), but))
	}
}

// Count returns how many members the group has on all nodes. Those of others are known
// at most a heartbeat late.
func (g *Group) Count() (members int) {
	for _, count := range g.Counts() {
		members += count
	}
	return members
}

// Counts yields the numbers of the nodes that have members, and how many. Those of
// others are known at most a heartbeat late.
func (g *Group) Counts() iter.Seq2[uint16, int] {
	return func(yield func(uint16, int) bool) {
		if g == nil || g.node == nil {
			return
		}
		g.mu.Lock()
		here := len(g.list)
		g.mu.Unlock()
		if here > 0 && !yield(g.node.config.Number, here) {
			return
		}
		for _, there := range g.node.presence.of(g.token) {
			if !yield(there.node, int(there.members)) {
				return
			}
		}
	}
}
