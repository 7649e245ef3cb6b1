package main

import "github.com/queuednet/queuednet"

// Messages begin with a byte that says what they are. Those about a zone have the same
// bytes between nodes and to players: a node forwards what arrives.
const (
	// From players:
	kindHello = 1 + iota // ticket: a blob, empty for newcomers
	kindGo               // zone
	kindSay              // the player's own number of it, from 1 on

	// To a player:
	kindWelcome // player, the last of its shouts that is known, and the node and incarnation that has it
	kindTicket  // a blob: what to say hello with on any node after this one
	kindSaid    // number: the shout is out, see event
	kindMoveOn  // the node is going to end: connect to another one
	kindGone    // event: all players of its node have gone with the node
	kindLost    // event: so many messages of its node to the zone are lost

	// To the players in a zone, also those of other nodes:
	kindShout  // event, player, the player's own number of it
	kindEnter  // event, player
	kindExit   // event, player
	kindRoster // event, stay (0: for all), players: all of that node who are in the zone; it goes on from this number

	// Between nodes:
	kindAsk // zone, stay: answered with a kindRoster
)

// A source is a run of a node.
type source struct {
	node        uint16
	incarnation uint64
}

// An event is the n-th thing that a source has told about a zone. So whoever is in the
// zone sees what is missing: the numbers of a source follow each other.
type event struct {
	source
	zone   uint16
	number uint32
}

// begin makes d an empty message of a kind.
func begin(d *queuednet.Datagram, kind uint8) *queuednet.Datagram {
	d.Clear()
	d.AddUint8(kind)
	return d
}

// beginEvent makes d a message of a kind that has an event.
func beginEvent(d *queuednet.Datagram, kind uint8, e event) *queuednet.Datagram {
	begin(d, kind)
	d.AddUint16(e.zone)
	d.AddUint16(e.node)
	d.AddUint64(e.incarnation)
	d.AddUint32(e.number)
	return d
}

func readEvent(it *queuednet.DatagramIterator) (e event) {
	e.zone = it.GetUint16()
	e.node = it.GetUint16()
	e.incarnation = it.GetUint64()
	e.number = it.GetUint32()
	return e
}
