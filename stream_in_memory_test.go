package queuednet

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// held returns the memory that the incoming side holds for what it has not queued.
func (in *incoming) held() int {
	if in.buffer == nil {
		return 0
	}
	return cap(in.buffer.b)
}

// feed puts bytes where a read of the system would.
func (in *incoming) feed(t testing.TB, size int, b string) (rest string) {
	room := in.room(size)
	require.NotEmpty(t, room, "nowhere to read to")
	n := copy(room, b)
	in.buffer.b = in.buffer.b[:len(in.buffer.b)+n]
	return b[n:]
}

// parkedBound is how much a part of a datagram may hold during a wait for more.
func parkedBound(unread int) int {
	if unread == 0 {
		return 0
	}
	return max(8*unread, 1<<minBlockBits)
}

// The buffer grows with the bytes that arrive, whatever their header claims.
func TestInboundGrowsWithTheBytes(t *testing.T) {
	const length = 3 << 20
	wire := framed(4, strings.Repeat("x", length))
	for _, size := range []int{plainRead, readBlock} {
		for _, piece := range []int{1, 100, 1460, 4096, 65_536, len(wire)} {
			t.Run(fmt.Sprint("reads of ", size, ", pieces of ", piece), func(t *testing.T) {
				var in incoming
				rest := wire[:int(min(int64(len(wire)), 5000*int64(piece)))]
				arrived := 0
				for len(rest) > 0 {
					some := rest[:min(piece, len(rest))]
					n := len(some) - len(in.feed(t, size, some))
					arrived += n
					rest = rest[n:]
					if arrived != in.unread() || in.held() > max(size, 3*arrived) {
						t.Fatalf("%d bytes have arrived: %d are there, %d are held", arrived, in.unread(), in.held())
					}
					in.releaseBuffer()
					if in.held() > parkedBound(arrived) {
						t.Fatalf("parked with %d bytes: %d are held", arrived, in.held())
					}
				}
				assert.Equal(t, wire[:arrived], string(in.buffer.b[in.start:]))
			})
		}
	}
}

func TestInboundParksSmall(t *testing.T) {
	for unread := 0; unread <= 3*readBlock; unread += 1 + unread/20 {
		for _, start := range []int{0, 1, 40_000} {
			var in incoming
			text := strings.Repeat("s", start) + strings.Repeat("u", unread)
			for rest := text; len(rest) > 0; {
				rest = in.feed(t, readBlock, rest)
			}
			if in.buffer == nil {
				in.buffer = newBlock(readBlock)
			}
			in.start = start
			in.releaseBuffer()
			require.Equal(t, unread, in.unread())
			require.LessOrEqual(t, in.held(), parkedBound(unread), "%d bytes behind %d others", unread, start)
			if unread > 0 {
				require.Equal(t, text[start:], string(in.buffer.b[in.start:]))
			}
			// What comes next is put behind it.
			require.Empty(t, in.feed(t, plainRead, "more"))
			require.Equal(t, text[start:]+"more", string(in.buffer.b[in.start:]))
		}
	}
}

// Taking runs away at random, as deliver does, loses no byte.
func TestInboundAtRandom(t *testing.T) {
	random := seed(t)
	var in incoming
	var unread string
	for i := range 4000 {
		some := strings.Repeat(string(rune('a'+i%26)), random.IntN(1+random.IntN(9_000)))
		size := []int{plainRead, readBlock}[random.IntN(2)]
		in.releaseBuffer()
		require.LessOrEqual(t, in.held(), parkedBound(len(unread)))
		for rest := some; len(rest) > 0; {
			rest = in.feed(t, size, rest)
		}
		unread += some
		require.LessOrEqual(t, in.held(), max(readBlock, 8*len(unread)))
		if random.IntN(3) == 0 && len(unread) > 0 {
			n := random.IntN(len(unread) + 1)
			in.start += n
			unread = unread[n:]
		}
		require.Equal(t, len(unread), in.unread())
		if len(unread) > 200_000 {
			in.start += len(unread)
			unread = ""
		}
		if i%50 == 0 && len(unread) > 0 {
			require.True(t, unread == string(in.buffer.b[in.start:]))
		}
	}
}

// The same through a connection: it claims the most that is allowed, and stops.
func TestClaimIsNotAllocated(t *testing.T) {
	const claim = 1 << 30
	for _, arrived := range []int{0, 1, 31, 32, 1000, 70_000} {
		synctest.Test(t, func(t *testing.T) {
			e := newEnd(t, &Config{TCPHeaderSize: 4, MaxDatagramSize: claim})
			conn, far := e.pipe()
			before := heapAllocated()
			write(t, far, "\x00\x00\x00\x40"+strings.Repeat("x", arrived))
			synctest.Wait()
			assert.NoError(t, conn.Err())
			assert.Equal(t, 4+arrived, conn.stream.in.unread())
			assert.LessOrEqual(t, conn.stream.in.held(), max(plainRead, parkedBound(4+arrived)))
			assert.Less(t, heapAllocated()-before, uint64(16<<20))
		})
	}

	// Over TCP, 200 of them.
	e := newEnd(t, &Config{TCPHeaderSize: 4, MaxDatagramSize: claim})
	_, address := e.listen()
	before := heapAllocated()
	for range 200 {
		write(t, dialRaw(t, address), "\x00\x00\x00\x40part")
		e.accept()
	}
	assert.Less(t, heapAllocated()-before, uint64(200<<20), "a fifth of what one of them claims")
}
