package record

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/datagramfile"
	"github.com/stretchr/testify/require"
)

// withoutCloses leaves out what the program of the tests does not do by itself.
func withoutCloses(story []string) []string {
	return slices.DeleteFunc(story, func(what string) bool { return strings.HasSuffix(what, "is closed") })
}

// A replay ends wherever it is when its rendezvous or the manager is closed, and
// leaves nothing behind.
func TestReplayStops(t *testing.T) {
	for name, test := range map[string]struct {
		listens, adds bool
		all           []event
	}{
		"before it is in a listener":      {false, false, []event{comes(1)}},
		"before somebody is taken":        {true, false, []event{comes(1), speaks(1, "a")}},
		"before somebody is in a reader":  {true, true, []event{comes(1), speaks(1, "a"), speaks(1, "b")}},
		"before the next":                 {true, false, []event{comes(1), leaves(1, "EOF")}},
		"before somebody may have left":   {true, true, []event{comes(1), comes(2), leaves(1, "EOF")}},
		"before a datagram that is large": {true, true, []event{comes(1), speaks(1, string(make([]byte, 60_000)))}},
	} {
		for _, speed := range []float64{0, 1e-9} {
			for what, stop := range map[string]func(*Replay){
				"manager":    func(r *Replay) { r.manager.Close() },
				"rendezvous": func(r *Replay) { r.rendezvous.Close() },
			} {
				t.Run(fmt.Sprint(name, ", ", what, ", ", speed), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						p := newProgram(t, nil, nil)
						replay, err := NewReplay(p.reader, datagramfile.NewDatagramBuffer(recording(t, test.all...)), speed)
						require.NoError(t, err)
						if test.listens {
							require.NoError(t, p.listener.AddConnection(replay.Rendezvous()))
						}
						time.Sleep(time.Second)
						if test.adds {
							for range p.listener.NewConnections() {
								// taken, and forgotten
							}
						}
						time.Sleep(time.Second)
						ctx, cancel := context.WithTimeout(t.Context(), time.Second)
						defer cancel()
						require.False(t, replay.Done())
						require.NoError(t, replay.Err())
						require.Equal(t, context.DeadlineExceeded, replay.Wait(ctx))
						stop(replay)
						synctest.Wait()
						require.True(t, replay.Done())
						require.Equal(t, net.ErrClosed, replay.Err())
						require.Equal(t, net.ErrClosed, replay.Wait(t.Context()))
						require.NoError(t, p.manager.Close())
					})
				})
			}
		}
	}
}

func TestReplayRefuses(t *testing.T) {
	p := newProgram(t, nil, nil)
	for _, speed := range []float64{-1, math.NaN(), math.Inf(1)} {
		_, err := NewReplay(p.reader, datagramfile.NewDatagramBuffer(recording(t)), speed)
		require.Error(t, err)
	}
	require.NoError(t, p.manager.Close())
	_, err := NewReplay(p.reader, datagramfile.NewDatagramBuffer(recording(t)), 0)
	require.ErrorIs(t, err, net.ErrClosed)
}

// requireOnlyTheSecond asserts that a program heard all that the second of two said, who
// spoke in turn, and not the end of the first.
func requireOnlyTheSecond(t *testing.T, p *program) {
	t.Helper()
	second := 0
	for _, what := range p.story() {
		if strings.HasPrefix(what, "192.0.2.1:2 says") {
			require.Equal(t, fmt.Sprint("192.0.2.1:2 says ", 2*second+1), what)
			second++
		}
	}
	require.Equal(t, 50, second)
	require.NotContains(t, p.story(), "192.0.2.1:1 leaves: EOF")
}

// closers are programs that close the first of two, by their frames.
var closers = map[string]func(p *program){
	"on arrival": func(p *program) {
		for conn := range p.listener.NewConnections() {
			require.NoError(p.t, p.reader.AddConnection(conn))
			if conn.Address().Port() == 1 {
				conn.Close()
			}
		}
	},
	"without a reader": func(p *program) {
		for conn := range p.listener.NewConnections() {
			if conn.Address().Port() == 1 {
				conn.Close()
			} else {
				require.NoError(p.t, p.reader.AddConnection(conn))
			}
		}
	},
	"later": func(p *program) {
		for datagram := range p.reader.Datagrams() {
			if conn := datagram.Connection(); conn.Address().Port() == 1 {
				conn.Close()
			} else {
				p.note(conn, "says "+string(datagram.Message()))
			}
		}
	},
}

// A program may close whom the recorded one kept: they get nothing more, and the
// others go on.
func TestProgramClosesOthers(t *testing.T) {
	all := []event{comes(1), comes(2)}
	for i := range 100 {
		all = append(all, speaks(uint32(1+i%2), fmt.Sprint(i)))
	}
	all = append(all, leaves(1, "EOF"), leaves(2, "EOF"))
	for name, frame := range closers {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newProgram(t, nil, nil)
				replay, err := NewReplay(p.reader, datagramfile.NewDatagramBuffer(recording(t, all...)), 0)
				require.NoError(t, err)
				require.NoError(t, p.listener.AddConnection(replay.Rendezvous()))
				for !replay.Done() {
					frame(p)
					p.frame()
					time.Sleep(time.Millisecond)
				}
				require.NoError(t, replay.Err())
				requireOnlyTheSecond(t, p)
				start := time.Now()
				require.NoError(t, p.manager.Close())
				require.Zero(t, time.Since(start), "nobody had to be waited for")
			})
		})
	}
}

// More than a connection's receive queue may hold waits for the program, and
// large datagrams and small ones keep their order.
func TestReplayOfMuch(t *testing.T) {
	all := []event{comes(1), comes(2)}
	for i := range 400 {
		text := fmt.Sprint(i)
		if i%3 == 0 {
			text += string(make([]byte, 20_000))
		}
		all = append(all, speaks(uint32(1+i/7%2), text))
	}
	for _, headerSize := range []int{2, 4} {
		synctest.Test(t, func(t *testing.T) {
			p := newProgram(t, nil, nil)
			require.NoError(t, p.reader.SetTCPHeaderSize(headerSize))
			require.NoError(t, p.play(recording(t, all...), 0, time.Second))
			require.Equal(t, words(all), p.story())
			require.Greater(t, p.frames, 4)
		})
	}
}

// A datagram may be too long for the header size of the replaying program.
func TestHeaderSizes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		large := string(make([]byte, 1<<16))
		b := recording(t, comes(1), speaks(1, large), speaks(1, "end"))
		p := newProgram(t, &queuednet.Config{TCPHeaderSize: 4}, nil)
		require.NoError(t, p.play(b, 0, frameTime))
		require.Equal(t, []string{"192.0.2.1:1 comes", "192.0.2.1:1 " + says(large), "192.0.2.1:1 says end"}, p.story())

		p = newProgram(t, nil, nil)
		err := p.play(b, 0, frameTime)
		require.ErrorContains(t, err, "event 2")
		require.ErrorAs(t, err, new(*queuednet.DatagramTooLongError))
		require.Equal(t, []string{"192.0.2.1:1 comes"}, p.story())
	})
	frame, err := appendFrame(nil, 4, make([]byte, 1<<16))
	require.NoError(t, err)
	require.EqualValues(t, 1<<16, binary.LittleEndian.Uint32(frame))
}

// The replay asks the manager whether anything is queued by a wait without time.
// The documentation of WaitForReaders does not say that this works.
func TestWaitWithoutTimeTellsWhatIsQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProgram(t, nil, nil)
		lobby := p.newLobby()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		queued := func() bool {
			synctest.Wait()
			first := p.manager.WaitForReaders(ctx) == nil
			for range 20 {
				require.Equal(t, first, p.manager.WaitForReaders(ctx) == nil, "time and again")
			}
			return first
		}
		require.False(t, queued())
		ada := lobby.come("192.0.2.1:1")
		require.True(t, queued(), "an arrival")
		p.frame()
		require.False(t, queued())
		ada.say("a", "b")
		require.True(t, queued(), "datagrams")
		require.True(t, p.reader.GetData(new(queuednet.NetDatagram)))
		require.True(t, queued(), "one left")
		require.True(t, p.reader.GetData(new(queuednet.NetDatagram)))
		require.False(t, queued())
		ada.leave()
		require.True(t, queued(), "an end")
		for conn := range p.manager.ResetConnections() {
			require.Equal(t, io.EOF, conn.Err())
			require.False(t, queued())
		}
	})
}
