package cluster

import (
	"math/bits"
	"sync"
)

// An IDRange hands out numbers of 32 bits that no other node hands out, without asking
// anybody: 12 bits are the node's number and 20 a counter, so that a node has at most
// 1,048,575 alive at a time. Those that are alive are skipped, so that Release makes
// others possible. A node that restarts may hand out numbers of its earlier incarnation:
// the others get NodeLeft of that, and so forget its objects, before NodeJoined of the new.
//
// Its methods may be called from any goroutine and none of them waits.
type IDRange struct {
	mu    sync.Mutex
	node  uint32
	last  uint32
	alive []uint64 // a bit for each counter
	count int
}

const (
	idBits = 20
	maxIDs = 1<<idBits - 1 // 0 is none's
)

// IDs returns the node's range, the same at each call. That of a node that is alone begins
// with number 0. It is nil on a zero Node.
func (n *Node) IDs() *IDRange {
	if n.isZero() {
		return nil
	}
	return &n.ids
}

// Next returns a number that is not alive, and makes it alive. It is false where all are.
func (r *IDRange) Next() (id uint32, ok bool) {
	if r == nil {
		return 0, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count == maxIDs {
		return 0, false
	}
	if r.alive == nil {
		r.alive = make([]uint64, (maxIDs+1)/64)
	}
	counter, ok := r.free(r.last + 1)
	if !ok {
		counter, _ = r.free(1) // there is one, by count
	}
	r.last = counter
	r.alive[counter/64] |= 1 << (counter % 64)
	r.count++
	return r.node<<idBits | counter, true
}

// free finds the first counter from one on that is not alive. mu is held.
func (r *IDRange) free(from uint32) (counter uint32, ok bool) {
	for c := max(from, 1); c <= maxIDs; c = (c/64 + 1) * 64 {
		if word := ^r.alive[c/64] >> (c % 64); word != 0 {
			return c + uint32(bits.TrailingZeros64(word)), true
		}
	}
	return 0, false
}

// Release makes a number one that Next may return, and reports whether it was alive. It is
// false for another node's.
func (r *IDRange) Release(id uint32) bool {
	if r == nil || id>>idBits != r.node || id&maxIDs == 0 {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	counter := id & maxIDs
	word, bit := counter/64, uint64(1)<<(counter%64)
	if r.alive == nil || r.alive[word]&bit == 0 {
		return false
	}
	r.alive[word] &^= bit
	r.count--
	return true
}

// Alive returns how many numbers are alive.
func (r *IDRange) Alive() int {
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count
}

// NodeOf returns the number of the node that handed out an id.
func NodeOf(id uint32) uint16 { return uint16(id >> idBits) }
