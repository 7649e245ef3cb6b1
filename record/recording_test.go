package record

import (
	"bytes"
	"fmt"
	"io"
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

// requireBad asserts that recordings are played as far as they are good, and what the error
// says then.
func requireBad(t *testing.T, recordings map[string]bad) {
	t.Helper()
	for name, test := range recordings {
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
}

type bad struct {
	recording []byte
	want      string
	events    int
}

// What is no recording, or one gone bad, is played as far as it is good.
func TestBadRecordings(t *testing.T) {
	good := recording(t, comes(1), speaks(1, "a"))
	requireBad(t, map[string]bad{
		"empty event": {append(good[:len(good):len(good)], 0, 0, 0, 0),
			"event 3: queuednet: cannot read uint8 at offset 0: needs 1 bytes, has 0", 2},
		"short event": {append(good[:len(good):len(good)], 7, 0, 0, 0, 2, 1, 0, 0, 0, 9, 9),
			"event 3: queuednet: cannot read uint64 at offset 5: needs 8 bytes, has 2", 2},
		"kind":            {recording(t, comes(1), event{kind: 9}), "event 2: kind 9 at offset 0", 1},
		"no kind":         {recording(t, event{}), "event 1: kind 0 at offset 0", 0},
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
	})
}

func TestRecordingsThatBeginBadly(t *testing.T) {
	requireBad(t, map[string]bad{
		"other magic":    {[]byte("\x12\x00\x00\x00QNETREC\r\x01\x0012345678"), `it does not begin with "QNETREC\n"`, 0},
		"other version":  {[]byte("\x12\x00\x00\x00QNETREC\n\x03\x0012345678"), "version 3, not 1 to 2", 0},
		"long beginning": {[]byte("\x13\x00\x00\x00QNETREC\n\x01\x00123456789"), "the beginning: 1 bytes too many at offset 18", 0},
		"short beginning": {[]byte("\x11\x00\x00\x00QNETREC\n\x01\x001234567"),
			"the beginning: queuednet: cannot read int64 at offset 10: needs 8 bytes, has 7", 0},
		"empty": {nil, "it is empty", 0},
	})
	_, err := newDecoder(datagramfile.NewDatagramInputFile(bytes.NewReader([]byte("\x89PNG\r\n\x1a\n"))))
	require.Error(t, err, "something else altogether")
	require.NotErrorIs(t, err, io.EOF)
}

func TestBadRecordingsOfUDP(t *testing.T) {
	requireBad(t, map[string]bad{
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
	})
}
