package main

import (
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/queuednet/queuednet"
)

const maxHistory = 50 // lines that a room keeps for who comes later

// A player is a person in the chat.
type player struct {
	conn     *queuednet.Connection
	name     string
	token    string // whoever has it is this person, also over another connection
	room     *room
	entered  uint64 // the order in which people entered the room
	operator bool   // of every room: has told the password
	farewell string // why, of a person whose connection the server has closed
}

// A room is a set of connections: what is said in it is a Broadcast to them.
type room struct {
	name    string
	members map[*queuednet.Connection]*player
	count   uint64 // of all who have ever entered
	history []said
}

func newRoom(name string) *room {
	return &room{name: name, members: make(map[*queuednet.Connection]*player)}
}

// connections are whom a broadcast goes to.
func (r *room) connections() iter.Seq[*queuednet.Connection] { return maps.Keys(r.members) }

// inOrder returns the members, who has been there the longest first.
func (r *room) inOrder() []*player {
	return slices.SortedFunc(maps.Values(r.members), func(a, b *player) int { return int(a.entered) - int(b.entered) })
}

// operator returns who keeps the order: who has been there the longest. It is
// nil in an empty room.
func (r *room) operator() *player {
	var first *player
	for _, p := range r.members {
		if first == nil || p.entered < first.entered {
			first = p
		}
	}
	return first
}

func (r *room) add(p *player) {
	r.count++
	p.room, p.entered = r, r.count
	r.members[p.conn] = p
}

// say keeps a line and returns it with its time.
func (r *room) say(name, text string, now time.Time) said {
	now = now.Truncate(time.Millisecond)
	if n := len(r.history); n > 0 && !now.After(r.history[n-1].at) {
		now = r.history[n-1].at.Add(time.Millisecond) // so that "since" is exact
	}
	line := said{now, name, text}
	if len(r.history) == maxHistory {
		r.history = slices.Delete(r.history, 0, 1)
	}
	r.history = append(r.history, line)
	return line
}

// entry is what somebody gets who enters: who is there.
func (r *room) entry() *queuednet.Datagram {
	dg := message(msgEntered, r.name, r.operator().name)
	dg.AddUint16(uint16(len(r.members)))
	for _, p := range r.inOrder() {
		dg.AddString(p.name)
	}
	return dg
}
