package queuednet

import (
	"math/bits"
	"sync"
	"sync/atomic"
)

// A block is pooled memory for bytes on their way in or out. Sizes are powers
// of two, so that a connection holds what it needs and no more; between uses it
// holds none. Beyond the largest class memory is plain: such blocks are rare.
type block struct {
	b      []byte       // len is what is in use, cap the size of the block
	ends   []uint32     // of the frames in b that have been found: see cut
	class  int          // index into blockPools, or -1
	others atomic.Int32 // owners beside the first; while there are any, b does not change
	frames int32        // of a block to be sent: the datagrams in it
}

const (
	minBlockBits = 8  // 256 bytes: a few small datagrams
	maxBlockBits = 20 // 1 MiB: the longest datagram by default

	// readBlock is what a read asks for, bulkBlock where the one before has left
	// something behind.
	readBlock = 64 << 10
	bulkBlock = 256 << 10
)

var blockPools [maxBlockBits - minBlockBits + 1]sync.Pool

// newBlock returns an empty block with room for at least size bytes.
func newBlock(size int) *block {
	class := max(bits.Len(uint(max(size, 1)-1)), minBlockBits) - minBlockBits
	if class >= len(blockPools) {
		return &block{b: make([]byte, 0, size), class: -1}
	}
	if b, ok := blockPools[class].Get().(*block); ok {
		return b
	}
	return &block{b: make([]byte, 0, 1<<(class+minBlockBits)), class: class}
}

// share returns b, which has one more owner then.
func (b *block) share() *block {
	b.others.Add(1)
	return b
}

// free is called by each owner of a block; the last call gives it back. The caller must
// not use the block, or bytes in it, again.
func (b *block) free() {
	if b == nil || b.others.Load() > 0 && b.others.Add(-1) >= 0 {
		return
	}
	if b.class >= 0 {
		b.b, b.ends = b.b[:0], b.ends[:0]
		b.others.Store(0)
		b.frames = 0
		blockPools[b.class].Put(b)
	}
}

// reserve returns a block with the contents of b and room for n more bytes: b itself,
// or, if b has no room or has other owners, another block, and b is freed. A nil b counts
// as empty.
func (b *block) reserve(n int) *block {
	if b == nil {
		return newBlock(n)
	}
	switch {
	case cap(b.b)-len(b.b) < n:
		return b.move(max(len(b.b)+n, 2*cap(b.b)))
	case b.others.Load() > 0:
		return b.move(len(b.b) + n)
	}
	return b
}

// move returns a block of at least size bytes with the contents of b, which it frees.
func (b *block) move(size int) *block {
	moved := newBlock(size)
	moved.b = append(moved.b, b.b...)
	moved.frames = b.frames
	b.free()
	return moved
}
