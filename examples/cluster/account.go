package main

import "github.com/queuednet/queuednet"

const noZone = zoneCount

// A stream is what one run of a node tells about one zone, numbered.
type stream struct {
	source
	zone uint16
}

// An account is what a player has heard, and what it ought to have heard: of each node the
// numbers must follow each other from its roster on, until the player leaves the zone.
type account struct {
	zone   uint16
	heard  map[source]uint32              // the last number, of nodes that have sent a roster
	others map[source]map[uint64]struct{} // who is in the zone, by node
	shouts map[uint64]uint32              // by player, the last number heard

	messages   uint64            // heard
	repeated   uint64            // heard before, and known by their numbers
	missing    map[stream]uint64 // not heard
	reported   map[stream]uint64 // of which the server has told
	unexpected uint64            // numbers that went back
	tails      []tail
}

// A tail is how far a player has heard a node that has ended.
type tail struct {
	stream
	last uint32
}

// begin begins a stay in a zone, or in none.
func (a *account) begin(zone uint16) {
	if a.missing == nil {
		a.missing, a.reported = make(map[stream]uint64), make(map[stream]uint64)
		a.shouts = make(map[uint64]uint32)
	}
	a.zone = zone
	a.heard = make(map[source]uint32)
	a.others = make(map[source]map[uint64]struct{})
}

// take enters a message about the zone.
func (a *account) take(kind uint8, e event, it *queuednet.DatagramIterator) {
	of := stream{e.source, e.zone}
	switch kind {
	case kindLost:
		a.reported[of] += uint64(e.number)
	case kindGone:
		if last, ok := a.heard[e.source]; ok {
			a.tails = append(a.tails, tail{of, last})
		}
		delete(a.heard, e.source)
		delete(a.others, e.source)
	case kindRoster:
		if last, ok := a.heard[e.source]; ok {
			a.follows(of, last, e.number+1)
		}
		a.heard[e.source] = e.number
		it.GetUint32() // the stay, for nodes
		players := make(map[uint64]struct{})
		for it.RemainingSize() >= 8 {
			players[it.GetUint64()] = struct{}{}
		}
		a.others[e.source] = players
	default:
		last, ok := a.heard[e.source]
		if !ok {
			return // its roster is on its way, and says what this does
		}
		a.follows(of, last, e.number)
		a.heard[e.source] = e.number
		a.happened(kind, e.source, it)
	}
}

// follows notes what is missing between two numbers.
func (a *account) follows(of stream, last, number uint32) {
	switch {
	case number > last+1:
		a.missing[of] += uint64(number - last - 1)
	case number <= last:
		a.unexpected++
	}
}

// happened takes what a player did.
func (a *account) happened(kind uint8, from source, it *queuednet.DatagramIterator) {
	a.messages++
	player := it.GetUint64()
	switch kind {
	case kindEnter:
		a.others[from][player] = struct{}{}
	case kindExit:
		delete(a.others[from], player)
	case kindShout:
		number := it.GetUint32()
		if number <= a.shouts[player] {
			a.repeated++
			return
		}
		a.shouts[player] = number
	}
}

// view returns all players who are there.
func (a *account) view() map[uint64]struct{} {
	all := make(map[uint64]struct{})
	for _, players := range a.others {
		for player := range players {
			all[player] = struct{}{}
		}
	}
	return all
}

// unexplained returns how many messages are missing of which no gap was reported.
func (a *account) unexplained() (messages uint64) {
	for of, missing := range a.missing {
		if reported := a.reported[of]; missing > reported {
			messages += missing - reported
		}
	}
	return messages
}
