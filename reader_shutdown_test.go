package queuednet

import (
	"bytes"
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

// shutdown is a reader that was shut down with two datagrams queued, and the
// rest of another one not yet there.
func shutdown(t *testing.T) (e *end, conn *Connection, far net.Conn) {
	e = newEnd(t, nil)
	conn, far = e.pipe()
	write(t, far, framed(2, "dropped", "too")+"\x05\x00ha")
	synctest.Wait()
	require.True(t, e.reader.DataAvailable())
	e.reader.Shutdown()
	synctest.Wait()
	return e, conn, far
}

// Shutdown drops what is queued, and gives the connections free for another reader.
func TestReaderShutdown(t *testing.T) {
	inBubble(t, map[string]func(t *testing.T){
		"drops what is queued": func(t *testing.T) {
			e, conn, _ := shutdown(t)
			e.reader.Shutdown()
			assert.False(t, e.reader.DataAvailable())
			assert.False(t, e.reader.GetData(new(NetDatagram)))
			assert.Empty(t, e.drain())
			assert.Zero(t, queuedBytes(conn), "it holds nothing of the connection's bound")
			assert.Zero(t, e.manager.ready.count.Load(), "nobody is woken for it")
		},
		"removes the connections": func(t *testing.T) {
			e, conn, far := shutdown(t)
			assert.False(t, e.reader.IsConnectionOk(conn))
			assert.False(t, e.reader.RemoveConnection(conn), "removed already")
			assert.NoError(t, conn.Err())
			go e.writer.Send(NewDatagram([]byte("still open")), conn)
			assert.Equal(t, framed(2, "still open"), read(t, far, 12))
		},
		"adds no others": func(t *testing.T) {
			e, conn, _ := shutdown(t)
			other, far := net.Pipe()
			t.Cleanup(func() { far.Close() })
			added, err := e.manager.AdoptConnection(other)
			require.NoError(t, err)
			assert.Equal(t, net.ErrClosed, e.reader.AddConnection(added))
			assert.Equal(t, net.ErrClosed, e.reader.AddConnection(conn))
		},
		"a peer that was held back goes on": func(t *testing.T) {
			e := newEnd(t, &Config{MaxReceiveQueue: 100})
			conn, far := e.pipe()
			go write(t, far, framed(2, strings.Repeat("a", 90)))
			synctest.Wait()
			go write(t, far, framed(2, strings.Repeat("b", 90)))
			synctest.Wait()
			require.True(t, waitsForRoom(conn))
			e.reader.Shutdown()
			synctest.Wait()
			e.reader = NewQueuedConnectionReader(e.manager)
			require.NoError(t, e.reader.AddConnection(conn))
			assert.Equal(t, strings.Repeat("b", 90), string(e.next().Message()))
		},
	})
}

// What was half there when a reader was shut down is the next one's, and only that
// one's header size counts.
func TestReaderShutdownLeavesTheRest(t *testing.T) {
	inBubble(t, map[string]func(t *testing.T){
		"is the next reader's": func(t *testing.T) {
			e, conn, far := shutdown(t)
			e.reader = NewQueuedConnectionReader(e.manager)
			require.NoError(t, e.reader.AddConnection(conn))
			assert.True(t, e.reader.IsConnectionOk(conn))
			write(t, far, "lf")
			synctest.Wait()
			assert.False(t, e.reader.DataAvailable())
			write(t, far, "!"+framed(2, "next"))
			assert.Equal(t, []string{"half!", "next"}, e.messages(2))
			require.NoError(t, far.Close())
			assert.Same(t, conn, e.reset())
			assert.Equal(t, io.EOF, conn.Err())
		},
		"is not cut with its header size": func(t *testing.T) {
			e := newEnd(t, nil)
			require.NoError(t, e.reader.SetTCPHeaderSize(4))
			conn, far := e.pipe()
			write(t, far, framed(4, "go"))
			assert.Equal(t, "go", string(e.next().Message()))
			e.reader.Shutdown()
			write(t, far, framed(2, "ab", "c")) // as a header of 4 bytes far too long
			synctest.Wait()
			assert.NoError(t, conn.Err())
			e.reader = NewQueuedConnectionReader(e.manager)
			require.NoError(t, e.reader.AddConnection(conn))
			assert.Equal(t, []string{"ab", "c"}, e.messages(2))
		},
	})
}

// An end is reported with the reader's last datagram, or else waits for a reader.
func TestEndsAfterReaderShutdown(t *testing.T) {
	inBubble(t, map[string]func(t *testing.T){
		"afterwards": func(t *testing.T) {
			e, conn, far := shutdown(t)
			requireEndInNextReader(t, e, conn, far, io.ErrUnexpectedEOF)
		},
		"with nothing unread": func(t *testing.T) {
			e := newEnd(t, nil)
			conn, far := e.pipe()
			synctest.Wait()
			e.reader.Shutdown()
			requireEndInNextReader(t, e, conn, far, io.EOF)
		},
		"known before": func(t *testing.T) {
			e := newEnd(t, nil)
			conn, far := e.pipe()
			write(t, far, framed(2, "dropped"))
			require.NoError(t, far.Close())
			synctest.Wait()
			assert.False(t, e.manager.ResetConnectionAvailable(), "before its last datagram")
			e.reader.Shutdown()
			assert.Same(t, conn, e.reset())
			assert.Equal(t, io.EOF, conn.Err())
		},
	})
}

// requireEndInNextReader lets the peer close a connection that is in no reader: the end is
// found when it is in one again.
func requireEndInNextReader(t *testing.T, e *end, conn *Connection, far io.Closer, want error) {
	t.Helper()
	require.NoError(t, far.Close())
	time.Sleep(time.Hour)
	assert.False(t, e.manager.ResetConnectionAvailable(), "in no reader")
	assert.NoError(t, conn.Err())
	e.reader = NewQueuedConnectionReader(e.manager)
	require.NoError(t, e.reader.AddConnection(conn))
	assert.Same(t, conn, e.reset())
	assert.Equal(t, want, conn.Err())
}

// Players send on while their reader is shut down, and are in the next one a
// moment later: each goes on at the beginning of a datagram that nobody had.
func TestReaderShutdownUnderLoad(t *testing.T) {
	const count = 10_000
	random := seed(t)
	e := newEnd(t, &Config{MaxReceiveQueue: 10_000})
	conn, raw := e.raw()
	stream, cuts := numbers(2, count, random), rand.New(rand.NewPCG(random.Uint64(), 0))
	go func() {
		pieces(raw, stream, cuts)
		raw.Close()
	}()
	next, dropped := 0, 0
	zeros := make([]byte, 65_536)
	for conn.Err() == nil {
		for range random.IntN(3) {
			e.until("data", func() bool { return e.reader.DataAvailable() || conn.Err() != nil })
			if random.IntN(3) == 0 {
				break // and drop it
			}
			for datagram := range e.reader.Datagrams() {
				it := datagram.Iterator()
				number := int(it.GetUint32())
				require.GreaterOrEqual(t, number, next)
				require.Less(t, number, count)
				require.True(t, bytes.HasPrefix(zeros, it.RemainingBytes()), "not the middle of another one")
				dropped += number - next
				next = number + 1
			}
		}
		e.reader.Shutdown()
		e.reader = NewQueuedConnectionReader(e.manager)
		if err := e.reader.AddConnection(conn); err != nil {
			require.Equal(t, io.EOF, err)
		}
	}
	e.until("the rest", func() bool {
		e.drain()
		return e.manager.ResetConnectionAvailable()
	})
	assert.Same(t, conn, e.reset())
	assert.Equal(t, io.EOF, conn.Err())
	t.Log(dropped, "dropped with the readers, which is meant")
}
