package queuednet

import (
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A bound that was lowered below what is queued still holds for what comes.
func TestLoweredQueueBoundHolds(t *testing.T) {
	limited(-1, func(t *testing.T, e *end, feed func(...string)) {
		feed("1", "2", "3")
		e.reader.SetMaxQueueSize(2)
		feed("4", "5")
		assert.True(t, e.reader.OverflowFlag())
		assert.Equal(t, []string{"1", "2", "3"}, e.drain())
		feed("6", "7", "8")
		assert.Equal(t, []string{"6", "7"}, e.drain())
	})(t)
}

// What is newest takes the place of what waits, however long both are.
func TestRecentReaderOfLongDatagrams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnd(t, &Config{MaxReceiveQueue: 100_000})
		recent := NewRecentConnectionReader(e.manager)
		pipe, _ := newPacketPipe()
		over, err := e.manager.AdoptUDPConnection(pipe)
		require.NoError(t, err)
		near, far := net.Pipe()
		stream, err := e.manager.AdoptConnection(near)
		require.NoError(t, err)
		for _, conn := range []*Connection{over, stream} {
			require.NoError(t, recent.AddConnection(conn))
		}
		send := map[*Connection]func(string){
			over:   func(payload string) { pipe.arrive(payload) },
			stream: func(payload string) { go far.Write([]byte(framed(2, payload))) },
		}
		long := strings.Repeat("x", 60_000)
		for _, first := range []*Connection{over, stream} {
			for _, second := range []*Connection{over, stream} {
				send[first](long + "older")
				synctest.Wait()
				send[second](long + "newer")
				synctest.Wait()
				var datagram NetDatagram
				require.True(t, recent.GetData(&datagram))
				assert.Equal(t, "newer", string(datagram.Message()[60_000:]))
				assert.Same(t, second, datagram.Connection())
				assert.False(t, recent.GetData(&datagram))
				synctest.Wait()
				assert.False(t, recent.GetData(&datagram), "nothing was held back")
			}
		}
		assert.Zero(t, over.UDPDrops())
		far.Close()
	})
}

// One that does not fit into the memory of what waits takes its place as well.
func TestRecentReaderOfALongerDatagram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnd(t, &Config{TCPHeaderSize: 4})
		recent := NewRecentConnectionReader(e.manager)
		near, far := net.Pipe()
		conn, err := e.manager.AdoptConnection(near)
		require.NoError(t, err)
		require.NoError(t, recent.AddConnection(conn))
		for _, size := range []int{1, 100_000, 3, 200_000} {
			go far.Write([]byte(framed(4, strings.Repeat("x", size))))
			synctest.Wait()
		}
		assert.Equal(t, 1, recent.CurrentQueueSize())
		var datagram NetDatagram
		require.True(t, recent.GetData(&datagram))
		assert.Equal(t, 200_000, datagram.Length())
		assert.False(t, recent.GetData(&datagram))
		assert.Zero(t, queuedBytes(conn))
		far.Close()
	})
}

// A bound in datagrams that is no smaller than the one that a recent reader
// keeps changes nothing; one of none drops what comes, never what is queued.
func TestRecentReaderWithAQueueBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnd(t, nil)
		recent := NewRecentConnectionReader(e.manager)
		near, far := net.Pipe()
		defer far.Close()
		conn, err := e.manager.AdoptConnection(near)
		require.NoError(t, err)
		require.NoError(t, recent.AddConnection(conn))
		feed := func(payload string) {
			go far.Write([]byte(framed(2, payload)))
			synctest.Wait()
		}
		take := func() (all []string) {
			for datagram := range recent.Datagrams() {
				all = append(all, string(datagram.Message()))
			}
			return all
		}
		recent.SetMaxQueueSize(1)
		for _, payload := range []string{"1", "2", "3"} {
			feed(payload)
		}
		assert.Equal(t, 1, recent.CurrentQueueSize())
		assert.False(t, recent.OverflowFlag())
		assert.Equal(t, []string{"3"}, take())

		feed("4")
		recent.SetMaxQueueSize(0)
		feed("5")
		assert.True(t, recent.OverflowFlag())
		assert.Equal(t, []string{"4"}, take())
		feed("6")
		assert.False(t, recent.DataAvailable())
		assert.Empty(t, take())

		recent.SetMaxQueueSize(-1)
		feed("7")
		feed("8")
		assert.Equal(t, []string{"8"}, take())
	})
}

// Whatever the lengths of datagrams, the blocks that hold them are not much more
// than is charged for them: the peer is slowed.
func TestMemoryOfMixedLengths(t *testing.T) {
	for _, long := range []int{600, plainRead - 2, 16<<10 - 2, 40_000} {
		t.Run(fmt.Sprint(long), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const bound = 512 << 10
				e := newEnd(t, &Config{MaxReceiveQueue: bound})
				_, far := e.pipe()
				go func() {
					for pair := []byte(framed(2, strings.Repeat("x", long), "")); ; {
						// In two writes, so that they are read one by one.
						if _, err := far.Write(pair[:2+long]); err != nil {
							return
						}
						far.Write(pair[2+long:])
					}
				}()
				synctest.Wait() // the peer too waits
				e.reader.queue.mu.Lock()
				held := 0
				for _, batch := range e.reader.queue.batches {
					held += cap(batch.block.b)
				}
				e.reader.queue.mu.Unlock()
				assert.LessOrEqual(t, held, 2*bound+gatherBlock)
				assert.GreaterOrEqual(t, held, bound/4)
			})
		})
	}
}

// Tiny datagrams, by turns of two peers, hold more than their bytes.
func TestMemoryOfTinyRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const bound, peers = 4 << 10, 2
		e := newEnd(t, &Config{MaxReceiveQueue: bound})
		var fars [peers]net.Conn
		for i := range fars {
			_, fars[i] = e.pipe()
		}
		taken := func(far net.Conn) bool {
			var done atomic.Bool
			go func() {
				far.Write([]byte(framed(2, "")))
				done.Store(true)
			}()
			synctest.Wait()
			return done.Load()
		}
		n := 0
		for n < 1000 && taken(fars[n%peers]) {
			n++
		}
		assert.Less(t, n, 1000, "they are slowed")
		assert.LessOrEqual(t, int64(e.reader.CurrentQueueSize())*spanSize, peers*(bound+spanSize))
		for _, far := range fars {
			far.Close()
		}
	})
}

// Tiny packets, each from elsewhere, hold more than their bytes.
func TestUDPMemoryOfTinyPackets(t *testing.T) {
	const bound = 64 << 10
	piped(t, &Config{MaxReceiveQueue: bound}, func(t *testing.T, e *end, conn *Connection, pipe *packetPipe, _ chan packet) {
		for i := range 9000 {
			pipe.in <- packet{data: packed(""), peer: udpAddr(1000 + i)}
		}
		synctest.Wait()
		assert.NotZero(t, conn.UDPDrops().Full)
		assert.LessOrEqual(t, int64(e.reader.CurrentQueueSize())*spanSize, int64(bound)+spanSize)
		e.drain()
		assert.Zero(t, queuedBytes(conn))
	})
}

// Whatever the program does to a datagram in the loop, the next one is as it came.
func TestDatagramsInTheLoopAreIndependent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnd(t, nil)
		_, far := e.pipe()
		changes := []func(*Datagram){
			func(d *Datagram) { d.SetStdfloatDouble(true) },
			func(d *Datagram) { d.AddString(strings.Repeat("x", 1<<16)) },
			func(d *Datagram) { d.AddUint8(1) },
			(*Datagram).Clear,
			func(d *Datagram) { d.Assign([]byte("other")) },
		}
		go far.Write([]byte(strings.Repeat(framed(2, "payload"), len(changes)+1)))
		synctest.Wait()
		n := 0
		for datagram := range e.reader.Datagrams() {
			assert.Equal(t, "payload", string(datagram.Message()))
			assert.Equal(t, receiveBuffer, datagram.memory, "its memory is not the program's")
			assert.False(t, datagram.StdfloatDouble())
			assert.NoError(t, datagram.Err())
			if n < len(changes) {
				changes[n](&datagram.Datagram)
			}
			n++
		}
		assert.Equal(t, len(changes)+1, n)
		far.Close()
	})
}

// limited runs a test in a bubble with a reader bounded in datagrams. Feed
// lets datagrams arrive, and returns when they have.
func limited(datagrams int, test func(t *testing.T, e *end, feed func(payloads ...string))) func(t *testing.T) {
	return func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			e := newEnd(t, nil)
			e.reader.SetMaxQueueSize(datagrams)
			_, far := e.pipe()
			test(t, e, func(payloads ...string) {
				write(t, far, framed(2, payloads...))
				synctest.Wait()
			})
		})
	}
}
