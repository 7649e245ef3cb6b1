// Package objects makes [distributed.ServerRepository] on several nodes of a cluster one server:
// clients of all nodes see each other's objects, whichever node they are connected to, with the
// messages that a single server would send them.
//
//	node, err := cluster.Open(&cluster.Config{Number: 2, Listen: …, Routes: …})
//	processes, err := objects.New(node, nil)
//	server, err := distributed.NewServerRepository(&distributed.ServerConfig{
//		IDRange: processes.IDRange(), Processes: processes,
//	}, file)
//	for range time.Tick(time.Second / 60) {
//		server.Update() // drains the node too
//	}
//
// A zone is a group of the cluster: a message to a zone goes once to each node that has a client
// there. Each object belongs to the node of its owner, which its id tells. Between nodes a message
// arrives at most once; what is lost in a zone is noticed, and put right by asking its node which objects there are and
// their owners for their fields. An update for one client, p2p and clsend included, is not sent again.
//
// When a node has gone the others delete the objects of its clients. One that was only cut off comes
// back with its objects.
//
// DISTRIBUTED.md at the root of the repository has a section about it.
package objects

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/cluster"
	"github.com/queuednet/queuednet/distributed"
)

// MaxMessageSize is what cluster.Config.MaxMessageSize must be at least, as its default is, so that the
// longest message of a client fits with what a node adds to it.
const MaxMessageSize = 65_535 + 64

// Processes are the nodes of a cluster as a [distributed.ServerRepository] sees them. They belong to
// one repository. Once that has them, the node's Messages and Events are drained by it; the program
// may send on the node. Its methods are for the goroutine that calls Update, and none of them waits.
type Processes struct {
	node   *cluster.Node
	config Config
	ranges *ranges
	stats  Stats

	self     *cluster.Group            // for what is sent to this incarnation of this node
	peers    map[uint16]*cluster.Group // the same of the nodes that are there
	zones    map[uint32]*cluster.Group // those that are watched
	numbers  map[*cluster.Group]uint32 // of zones
	datagram queuednet.Datagram
	cut      bool // since Disconnected
}

// Stats counts what Processes have done since New.
type Stats struct {
	Published uint64 // messages to zones that the node took
	Sent      uint64 // messages to nodes that the node took
	Refused   uint64 // messages that the node did not take: ErrSendQueueFull, ErrPublishRate, or none was there
	Received  uint64 // messages of other nodes
	Invalid   uint64 // of those, ones that the repository refused
	Gaps      uint64 // losses in zones that were noticed
}

// What the names of groups begin with.
const (
	zonePrefix = "objects/z/"
	nodePrefix = "objects/n/"
)

// New returns Processes for a repository on a node; a nil config stands for the defaults. It fails
// for settings that are impossible, for a node whose cluster.Config.MaxMessageSize is less than MaxMessageSize, and
// for a node that has ended.
func New(node *cluster.Node, config *Config) (*Processes, error) {
	if err := node.Err(); err != nil {
		return nil, err
	}
	c, err := config.withDefaults(node.Number())
	if err != nil {
		return nil, err
	}
	if size := node.MaxMessageSize(); size < MaxMessageSize {
		return nil, fmt.Errorf("objects: cluster.Config.MaxMessageSize is %d, and a message of a client may need %d", size, MaxMessageSize)
	}
	p := &Processes{
		node: node, config: c, ranges: newRanges(&c, node.Number(), node.Incarnation()),
		peers:   make(map[uint16]*cluster.Group),
		zones:   make(map[uint32]*cluster.Group),
		numbers: make(map[*cluster.Group]uint32),
	}
	p.self = node.Group(nodeGroup(node.Number(), node.Incarnation()))
	p.self.Watch()
	return p, nil
}

func nodeGroup(number uint16, incarnation uint64) string {
	return nodePrefix + strconv.Itoa(int(number)) + "/" + strconv.FormatUint(incarnation, 16)
}

func zoneGroup(zone uint32) string { return zonePrefix + strconv.FormatUint(uint64(zone), 10) }

// Node returns the node.
func (p *Processes) Node() *cluster.Node { return p.node }

// IDRange returns what distributed.ServerConfig.IDRange has to be.
func (p *Processes) IDRange() uint32 { return p.config.IDRange }

// World returns what tells MaxNodes: nodes that differ in it would use the same ids.
func (p *Processes) World() uint32 { return uint32(p.config.MaxNodes) * 0x9e3779b9 } // unlike an IDRange

// Stats returns the counts.
func (p *Processes) Stats() Stats { return p.stats }

// TakeRange returns a range of the node's own part of all ids.
func (p *Processes) TakeRange() (base uint32, ok bool) { return p.ranges.take() }

// ReleaseRange gives a range back. It is used again after all others of the node.
func (p *Processes) ReleaseRange(base uint32) { p.ranges.release(base) }

// ProcessOf returns the number of the node that has an id, unless it is this one or is not there.
func (p *Processes) ProcessOf(id uint32) (process uint16, ok bool) {
	number := p.ranges.node(id)
	if id == 0 || number == p.ranges.number || number >= uint64(p.config.MaxNodes) {
		return 0, false
	}
	_, ok = p.peers[uint16(number)]
	return uint16(number), ok
}

// WatchZone makes the node a receiver of a zone's group, or ends that.
func (p *Processes) WatchZone(zone uint32, watched bool) {
	if watched {
		g := p.node.Group(zoneGroup(zone))
		p.zones[zone], p.numbers[g] = g, zone
		g.Watch()
		return
	}
	if g := p.zones[zone]; g != nil {
		g.Unwatch()
		delete(p.zones, zone)
		delete(p.numbers, g)
	}
}

// Publish sends to the nodes that have a client in a zone. It fails with what the node says.
func (p *Processes) Publish(zone uint32, payload []byte) error {
	g := p.zones[zone]
	if g == nil {
		g = p.node.Group(zoneGroup(zone))
	}
	return p.broadcast(g, payload, &p.stats.Published)
}

// Send sends to one node. It fails with cluster.ErrNoNode for one that is not there, and with what
// the node says.
func (p *Processes) Send(process uint16, payload []byte) error {
	g := p.peers[process]
	if g == nil {
		p.stats.Refused++
		return cluster.ErrNoNode
	}
	return p.broadcast(g, payload, &p.stats.Sent)
}

func (p *Processes) broadcast(g *cluster.Group, payload []byte, count *uint64) error {
	p.datagram.Assign(payload)
	err := g.Broadcast(nil, &p.datagram)
	if err != nil {
		count = &p.stats.Refused
	}
	*count++
	return err
}

// rounds bounds how often the node is drained in one Update: its Messages and Events wait for each
// other where a node comes or goes.
const rounds = 8

// Receive drains the node for a repository, which calls it.
func (p *Processes) Receive(server *distributed.ServerRepository) {
	for i := 0; i < rounds && p.node.DataAvailable(); i++ {
		for m := range p.node.Messages() {
			p.message(server, m)
		}
		for e := range p.node.Events() {
			p.event(server, e)
			if p.config.Event != nil {
				p.config.Event(e)
			}
		}
	}
}

func (p *Processes) message(server *distributed.ServerRepository, m *cluster.Message) {
	g := m.Group()
	if g != nil && (g == p.self || strings.HasPrefix(g.Name(), zonePrefix)) {
		p.stats.Received++
		if server.Deliver(m.From(), m.Payload()) != nil {
			p.stats.Invalid++
		}
		return
	}
	if p.config.Message != nil {
		p.config.Message(m)
	}
}

func (p *Processes) event(server *distributed.ServerRepository, e cluster.Event) {
	switch e.Kind {
	case cluster.NodeJoined, cluster.NodeBack:
		p.peers[e.Node] = p.node.Group(nodeGroup(e.Node, e.Incarnation))
		server.ProcessJoined(e.Node)
	case cluster.NodeLeft:
		server.ProcessLeft(e.Node)
		delete(p.peers, e.Node)
	case cluster.Gap:
		if zone, ok := p.numbers[e.Group]; ok {
			p.stats.Gaps++
			server.DeliverGap(e.Node, zone)
		}
	case cluster.Disconnected:
		p.cut = true
	case cluster.Connected:
		if p.cut {
			p.resync(server)
		}
		p.cut = false
	case cluster.Paused:
		p.resync(server)
	case cluster.Ended:
		for number := range p.peers {
			server.ProcessLeft(number)
		}
		clear(p.peers)
	}
}

// resync asks all nodes for everything: any message to and of them may have been lost.
func (p *Processes) resync(server *distributed.ServerRepository) {
	for number := range p.peers {
		server.ProcessJoined(number)
	}
}
