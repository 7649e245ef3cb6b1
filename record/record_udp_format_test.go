package record

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/datagramfile"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The layout of what is recorded of UDP, byte for byte.
func TestLayoutOfUDP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b datagramfile.DatagramBuffer
		p := newProgram(t, nil, &b)
		line := p.openUDP("[::]:4000")
		defer line.end()
		time.Sleep(time.Millisecond)
		line.send(t, "192.0.2.1:9099", "198.51.100.1:4000", "hi", false)
		line.send(t, "[fe80::1%eth0]:1", "", "", false)
		line.send(t, "192.0.2.1:9099", "", "close me", false)
		synctest.Wait()
		p.frame()
		require.NoError(t, p.recorder.Flush())
		const at0, at1 = "\x00\x00\x00\x00\x00\x00\x00\x00", "\xe8\x03\x00\x00\x00\x00\x00\x00"
		want := []string{
			"\x06" + "\x01\x00\x00\x00" + at0 + "\x09\x00[::]:4000",
			"\x05" + "\x01\x00\x00\x00" + at1 + "\x0e\x00192.0.2.1:9099" + "\x11\x00198.51.100.1:4000" + "hi",
			"\x05" + "\x01\x00\x00\x00" + at1 + "\x10\x00[fe80::1%eth0]:1" + "\x00\x00",
			"\x05" + "\x01\x00\x00\x00" + at1 + "\x0e\x00192.0.2.1:9099" + "\x00\x00" + "close me",
			"\x03" + "\x01\x00\x00\x00" + at1,
		}
		var datagram queuednet.Datagram
		require.NoError(t, b.GetDatagram(&datagram)) // see TestLayout
		for _, text := range want {
			require.NoError(t, b.GetDatagram(&datagram))
			require.Equal(t, text, string(datagram.Message()))
		}
		require.Error(t, b.GetDatagram(&datagram))
	})
}

// What version 1 recorded is played.
func TestVersion1(t *testing.T) {
	all := []event{comes(1), speaks(1, "a"), leaves(1, "EOF")}
	old := bytes.Replace(recording(t, all...), []byte("QNETREC\n\x02"), []byte("QNETREC\n\x01"), 1)
	synctest.Test(t, func(t *testing.T) {
		p := newProgram(t, nil, nil)
		require.NoError(t, p.play(old, 0, frameTime))
		require.Equal(t, words(all), p.story())
	})
}

// A packet longer than there are is named.
func TestTooLongPackets(t *testing.T) {
	for raw, longest := range map[bool]int{false: 65_505, true: 65_507} {
		synctest.Test(t, func(t *testing.T) {
			most := packetTo(1, strings.Repeat("x", longest))
			p := newProgram(t, nil, nil)
			p.udp = 1
			p.reader.SetRawMode(raw)
			p.writer.SetRawMode(raw)
			err := p.play(recording(t, opensUDP(1), most, packetTo(1, string(most.payload)+"x")), 0, frameTime)
			require.ErrorContains(t, err, "event 3")
			var tooLong *queuednet.DatagramTooLongError
			require.ErrorAs(t, err, &tooLong)
			assert.EqualValues(t, longest, tooLong.Max)
			require.Equal(t, words([]event{opensUDP(1), most}), p.story())
		})
	}
}
