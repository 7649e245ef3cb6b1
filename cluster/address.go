package cluster

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/queuednet/queuednet"
)

// An Address names a connection of a node for the whole cluster, or a node. It is
// comparable, may be sent to other nodes (AppendTo and ReadAddress), and is never used for
// anything else later. The zero value is nobody's.
type Address struct {
	Node        uint16
	Incarnation uint64 // of the node; 0: whichever is there
	ID          uint64 // of the connection; 0: the node itself
}

// NodeAddress returns the address of a node, whichever incarnation is there.
func NodeAddress(number uint16) Address { return Address{Node: number} }

// AddressSize is what AppendTo writes, in bytes.
const AddressSize = 18

// AppendTo appends the address as AddressSize bytes.
func (a Address) AppendTo(d *queuednet.Datagram) {
	d.AddUint16(a.Node)
	d.AddUint64(a.Incarnation)
	d.AddUint64(a.ID)
}

// ReadAddress reads what AppendTo wrote.
func ReadAddress(b []byte) (Address, error) {
	if len(b) < AddressSize {
		return Address{}, errInvalid
	}
	return Address{binary.LittleEndian.Uint16(b), binary.LittleEndian.Uint64(b[2:]), binary.LittleEndian.Uint64(b[10:])}, nil
}

// String returns the address as "node/incarnation/id".
func (a Address) String() string { return fmt.Sprintf("%d/%x/%d", a.Node, a.Incarnation, a.ID) }

// members is what the node knows of its connections: their groups, and the addresses
// that were asked for.
type members struct {
	mu     sync.Mutex
	groups map[*queuednet.Connection]map[*Group]struct{}
	ids    map[*queuednet.Connection]uint64
	byID   map[uint64]*queuednet.Connection
	nextID uint64
}

func (m *members) init() {
	m.groups = make(map[*queuednet.Connection]map[*Group]struct{})
	m.ids = make(map[*queuednet.Connection]uint64)
	m.byID = make(map[uint64]*queuednet.Connection)
}

func (m *members) add(conn *queuednet.Connection, g *Group) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.groups[conn] == nil {
		m.groups[conn] = make(map[*Group]struct{})
	}
	m.groups[conn][g] = struct{}{}
}

func (m *members) remove(conn *queuednet.Connection, g *Group) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.groups[conn], g)
	if len(m.groups[conn]) == 0 {
		delete(m.groups, conn)
	}
}

// Address returns the address of a connection of this node, by which other nodes Send to
// it. It is the same at each call until the connection has ended, and the zero Address for
// one that has.
func (n *Node) Address(conn *queuednet.Connection) Address {
	if n.isZero() || conn == nil || conn.Err() != nil {
		return Address{}
	}
	m := &n.members
	m.mu.Lock()
	defer m.mu.Unlock()
	id := m.ids[conn]
	if id == 0 {
		m.nextID++
		id = m.nextID
		m.ids[conn], m.byID[id] = id, conn
	}
	return Address{n.config.Number, n.incarnation, id}
}

// Self returns the address of this node.
func (n *Node) Self() Address {
	if n.isZero() {
		return Address{}
	}
	return Address{Node: n.config.Number, Incarnation: n.incarnation}
}

// Connection returns the connection of this node that an address names, unless it has
// ended or is another node's.
func (n *Node) Connection(a Address) (*queuednet.Connection, bool) {
	if n.isZero() || a.Node != n.config.Number || a.Incarnation != n.incarnation {
		return nil, false
	}
	conn := n.members.connection(a.ID)
	return conn, conn != nil
}

func (m *members) connection(id uint64) *queuednet.Connection {
	m.mu.Lock()
	conn := m.byID[id]
	m.mu.Unlock()
	if conn != nil && conn.Err() != nil {
		return nil
	}
	return conn
}

// RemoveConnection makes a connection leave all its groups and forgets its address: for
// each connection that ends, where the program learns of that.
//
//	for conn := range manager.ResetConnections() {
//		node.RemoveConnection(conn)
//	}
//
// Without the call the node does so within two heartbeats. It reports false where the
// node knows nothing of the connection.
func (n *Node) RemoveConnection(conn *queuednet.Connection) bool {
	if n.isZero() || conn == nil {
		return false
	}
	m := &n.members
	m.mu.Lock()
	groups := m.groups[conn]
	id := m.ids[conn]
	delete(m.groups, conn)
	delete(m.ids, conn)
	delete(m.byID, id)
	m.mu.Unlock()
	for g := range groups {
		if g.remove(conn) {
			g.changed()
		}
	}
	return groups != nil || id != 0
}

// removeEnded removes the connections that have ended and that nobody has removed.
func (n *Node) removeEnded() {
	m := &n.members
	m.mu.Lock()
	conns := slices.AppendSeq(make([]*queuednet.Connection, 0, len(m.groups)), maps.Keys(m.groups))
	for conn := range m.ids {
		if m.groups[conn] == nil {
			conns = append(conns, conn)
		}
	}
	m.mu.Unlock()
	for _, conn := range conns {
		if conn.Err() != nil {
			n.RemoveConnection(conn)
		}
	}
}

// Send queues a copy of a datagram for a connection of a node, or for the node's program
// where the address has no id. It is in that node's Messages, with the connection as To.
// For this node's own addresses it is in the next Messages here.
//
// It fails with the datagram's own error, with a *queuednet.DatagramTooLongError, with
// ErrNoNode where the node, or that incarnation of it, is not there, with ErrSendQueueFull
// and ErrPublishRate. No error means that it was queued: between nodes a message arrives
// at most once, in the order in which this node sent it, and a Gap tells the receiver of
// one that is lost.
func (n *Node) Send(d *queuednet.Datagram, to Address) error {
	if n.isZero() {
		return errZero
	}
	payload, err := n.payloadOf(d)
	if err != nil {
		return err
	}
	if err := n.Err(); err != nil {
		return err
	}
	if to.Node == n.config.Number {
		return n.sendSelf(payload, to)
	}
	if !n.present(to) {
		return ErrNoNode
	}
	return n.counters.refuse(n.out.toNode(&n.subjects, to, payload))
}

// present reports whether another node is there.
func (n *Node) present(to Address) bool {
	if to.Node == 0 || int(to.Node) >= len(n.alive) {
		return false
	}
	incarnation := n.alive[to.Node].Load()
	return incarnation != 0 && (to.Incarnation == 0 || to.Incarnation == incarnation)
}

func (n *Node) sendSelf(payload []byte, to Address) error {
	if to.Incarnation != 0 && to.Incarnation != n.incarnation {
		return ErrNoNode
	}
	if to.ID != 0 && n.members.connection(to.ID) == nil {
		n.counters.undeliverable.Add(1)
		return nil // as it would be on another node
	}
	body := binary.AppendUvarint(make([]byte, 0, len(payload)+12), to.ID)
	body = binary.AppendUvarint(body, uint64(len(payload)))
	body = append(body, payload...)
	p := packet{kind: kindDirected, number: n.config.Number, incarnation: n.incarnation, body: body}
	if !n.in.reserve(&p) {
		return ErrSendQueueFull
	}
	n.in.push(p)
	n.in.tell()
	return nil
}

var (
	errZero        = errors.New("cluster: not a node that Open returned")
	errNilDatagram = errors.New("cluster: nil datagram")
)
