package objects

// ranges are the ranges of ids of one node: a part of all that no other number has, so that they
// collide with nobody's, also when the node has died and another incarnation of it begins: the others
// have then been told that the objects of the first are gone.
type ranges struct {
	size   uint64 // of a range
	each   uint64 // how many ranges a node has
	number uint64 // of this node

	next  uint64   // of those that this incarnation has not used, counted from where it began
	began uint64   // where
	freed []uint32 // bases, the one that was released first in front
}

// newRanges begins anywhere in the node's part: what is still on its way to a client of an
// earlier incarnation is unlikely to find one of this.
func newRanges(config *Config, number uint16, incarnation uint64) *ranges {
	each := (1<<32 - 1) / uint64(config.IDRange) / uint64(config.MaxNodes)
	return &ranges{size: uint64(config.IDRange), each: each, number: uint64(number), began: incarnation % each}
}

func (r *ranges) take() (base uint32, ok bool) {
	if r.next < r.each {
		k := r.number*r.each + (r.began+r.next)%r.each
		r.next++
		return uint32(k*r.size) + 1, true
	}
	if len(r.freed) == 0 {
		return 0, false
	}
	base = r.freed[0]
	r.freed = r.freed[1:]
	return base, true
}

func (r *ranges) release(base uint32) { r.freed = append(r.freed, base) }

// node returns the number of the node that has an id.
func (r *ranges) node(id uint32) uint64 { return (uint64(id) - 1) / r.size / r.each }
