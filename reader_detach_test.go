package queuednet

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// numbers returns frames that hold their number and some bytes more.
func numbers(headerSize, count int, random *rand.Rand) (b []byte) {
	for i := range count {
		size := 4 + random.IntN(60)
		if random.IntN(500) == 0 {
			size += random.IntN(60_000) // some are handed over in a block of their own
		}
		b = appendHeader(b, headerSize, size)
		b = binary.LittleEndian.AppendUint32(b, uint32(i))
		b = append(b, make([]byte, size-4)...)
	}
	return b
}

// pieces writes b in pieces that have nothing to do with its datagrams.
func pieces(w io.Writer, b []byte, random *rand.Rand) error {
	for len(b) > 0 {
		n := min(len(b), 1+random.IntN(1+random.IntN(8_000)))
		if _, err := w.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// A sequence checks the numbers of datagrams: none is missing, twice or late.
type sequence struct {
	t    testing.TB
	next int
}

func (s *sequence) take(datagram *NetDatagram) {
	it := datagram.Iterator()
	require.Equal(s.t, s.next, int(it.GetUint32()))
	s.next++
}

// drain takes all that is queued, in one form or the other.
func (s *sequence) drain(r *QueuedConnectionReader, iterate bool) {
	if iterate {
		for datagram := range r.Datagrams() {
			s.take(datagram)
		}
		return
	}
	var datagram NetDatagram
	for r.DataAvailable() {
		if r.GetData(&datagram) {
			s.take(&datagram)
		}
	}
}

// wander takes a connection through the readers until it has ended or all has come,
// and returns how often it was moved.
func (s *sequence) wander(e *end, conn *Connection, readers []*QueuedConnectionReader, count int, random *rand.Rand) (moves int) {
	t, at := s.t, 0
	for s.next < count {
		// Some time in a reader, which ends with a part of it taken.
		for range random.IntN(2) {
			e.until("data", func() bool { return readers[at].DataAvailable() || conn.Err() != nil })
			s.drain(readers[at], random.IntN(2) == 0)
		}
		for range random.IntN(100) {
			var datagram NetDatagram
			if readers[at].GetData(&datagram) {
				s.take(&datagram)
			}
		}
		readers[at].RemoveConnection(conn)

		// What is queued by now is all that it gets.
		s.drain(readers[at], true)
		time.Sleep(time.Duration(random.IntN(100)) * time.Microsecond)
		require.Zero(t, readers[at].queue.size.Load(), "queued after it was removed")
		require.False(t, readers[at].IsConnectionOk(conn))
		at = (at + 1 + random.IntN(len(readers)-1)) % len(readers)
		if err := readers[at].AddConnection(conn); err != nil {
			require.Equal(t, io.EOF, err)
			return moves // it has ended, all has been queued before
		}
		moves++
	}
	return moves
}

// A player goes from the lobby to a game, to another one and back, again and
// again, and sends all the time.
func TestDetachUnderLoad(t *testing.T) {
	const count = 20_000
	for name, connect := range map[string]func(e *end) (*Connection, net.Conn){
		"TCP":  func(e *end) (*Connection, net.Conn) { return e.raw() },
		"pipe": func(e *end) (*Connection, net.Conn) { return e.pipe() },
	} {
		t.Run(name, func(t *testing.T) {
			random := seed(t)
			e := newEnd(t, &Config{MaxReceiveQueue: 10_000})
			conn, raw := connect(e)
			sent := make(chan error, 1)
			stream := numbers(2, count, random)
			cuts := rand.New(rand.NewPCG(random.Uint64(), 0))
			go func() {
				err := pieces(raw, stream, cuts)
				raw.Close()
				sent <- err
			}()

			readers := []*QueuedConnectionReader{e.reader, NewQueuedConnectionReader(e.manager), NewQueuedConnectionReader(e.manager)}

			got := sequence{t: t}
			moves := got.wander(e, conn, readers, count, random)
			require.NoError(t, <-sent)
			assert.Equal(t, count, got.next)
			assert.Same(t, conn, e.reset())
			assert.Equal(t, io.EOF, conn.Err())
			for _, reader := range readers {
				assert.Zero(t, reader.queue.size.Load(), "more than was sent")
			}
			t.Log(moves, "moves")
		})
	}
}

// The same at each place of a stream: a datagram belongs to the reader that has
// the connection when its last byte comes.
func TestDetachAtEachByte(t *testing.T) {
	payloads := []string{"a", "", strings.Repeat("b", 10), "", "c", strings.Repeat("d", 300), "e"}
	for _, headerSize := range []int{2, 4} {
		for name, during := range map[string]bool{"before the byte": false, "around the byte": true} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					e := newEnd(t, &Config{TCPHeaderSize: headerSize})
					conn, far := e.pipe()
					at, other := e.reader, NewQueuedConnectionReader(e.manager)
					stream, ends := framed(headerSize, payloads...), make(map[int]string)
					for i := range payloads {
						ends[len(framed(headerSize, payloads[:i+1]...))] = payloads[i]
					}
					for i := range stream {
						synctest.Wait()
						require.True(t, at.RemoveConnection(conn))
						if during {
							write(t, far, stream[i:i+1])
							synctest.Wait()
							require.False(t, at.DataAvailable(), "of a reader that it was removed from")
						}
						require.NoError(t, other.AddConnection(conn))
						if !during {
							write(t, far, stream[i:i+1])
						}
						synctest.Wait()
						require.False(t, at.DataAvailable())
						want, complete := ends[i+1]
						require.Equal(t, complete, other.DataAvailable(), "after byte %d", i)
						for datagram := range other.Datagrams() {
							require.Equal(t, want, string(datagram.Message()))
						}
						at, other = other, at
					}
				})
			})
		}
	}
}

// Both sides agree that the header size changes behind a datagram. What comes
// behind it is not cut before the other reader has it, even if a part of it came
// along with the datagram.
func TestDetachChangesHeaderSize(t *testing.T) {
	large := strings.Repeat("x", 70_000) // needs 4 bytes, and is none of 2 bytes at its front
	for _, along := range []int{0, 1, 3, 4, 100, 4000} {
		synctest.Test(t, func(t *testing.T) {
			lobby := newEnd(t, nil)
			game := NewQueuedConnectionReader(lobby.manager)
			require.NoError(t, game.SetTCPHeaderSize(4))
			conn, far := lobby.pipe()
			stream := framed(4, large, "", "y")
			write(t, far, framed(2, "hello", "to the game")+stream[:along])
			assert.Equal(t, []string{"hello", "to the game"}, lobby.messages(2))
			synctest.Wait()
			require.True(t, lobby.reader.RemoveConnection(conn))
			require.NoError(t, game.AddConnection(conn))
			write(t, far, stream[along:])
			lobby.reader = game
			got := lobby.messages(3)
			assert.True(t, large == got[0])
			assert.Equal(t, []string{"", "y"}, got[1:])

			// And back, with half a header.
			lobby.reader = NewQueuedConnectionReader(lobby.manager)
			write(t, far, framed(4, "to the lobby")+"\x02")
			synctest.Wait()
			require.True(t, game.RemoveConnection(conn))
			for datagram := range game.Datagrams() {
				assert.Equal(t, "to the lobby", string(datagram.Message()))
			}
			require.NoError(t, lobby.reader.AddConnection(conn))
			write(t, far, "\x00hi")
			assert.Equal(t, "hi", string(lobby.next().Message()))
		})
	}
}

// detachedEnd returns a connection in no reader, whose peer has sent something and left.
func detachedEnd(t *testing.T, unread string) (*end, *Connection) {
	e := newEnd(t, nil)
	conn, far := e.pipe()
	synctest.Wait()
	require.True(t, e.reader.RemoveConnection(conn))
	if unread != "" {
		write(t, far, unread)
	}
	require.NoError(t, far.Close())
	time.Sleep(time.Hour)
	require.False(t, e.manager.ResetConnectionAvailable())
	require.NoError(t, conn.Err())
	return e, conn
}

// unreads are what may be there when a connection in no reader ends.
var unreads = map[string]string{
	"nothing unread": "", "unread datagrams": framed(2, "a", "b"), "an unread part": framed(2, "a", "b") + "\x01",
}

func TestDetachedEnd(t *testing.T) {
	for name, unread := range unreads {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e, conn := detachedEnd(t, unread)
				assert.False(t, e.reader.DataAvailable())

				other := newEnd(t, nil)
				other.manager, other.reader = e.manager, NewQueuedConnectionReader(e.manager)
				require.NoError(t, other.reader.AddConnection(conn))
				synctest.Wait()
				if unread != "" {
					assert.False(t, e.manager.ResetConnectionAvailable(), "before its datagrams")
					assert.Equal(t, []string{"a", "b"}, other.drain())
				}
				require.True(t, e.manager.ResetConnectionAvailable())
				assert.Same(t, conn, e.reset())
				if strings.HasSuffix(unread, "\x01") {
					assert.Equal(t, io.ErrUnexpectedEOF, conn.Err())
				} else {
					assert.Equal(t, io.EOF, conn.Err())
				}
				assert.Equal(t, conn.Err(), e.reader.AddConnection(conn))
			})
		})
	}
}

func TestDetachedEndIsKnownByAWrite(t *testing.T) {
	for name, unread := range unreads {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e, conn := detachedEnd(t, unread)
				e.send(conn, "is anybody there?")
				assert.Same(t, conn, e.reset())
				assert.Equal(t, io.ErrClosedPipe, conn.Err(), "what the write says")
				assert.Equal(t, conn.Err(), e.writer.Send(NewDatagram(nil), conn))
				assert.Equal(t, conn.Err(), e.reader.AddConnection(conn))
				assert.Empty(t, e.drain())
				e.requireNoReset(conn)
			})
		})
	}
}
