package main

import (
	"context"
	"log/slog"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/cluster"
)

// fromNode handles a message of another node. Its length is checked as a player's is.
func (s *server) fromNode(message *cluster.Message) {
	it := message.Datagram().Iterator()
	kind := it.GetUint8()
	if kind == kindAsk {
		if zone, stay := it.GetUint16(), it.GetUint32(); it.Err() == nil && zone < zoneCount {
			s.zones[zone].roster(&s.out, stay)
			_ = s.node.Send(&s.out, message.Sender()) // if it fails the node asks again
		}
		return
	}
	e := readEvent(&it)
	if it.Err() != nil || e.zone >= zoneCount || e.source != sourceOf(message) {
		s.log.Warn("nonsense from a node", "node", message.From(), "kind", kind)
		return
	}
	if kind == kindRoster {
		s.zones[e.zone].answered(e, &it, message.Datagram())
	} else {
		s.zones[e.zone].heard(kind, e, it.GetUint64(), message)
	}
}

func sourceOf(message *cluster.Message) source {
	return source{message.Sender().Node, message.Sender().Incarnation}
}

// answered takes a node's word for who of its players is there. An answer to a question of
// an earlier stay is not good: what the node told since may not have come here. What is told to all
// is good, and is no answer.
func (z *zone) answered(e event, it *queuednet.DatagramIterator, roster *queuednet.Datagram) {
	stay := it.GetUint32()
	switch {
	case len(z.here) == 0 || stay != 0 && stay != z.stay:
		return
	case stay != 0:
		delete(z.asked, e.node)
	}
	there := &presence{source: e.source, last: e.number, players: make(map[uint64]struct{})}
	for it.RemainingSize() >= 8 {
		there.players[it.GetUint64()] = struct{}{}
	}
	z.there[e.node] = there
	_ = z.server.writer.Broadcast(roster, z.group.Members())
}

// heard takes what a node tells of one of its players, and passes it on.
func (z *zone) heard(kind uint8, e event, player uint64, message *cluster.Message) {
	if there := z.there[e.node]; there != nil && there.source == e.source {
		there.last = e.number
		switch kind {
		case kindEnter:
			there.players[player] = struct{}{}
		case kindExit:
			delete(there.players, player)
		}
	}
	_ = message.Forward(z.server.writer)
}

// happened is for what becomes of other nodes, and of the way to them.
func (s *server) happened(h cluster.Event) {
	s.report(h)
	from := source{h.Node, h.Incarnation}
	switch h.Kind {
	case cluster.NodeJoined, cluster.NodeBack:
		s.nodes[h.Node] = from
		s.askAll(h.Node)
	case cluster.NodeLeft:
		delete(s.nodes, h.Node)
		for _, z := range s.zones {
			z.forget(from)
		}
	case cluster.Gap:
		s.missed(h, from)
	case cluster.Connected, cluster.Paused:
		for number := range s.nodes {
			s.askAll(number)
		}
	case cluster.SessionTaken:
		s.dismiss(h.Session)
		delete(s.away, h.Session)
	}
}

// askAll asks a node about each zone that this node has players in.
func (s *server) askAll(number uint16) {
	for _, z := range s.zones {
		if len(z.here) > 0 {
			z.ask(number)
		}
	}
}

// missed answers a gap: the players are told, and the node is asked for what is true now.
func (s *server) missed(h cluster.Event, from source) {
	if h.Group == nil {
		s.askAll(h.Node) // it may have been an answer
		return
	}
	for _, z := range s.zones {
		if z.group == h.Group && len(z.here) > 0 {
			beginEvent(&s.out, kindLost, event{from, z.id, uint32(h.Missed)})
			_ = s.writer.Broadcast(&s.out, z.group.Members())
			z.ask(h.Node)
		}
	}
}

// forget forgets what a node had in the zone.
func (z *zone) forget(from source) {
	delete(z.asked, from.node)
	delete(z.there, from.node)
	if len(z.here) > 0 {
		beginEvent(&z.server.out, kindGone, event{from, z.id, 0})
		_ = z.server.writer.Broadcast(&z.server.out, z.group.Members())
	}
}

// report logs an event, but those of which there are many in a day's work.
func (s *server) report(h cluster.Event) {
	if h.Kind == cluster.CountChanged || h.Kind == cluster.SessionTaken {
		return
	}
	attributes := []slog.Attr{slog.Int("peer", int(h.Node)), slog.Int64("when", h.At.UnixNano())}
	if h.Group != nil {
		attributes = append(attributes, slog.String("group", h.Group.Name()))
	}
	if h.Missed > 0 {
		attributes = append(attributes, slog.Uint64("missed", h.Missed))
	}
	if h.Err != nil {
		attributes = append(attributes, slog.String("reason", h.Err.Error()))
	}
	s.log.LogAttrs(context.Background(), slog.LevelInfo, h.Kind.String(), attributes...)
}
