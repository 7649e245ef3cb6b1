package cluster

import (
	"encoding/binary"
	"slices"
	"sync"
)

// presence is how many members the groups have on other nodes. Each node tells its own,
// and they are forgotten with it. The receiver changes it.
type presence struct {
	mu     sync.Mutex
	groups map[string][]memberCount // by token
}

type memberCount struct {
	node    uint16
	members uint32
}

// of returns the counts of a group. The slice is never changed.
func (p *presence) of(token string) []memberCount {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.groups[token]
}

// set notes the members that a group has on a node, and reports whether that is new.
func (p *presence) set(token string, node uint16, members uint32) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.groups[token]
	i := slices.IndexFunc(old, func(c memberCount) bool { return c.node == node })
	switch {
	case i < 0 && members == 0 || i >= 0 && old[i].members == members:
		return false
	case len(old) == 1 && members == 0:
		delete(p.groups, token)
		return true
	}
	counts := make([]memberCount, 0, len(old)+1)
	for _, c := range old {
		if c.node != node {
			counts = append(counts, c)
		}
	}
	if members > 0 {
		counts = append(counts, memberCount{node, members})
	}
	p.groups[token] = counts
	return true
}

// changedCounts are the groups whose members on this node have changed since the pump
// looked.
type changedCounts struct {
	mu     sync.Mutex
	groups []*Group
}

func (c *changedCounts) changed(g *Group) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.groups = append(c.groups, g)
}

func (c *changedCounts) take() []*Group {
	c.mu.Lock()
	defer c.mu.Unlock()
	groups := c.groups
	c.groups = nil
	return groups
}

// A message with counts has entries of a token, with its length in a byte before it, and a
// count of 32 bits. One of a table has a byte of flags before them.
const (
	tableFirst uint8 = 1 << iota
	tableLast
)

func appendCount(b []byte, token string, members uint32) []byte {
	b = append(b, byte(len(token)))
	b = append(b, token...)
	return binary.LittleEndian.AppendUint32(b, members)
}

// eachCount yields the entries of a body that checkCounts has checked.
func eachCount(body []byte, yield func(token string, members uint32)) {
	for f := (fields{b: body}); len(f.b) > 0 && !f.failed; {
		token := string(f.bytes8())
		yield(token, f.uint32())
	}
}

func checkCounts(body []byte) error {
	f := fields{b: body}
	for len(f.b) > 0 && !f.failed {
		f.bytes8()
		f.uint32()
	}
	if f.failed {
		return errInvalid
	}
	return nil
}
