package record

import (
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/datagramfile"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A fullSink takes so many datagrams, or flushes.
type fullSink struct {
	datagramfile.DatagramBuffer
	left int
}

var errFull = errors.New("disk full")

func (s *fullSink) PutDatagram(datagram *queuednet.Datagram) error {
	if s.left--; s.left < 0 {
		return errFull
	}
	return s.DatagramBuffer.PutDatagram(datagram)
}

func (s *fullSink) Flush() error {
	if s.left--; s.left < 0 {
		return errFull
	}
	return nil
}

// Wherever the disk is full, the program goes on as if nothing had happened, and
// what was written is good.
func TestRecorderFails(t *testing.T) {
	for left := range 12 {
		synctest.Test(t, func(t *testing.T) {
			sink := &fullSink{left: left}
			p := newProgram(t, nil, sink)
			lobby := p.newLobby()
			ada := lobby.come("192.0.2.1:1")
			synctest.Wait()
			p.frame()
			flushed := p.recorder.Flush()
			ada.say("a", "b")
			synctest.Wait()
			p.frame()
			lobby.come("192.0.2.1:2").leave()
			ada.say("close me")
			ada.end()
			synctest.Wait()
			p.frame()
			synctest.Wait()
			p.frame()
			require.Equal(t, []string{
				"192.0.2.1:1 comes", "192.0.2.1:1 says a", "192.0.2.1:1 says b", "192.0.2.1:2 comes",
				"192.0.2.1:1 says close me", "192.0.2.1:1 is closed", "192.0.2.1:2 leaves: EOF",
			}, p.story())
			const all = 1 + 1 + 1 + 7 - 1 // the beginning, the flush, the events
			if left >= all {
				require.NoError(t, p.recorder.Err())
			} else {
				require.ErrorIs(t, p.recorder.Err(), errFull)
				require.Equal(t, p.recorder.Err(), p.recorder.Flush())
			}
			require.Equal(t, left < 3, flushed != nil)
			recorded, err := events(sink.Data())
			switch left {
			case 0:
				require.ErrorIs(t, err, ErrFormat)
			case 1:
				require.Empty(t, recorded)
			default:
				require.Equal(t, io.EOF, err)
				require.Equal(t, p.story()[:len(recorded)], words(recorded))
			}
		})
	}
}

// A recorder without a sink is nothing but the reader.
func TestRecorderWithoutASink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProgram(t, nil, nil)
		ada := p.newLobby().come("192.0.2.1:1")
		ada.say("a")
		ada.leave()
		for range 3 {
			synctest.Wait()
			p.frame()
		}
		require.Equal(t, []string{"192.0.2.1:1 comes", "192.0.2.1:1 says a", "192.0.2.1:1 leaves: EOF"}, p.story())
		require.NoError(t, p.recorder.Flush())
		require.NoError(t, p.recorder.Err())
		require.Empty(t, p.recorder.numbers)
	})
}

// A carelessLoop adds whoever comes to its reader, and says nothing of that.
type carelessLoop struct {
	*program
	*lobby
	conns []*queuednet.Connection
}

func newCarelessLoop(t *testing.T, to datagramfile.DatagramSink) *carelessLoop {
	p := newProgram(t, nil, to)
	return &carelessLoop{program: p, lobby: p.newLobby()}
}

func (p *carelessLoop) arrive() {
	synctest.Wait()
	for conn := range p.listener.NewConnections() {
		require.NoError(p.t, p.reader.AddConnection(conn))
		p.conns = append(p.conns, conn)
	}
	synctest.Wait()
}

// closesTooSoon has somebody come whose connection is told of twice, closed before its end
// is told or after that, and told of once more.
func (p *carelessLoop) closesTooSoon(address string, before bool) {
	t := p.t
	grace := p.come(address)
	p.arrive()
	conn := p.conns[len(p.conns)-1]
	p.recorder.Opened(conn)
	p.recorder.Opened(conn)
	grace.say("b", "c")
	synctest.Wait()
	require.True(t, p.recorder.GetData(new(queuednet.NetDatagram)))
	if before {
		require.NoError(t, conn.Close())
	}
	p.recorder.Ended(conn)
	if !before {
		require.NoError(t, conn.Close())
	}
	p.frame()
	p.recorder.Ended(conn)
	p.recorder.Opened(conn) // too late
	grace.end()
}

// The recorder copes with a loop that tells it less, more or later than it might.
func TestRecorderOfACarelessLoop(t *testing.T) {
	for _, getData := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var b datagramfile.DatagramBuffer
			p := newCarelessLoop(t, &b)
			p.getData = getData
			p.recorder.Opened(nil)
			p.recorder.Ended(nil)

			// never told of, and gone with the only datagram
			ada := p.come("192.0.2.1:1")
			ada.say("a")
			ada.leave()
			p.arrive()
			p.frame()
			p.recorder.Ended(p.conns[0])

			// nothing said, never told of but as an end
			p.come("192.0.2.1:2").leave()
			p.arrive()
			p.frame()

			// some is queued still
			p.closesTooSoon("192.0.2.1:3", true)
			p.closesTooSoon("192.0.2.1:4", false)
			for range 3 {
				p.frame()
				require.False(t, p.recorder.GetData(nil))
			}
			recorded, err := events(b.Data())
			require.Equal(t, io.EOF, err)
			require.Equal(t, []string{
				"192.0.2.1:1 comes", "192.0.2.1:1 says a", "192.0.2.1:1 leaves: EOF",
				"192.0.2.1:3 comes", "192.0.2.1:3 says b", "192.0.2.1:3 is closed",
				"192.0.2.1:4 comes", "192.0.2.1:4 says b", "192.0.2.1:4 is closed",
			}, words(recorded))
			require.Empty(t, p.recorder.numbers, "forgotten")
			require.Empty(t, p.recorder.over)
		})
	}
}

// A recording may go over a connection, and be played from there as it comes.
func TestRecordingOverAConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		recording, live := session(t, 5, false)
		near, far := net.Pipe()
		sender := queuednet.NewQueuedConnectionManager(&queuednet.Config{TCPHeaderSize: 4})
		to, err := sender.AdoptConnection(near)
		require.NoError(t, err)
		sink := datagramfile.NewDatagramSinkNet(queuednet.NewConnectionWriter(sender), to)
		receiver := queuednet.NewQueuedConnectionManager(&queuednet.Config{TCPHeaderSize: 4})
		defer receiver.Close()
		from, err := receiver.AdoptConnection(far)
		require.NoError(t, err)
		generator, err := datagramfile.NewDatagramGeneratorNet(t.Context(), queuednet.NewQueuedConnectionReader(receiver), from)
		require.NoError(t, err)

		go func() {
			defer sender.Close()
			var datagram queuednet.Datagram
			for b := datagramfile.NewDatagramBuffer(recording); b.GetDatagram(&datagram) == nil; {
				assert.NoError(t, sink.PutDatagram(&datagram))
			}
			assert.NoError(t, to.Close())
		}()
		p := newProgram(t, nil, nil)
		replay, err := NewReplay(p.reader, generator, 0)
		require.NoError(t, err)
		require.NoError(t, p.listener.AddConnection(replay.Rendezvous()))
		for !replay.Done() {
			p.frame()
			time.Sleep(frameTime)
		}
		require.NoError(t, replay.Err())
		require.Equal(t, live.story(), p.story())
	})
}
