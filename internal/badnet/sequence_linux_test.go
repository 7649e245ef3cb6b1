package badnet

import (
	"encoding/binary"
	"slices"
	"time"
)

// A sequence is an order of datagrams in which each is told from the others.
// Both sides of a connection know it: a datagram that is lost, merged, damaged
// or out of place is not the one that is expected next.
type sequence struct {
	longest int // bytes of a datagram
	every   int // the how manieth one is so long; 0: all are small
	room    []byte
}

// datagram returns the n-th one, until the next call: mostly small, some empty
// or of a single byte, a few of thousands of bytes, and at times the longest.
func (s *sequence) datagram(n int) []byte {
	size := 8 + n*37%190
	switch {
	case s.every == 0:
	case n%s.every == s.every-1:
		size = s.longest
	case n%100 < 2:
		size = n % 100
	case n%20 == 5:
		size = 1000 + n*251%2000
	}
	b := slices.Grow(s.room[:0], size)[:size]
	for i := range b {
		b[i] = byte(n + i*7)
	}
	if size >= 4 {
		binary.LittleEndian.PutUint32(b, uint32(n))
	}
	s.room = b
	return b
}

// percentile returns what a part of the durations does not exceed.
func percentile(durations []time.Duration, part float64) time.Duration {
	if len(durations) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(durations))
	return sorted[min(int(part*float64(len(sorted))), len(sorted)-1)]
}
