package cluster

import (
	"runtime"
	"sync"
	"weak"
)

// groupTable finds groups by their names. It does not keep them, but where the program has set something: a
// group that nobody is in and that the program has no pointer to is garbage, and its entry goes when it
// is collected.
type groupTable struct {
	mu      sync.RWMutex
	byToken map[string]*groupEntry
	byHash  map[uint64]*groupEntry
	start   uint64 // the sequence before the first one of a group that is made now
}

// A groupEntry is what a group has in common with the next one of its name, if that comes before
// the first was collected.
type groupEntry struct {
	token    string
	hash     uint64
	group    weak.Pointer[Group] // groupTable.mu guards it
	kept     *Group              // the same, while it is watched or has a relay; groupTable.mu
	sequence uint64              // of the last message sent; outgoing.mu guards it
}

func (t *groupTable) init() {
	t.byToken = make(map[string]*groupEntry)
	t.byHash = make(map[uint64]*groupEntry)
}

// group returns the group with a token, nil where there is none.
func (t *groupTable) group(token string) *Group {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.byToken[token].value()
}

// hashed returns the group whose subject has a hash.
func (t *groupTable) hashed(hash uint64) *Group {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.byHash[hash].value()
}

func (e *groupEntry) value() *Group {
	switch {
	case e == nil:
		return nil
	case e.kept != nil: // a weak pointer costs as much as the rest of the look-up
		return e.kept
	}
	return e.group.Value()
}

// add makes g the group of its token, unless there is one, and returns that which is.
func (t *groupTable) add(g *Group) *Group {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.byToken[g.token]
	if there := e.value(); there != nil {
		return there
	}
	if e == nil {
		e = &groupEntry{token: g.token, hash: g.subject.hash, sequence: t.start}
		t.byToken[e.token], t.byHash[e.hash] = e, e
	}
	g.entry, e.group = e, weak.Make(g)
	runtime.AddCleanup(g, g.node.forget, e)
	return g
}

// keep makes the table keep a group, or ends that.
func (t *groupTable) keep(g *Group, on bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	g.entry.kept = nil
	if on {
		g.entry.kept = g
	}
}

// forget removes the entry of a group that was collected, unless another one of its name has it.
func (n *Node) forget(e *groupEntry) {
	n.out.mu.Lock()
	last := e.sequence
	n.out.mu.Unlock()
	t := &n.groups
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byToken[e.token] != e || e.value() != nil {
		return
	}
	if placeOf(last) > 0 {
		t.start = max(t.start, (generationOf(last)+1)<<placeBits)
	}
	delete(t.byToken, e.token)
	delete(t.byHash, e.hash)
}

// A sequence is a place among the messages of a group, from 1 on, in its lower bits; and a generation, which is higher
// than that of any earlier group of the name that was forgotten. For other nodes may go on listening
// to the group meanwhile. A group is forgotten when all that it has sent was told as a tail, so that nothing of an
// earlier generation is missing when one of the next comes.
const placeBits = 40

func generationOf(sequence uint64) uint64 { return sequence >> placeBits }
func placeOf(sequence uint64) uint64      { return sequence & (1<<placeBits - 1) }
