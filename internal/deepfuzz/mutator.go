package deepfuzz

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
)

// A mutator makes inputs of others: of the corpus, and of some that it made
// before, so that changes add up.
type mutator struct {
	random *rand.Rand
	pool   [][]any
	corpus int // of the pool; what comes behind is its own
	input  []any
	free   [][]byte // memory for the input, one for each argument
}

const (
	poolSize = 64
	longest  = 6000 // bytes of what goes on growing
)

func newMutator(corpus [][]any, source rand.Source) *mutator {
	return &mutator{random: rand.New(source), pool: corpus[:len(corpus):len(corpus)], corpus: len(corpus), free: make([][]byte, len(corpus[0]))}
}

// next returns an input, which is valid until the next one.
func (m *mutator) next() []any {
	r := m.random
	m.input = append(m.input[:0], m.pool[r.IntN(len(m.pool))]...)
	for i, value := range m.input {
		if b, ok := value.([]byte); ok {
			m.free[i] = append(m.free[i][:0], b...)
			m.input[i] = m.free[i]
		}
	}
	for range 1 + r.IntN(6) {
		i := r.IntN(len(m.input))
		m.input[i] = m.mutate(i, m.input[i])
	}
	if r.IntN(8) == 0 {
		m.keep()
	}
	return m.input
}

// keep makes the input one that others are made of.
func (m *mutator) keep() {
	own := make([]any, len(m.input))
	for i, value := range m.input {
		b, ok := value.([]byte)
		if ok && len(b) > longest {
			return
		}
		if own[i] = value; ok {
			own[i] = bytes.Clone(b)
		}
	}
	if len(m.pool)-m.corpus < poolSize {
		m.pool = append(m.pool, own)
	} else {
		m.pool[m.corpus+m.random.IntN(poolSize)] = own
	}
}

// mutate changes the value of an argument.
func (m *mutator) mutate(i int, value any) any {
	switch v := value.(type) {
	case []byte:
		m.free[i] = m.bytes(v, m.pool[m.random.IntN(len(m.pool))][i].([]byte))
		return m.free[i]
	case bool:
		return !v
	case int8:
		return int8(m.number(uint64(v)))
	case uint8:
		return uint8(m.number(uint64(v)))
	case uint16:
		return uint16(m.number(uint64(v)))
	case uint32:
		return uint32(m.number(uint64(v)))
	}
	panic("deepfuzz: an argument of this type is not supported")
}

// number returns another number, of which as many bits are used as there are.
func (m *mutator) number(n uint64) uint64 {
	switch r := m.random; r.IntN(5) {
	case 0:
		return n + uint64(r.IntN(9)) - 4
	case 1:
		return n ^ 1<<r.IntN(32)
	case 2:
		return uint64(r.IntN(300))
	case 3:
		return m.length(int(n & math.MaxUint16))
	default:
		return r.Uint64() >> r.IntN(64)
	}
}

// length returns one that somebody might have forgotten to think of; left is
// how many bytes there are.
func (m *mutator) length(left int) uint64 {
	lengths := [...]uint64{
		0, 1, 2, 3, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xfffe, 0xffff, 0x10000, 0x10001,
		0xf_ffff, 0x10_0000, 0x10_0001, 0x3fff_ffff, 0x4000_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff,
		math.MaxInt64, math.MaxUint64,
	}
	if r := m.random; r.IntN(2) == 0 {
		return uint64(max(left+r.IntN(9)-4, 0))
	}
	return lengths[m.random.IntN(len(lengths))]
}

// bytes changes b, whose memory it may use; other is to take pieces from.
func (m *mutator) bytes(b, other []byte) []byte {
	r := m.random
	at := r.IntN(len(b) + 1)
	switch r.IntN(13) {
	case 0: // cut
		return b[:at]
	case 1: // the beginning left out
		return append(b[:0], b[at:]...)
	case 2: // the beginning of one and the end of another
		return append(b[:at], other[r.IntN(len(other)+1):]...)
	case 3: // a piece of another in between
		start, end := m.piece(len(other))
		return m.insert(b, at, other[start:end])
	case 4: // a piece left out
		start, end := m.piece(len(b))
		return append(b[:start], b[end:]...)
	case 5: // a piece again
		start, end := m.piece(len(b))
		return m.insert(b, at, bytes.Clone(b[start:end]))
	case 6, 7: // a length, where one may be
		return m.put(b, at)
	case 8: // a whole frame
		return m.insert(b, at, m.frame())
	case 9: // noise
		noise := make([]byte, r.IntN(12))
		for i := range noise {
			noise[i] = byte(r.Uint32())
		}
		return m.insert(b, at, noise)
	case 10: // many of one
		return m.insert(b, at, bytes.Repeat([]byte{byte(r.Uint32())}, r.IntN(200)))
	case 11: // another byte
		if at < len(b) {
			b[at] = byte(r.Uint32())
		}
	default: // another bit, or one more or less
		if at < len(b) {
			if r.IntN(2) == 0 {
				b[at] ^= 1 << r.IntN(8)
			} else {
				b[at] += byte(r.IntN(5) - 2)
			}
		}
	}
	return b
}

// piece draws a part of n bytes, most often a short one.
func (m *mutator) piece(n int) (start, end int) {
	start = m.random.IntN(n + 1)
	n -= start
	if m.random.IntN(4) > 0 {
		n = min(n, 40)
	}
	return start, start + m.random.IntN(n+1)
}

// insert puts a piece into b, unless that is long already.
func (m *mutator) insert(b []byte, at int, piece []byte) []byte {
	if len(b) > 4*longest {
		return b[:at]
	}
	n := len(b)
	b = append(b, piece...)
	copy(b[at+len(piece):], b[at:n])
	copy(b[at:], piece)
	return b
}

// put writes a length over what is there.
func (m *mutator) put(b []byte, at int) []byte {
	var length [8]byte
	width := 1 << m.random.IntN(4)
	binary.LittleEndian.PutUint64(length[:], m.length(max(len(b)-at-width, 0)))
	copy(b[at:], length[:width])
	return b
}

// frame returns a payload behind its length.
func (m *mutator) frame() []byte {
	n := m.random.IntN(30)
	var length [4]byte
	binary.LittleEndian.PutUint32(length[:], uint32(n))
	b := append(make([]byte, 0, 4+n), length[:2<<m.random.IntN(2)]...)
	for range n {
		b = append(b, byte(m.random.Uint32()))
	}
	return b
}
