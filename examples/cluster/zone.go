package main

import (
	"errors"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/cluster"
)

// How long a node may take to answer before it is asked again.
const answerTime = time.Second

// A zone is a part of the world, and a group of the cluster. The node hears of it while it
// has players in it, and then knows who else is there.
type zone struct {
	server *server
	id     uint16
	group  *cluster.Group
	number uint32               // of the last event that this node has told here
	stay   uint32               // how often the node has begun to hear of the zone
	here   map[uint64]*player   // of this node
	there  map[uint16]*presence // by node, of those that have said who is there
	asked  map[uint16]time.Time // nodes that have not answered yet, and when they were asked
	untold bool                 // the other nodes did not get the last event
}

// presence is what another node has in a zone.
type presence struct {
	source
	last    uint32 // number of the last event that was heard of it
	players map[uint64]struct{}
}

func newZone(s *server, id uint16) *zone {
	return &zone{
		server: s, id: id, group: s.node.Group("zone." + string(rune('A'+id))),
		here: make(map[uint64]*player), there: make(map[uint16]*presence), asked: make(map[uint16]time.Time),
	}
}

// next returns the event that this node tells next.
func (z *zone) next() event { return event{z.server.self, z.id, z.number + 1} }

// tell tells an event, which is the next one, to the players in the zone on all nodes. It
// reports whether the other nodes get it. A player here that does not is one that has
// ended, which is reported otherwise.
func (z *zone) tell(d *queuednet.Datagram) bool {
	z.number++
	err := z.group.Broadcast(z.server.writer, d)
	var some *cluster.BroadcastError
	if err != nil && (!errors.As(err, &some) || some.Nodes != nil) {
		z.server.log.Error("not told", "zone", z.id, "error", err)
		z.untold = true
		return false
	}
	return true
}

// tellAgain tells the other nodes who is here, if one of them may think otherwise because an event did not
// go out.
func (z *zone) tellAgain() {
	if z.untold {
		z.roster(&z.server.out, 0)
		z.untold = z.group.Broadcast(nil, &z.server.out) != nil
	}
}

// enter brings a player in, and tells it who is there: at once those whom the node knows.
// The first one makes the node ask the others. As it has joined before it asks, it misses
// nothing of what they tell after their answers.
func (z *zone) enter(p *player) {
	if p.where == z || z.group.Join(p.conn) != nil {
		return
	}
	p.leave()
	p.where, p.zone = z, z.id
	z.here[p.player()] = p
	s := z.server
	beginEvent(&s.out, kindEnter, z.next())
	s.out.AddUint64(p.player())
	z.tell(&s.out)
	if len(z.here) == 1 {
		z.stay++
		for number := range s.nodes {
			z.ask(number)
		}
	}
	for _, there := range z.there {
		there.roster(&s.out, z.id)
		s.send(&s.out, p.conn)
	}
	z.roster(&s.out, z.stay)
	s.send(&s.out, p.conn)
}

// leave takes the player out of its zone. With the last one the node stops to hear of it.
func (p *player) leave() {
	z := p.where
	if z == nil {
		return
	}
	p.where = nil
	z.group.Leave(p.conn)
	delete(z.here, p.player())
	beginEvent(&z.server.out, kindExit, z.next())
	z.server.out.AddUint64(p.player())
	z.tell(&z.server.out)
	if len(z.here) == 0 {
		clear(z.there)
		clear(z.asked)
	}
}

// ask asks a node who of its players is in the zone.
func (z *zone) ask(number uint16) {
	s := z.server
	begin(&s.out, kindAsk)
	s.out.AddUint16(z.id)
	s.out.AddUint32(z.stay)
	z.asked[number] = s.now
	_ = s.node.Send(&s.out, cluster.NodeAddress(number)) // if it fails it is asked again
}

// askAgain asks those that have not answered.
func (z *zone) askAgain() {
	for number, at := range z.asked {
		if z.server.now.Sub(at) > answerTime {
			z.ask(number)
		}
	}
}

// roster makes d say who of this node is in the zone, to who has asked in that stay; 0: to all.
func (z *zone) roster(d *queuednet.Datagram, stay uint32) {
	beginEvent(d, kindRoster, event{z.server.self, z.id, z.number})
	d.AddUint32(stay)
	for id := range z.here {
		d.AddUint64(id)
	}
}

// roster makes d say who of another node is in the zone.
func (p *presence) roster(d *queuednet.Datagram, zone uint16) {
	beginEvent(d, kindRoster, event{p.source, zone, p.last})
	d.AddUint32(0)
	for id := range p.players {
		d.AddUint64(id)
	}
}
