package record

import (
	"bytes"
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

// recording returns a recording of events, each a millisecond after the last.
func recording(t testing.TB, all ...event) []byte {
	t.Helper()
	var (
		b        datagramfile.DatagramBuffer
		datagram queuednet.Datagram
	)
	beginRecording(&datagram, time.Now())
	require.NoError(t, b.PutDatagram(&datagram))
	for i, e := range all {
		e.time = time.Duration(i) * time.Millisecond
		e.encode(&datagram)
		require.NoError(t, b.PutDatagram(&datagram))
	}
	return b.Data()
}

func comes(number uint32) event {
	address, _ := queuednet.ParseNetAddress(fmt.Sprint("192.0.2.1:", number))
	return event{kind: opened, number: number, address: address}
}

func speaks(number uint32, text string) event {
	return event{kind: received, number: number, payload: []byte(text)}
}

func opensUDP(number uint32) event {
	address, _ := queuednet.ParseNetAddress(fmt.Sprint("[::]:", number))
	return event{kind: udpOpened, number: number, address: address}
}

func packetTo(number uint32, text string) event {
	address, _ := queuednet.ParseNetAddress("198.51.100.7:7")
	return event{kind: packet, number: number, address: address, payload: []byte(text)}
}

func leaves(number uint32, reason string) event {
	return event{kind: ended, number: number, reason: reason}
}

// Cut anywhere, a recording is played up to the last whole event, and then what
// is missing is named.
func TestCutRecording(t *testing.T) {
	whole := recording(t, comes(1), speaks(1, "a"), comes(2), speaks(2, ""), speaks(1, "b"),
		leaves(1, "EOF"), event{kind: closed, number: 2}, comes(3), speaks(3, "c"), leaves(3, "unexpected EOF"))
	synctest.Test(t, func(t *testing.T) {
		p := newProgram(t, nil, nil)
		for n := range len(whole) + 1 {
			cut := whole[:n:n]
			want, wantErr := events(cut)
			if len(want) == 0 {
				_, err := newDecoder(datagramfile.NewDatagramBuffer(cut))
				switch {
				case n == 0:
					require.ErrorIs(t, err, ErrFormat)
				case n < 4+18:
					require.ErrorIs(t, err, io.ErrUnexpectedEOF)
				default:
					require.NoError(t, err)
				}
				continue
			}
			p.log = nil
			err := p.play(cut, 0, frameTime)
			require.Equal(t, withoutCloses(words(want)), p.story())
			if wantErr == io.EOF {
				require.NoError(t, err, "%d bytes", n)
				continue
			}
			require.Equal(t, wantErr, err)
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			var fileErr *datagramfile.FileError
			require.ErrorAs(t, err, &fileErr)
			require.EqualValues(t, n, fileErr.Offset+fileErr.Have)
			require.Greater(t, fileErr.Need, fileErr.Have)
		}
		require.NoError(t, p.manager.Close())
	})
}

// withoutCloses leaves out what the program of the tests does not do by itself.
func withoutCloses(story []string) []string {
	return slices.DeleteFunc(story, func(what string) bool { return strings.HasSuffix(what, "is closed") })
}

// What is no recording, or one gone bad, is played as far as it is good.
func TestBadRecordings(t *testing.T) {
	good := recording(t, comes(1), speaks(1, "a"))
	for name, test := range map[string]struct {
		recording []byte
		want      string
		events    int
	}{
		"other magic":    {[]byte("\x12\x00\x00\x00QNETREC\r\x01\x0012345678"), `it does not begin with "QNETREC\n"`, 0},
		"other version":  {[]byte("\x12\x00\x00\x00QNETREC\n\x03\x0012345678"), "version 3, not 1 to 2", 0},
		"long beginning": {[]byte("\x13\x00\x00\x00QNETREC\n\x01\x00123456789"), "the beginning: 1 bytes too many at offset 18", 0},
		"short beginning": {[]byte("\x11\x00\x00\x00QNETREC\n\x01\x001234567"),
			"the beginning: queuednet: cannot read int64 at offset 10: needs 8 bytes, has 7", 0},
		"empty": {nil, "it is empty", 0},
		"empty event": {append(good[:len(good):len(good)], 0, 0, 0, 0),
			"event 3: queuednet: cannot read uint8 at offset 0: needs 1 bytes, has 0", 2},
		"short event": {append(good[:len(good):len(good)], 7, 0, 0, 0, 2, 1, 0, 0, 0, 9, 9),
			"event 3: queuednet: cannot read uint64 at offset 5: needs 8 bytes, has 2", 2},
		"kind":    {recording(t, comes(1), event{kind: 9}), "event 2: kind 9 at offset 0", 1},
		"no kind": {recording(t, event{}), "event 1: kind 0 at offset 0", 0},
		"UDP in version 1": {bytes.Replace(recording(t, comes(1), opensUDP(2)), []byte("QNETREC\n\x02"), []byte("QNETREC\n\x01"), 1),
			"event 2: kind 6 at offset 0", 1},
		"packet of a stream": {recording(t, comes(1), packetTo(1, "a")), "event 2: kind 5 of connection 1, UDP: false", 1},
		"stream of packets":  {recording(t, comes(1), opensUDP(2), speaks(2, "a")), "event 3: kind 2 of connection 2, UDP: true", 2},
		"packet to nobody":   {recording(t, packetTo(1, "a")), "event 1: connection 1 is not open", 0},
		"sender": {bytes.Replace(recording(t, opensUDP(1), packetTo(1, "a")), []byte("198.51.100.7:7"), []byte("198.51.100.256"), 1),
			"event 2: queuednet: ", 1},
		"local address": {bytes.Replace(recording(t, opensUDP(1), event{kind: packet, number: 1, local: comes(7).address}),
			[]byte("192.0.2.1:7"), []byte("192.0.2.1.7"), 1), "event 2: queuednet: ", 1},
		"address of UDP": {bytes.Replace(recording(t, opensUDP(1)), []byte("[::]:1"), []byte("[::1]:"), 1), "event 1: queuednet: ", 0},
		"short packet": {bytes.Replace(recording(t, opensUDP(1), packetTo(1, "a")), []byte("\x0e\x00198"), []byte("\xff\x00198"), 1),
			"event 2: queuednet: cannot read string at offset 13: needs 257 bytes", 1},
		"not open":        {recording(t, speaks(1, "a")), "event 1: connection 1 is not open", 0},
		"open no more":    {recording(t, comes(1), leaves(1, ""), speaks(1, "a")), "event 3: connection 1 is not open", 2},
		"closed before":   {recording(t, comes(1), event{kind: closed, number: 1}, leaves(1, "")), "event 3: connection 1 is not open", 2},
		"opened twice":    {recording(t, comes(1), comes(1)), "event 2: connection 1 is opened after connection 1", 1},
		"opened too soon": {recording(t, comes(2)), "event 1: connection 2 is opened after connection 0", 0},
		"too many bytes": {bytes.Replace(recording(t, comes(1), event{kind: closed, number: 1}), // with a byte more
			[]byte("\x0d\x00\x00\x00\x03"), []byte("\x0e\x00\x00\x00\x03x"), 1), "event 2: ", 1},
		"back in time": {bytes.Replace(recording(t, comes(1), speaks(1, "a"), speaks(1, "b")),
			[]byte{0xd0, 7, 0, 0, 0, 0, 0, 0}, []byte{1, 0, 0, 0, 0, 0, 0, 0}, 1),
			"event 3: it is 1 µs after the beginning, and the one before it 1000", 2},
		"end of time": {bytes.Replace(good, []byte{0xe8, 3, 0, 0, 0, 0, 0, 0}, []byte{0, 0, 0, 0, 0, 0, 0, 0x7f}, 1),
			"event 2: it is 9151314442816847872 µs after the beginning", 1},
		"address": {bytes.Replace(good, []byte("192.0.2.1:1"), []byte("192.0.2.256"), 1), "event 1: queuednet: ", 0},
	} {
		t.Run(name, func(t *testing.T) {
			all, err := events(test.recording)
			require.Len(t, all, test.events)
			require.ErrorIs(t, err, ErrFormat)
			require.ErrorContains(t, err, "record: bad recording: "+test.want)
			if strings.Contains(test.want, "needs") {
				require.ErrorAs(t, err, new(*queuednet.FieldError))
			}
			if test.events == 0 {
				return
			}
			synctest.Test(t, func(t *testing.T) {
				p := newProgram(t, nil, nil)
				for _, e := range all {
					if e.kind == udpOpened {
						p.udp++
					}
				}
				require.Equal(t, err, p.play(test.recording, 0, frameTime))
				if p.udp > 0 {
					return // its order is another: see TestReplayOfUDP
				}
				require.Equal(t, withoutCloses(words(all)), p.story())
			})
		})
	}
	_, err := newDecoder(datagramfile.NewDatagramInputFile(bytes.NewReader([]byte("\x89PNG\r\n\x1a\n"))))
	require.Error(t, err, "something else altogether")
	require.NotErrorIs(t, err, io.EOF)
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

// A program may close whom the recorded one kept: they get nothing more, and the
// others go on.
func TestProgramClosesOthers(t *testing.T) {
	all := []event{comes(1), comes(2)}
	for i := range 100 {
		all = append(all, speaks(uint32(1+i%2), fmt.Sprint(i)))
	}
	all = append(all, leaves(1, "EOF"), leaves(2, "EOF"))
	for name, frame := range map[string]func(p *program){
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
	} {
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
				second := 0
				for _, what := range p.story() {
					if strings.HasPrefix(what, "192.0.2.1:2 says") {
						require.Equal(t, fmt.Sprint("192.0.2.1:2 says ", 2*second+1), what)
						second++
					}
				}
				require.Equal(t, 50, second)
				require.NotContains(t, p.story(), "192.0.2.1:1 leaves: EOF")
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
