package conformance_test

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/internal/testnet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A packetVector is what Panda3D's ConnectionWriter sent over UDP, as recorded
// in testdata/panda3d-frames.jsonl: at most one packet.
type packetVector struct {
	Frame         string   `json:"frame"`
	Datagrams     []string `json:"datagrams"`
	Packets       []frameVector
	Sent          []bool `json:"send_returned"`
	ResetReported bool   `json:"reset_reported"`
}

// recorded returns the recorded entries of some frames.
func recorded[T any](t *testing.T, count int, frames ...string) (vectors []T) {
	t.Helper()
	file, err := os.Open("testdata/panda3d-frames.jsonl")
	require.NoError(t, err)
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		for _, frame := range frames {
			if strings.HasPrefix(lines.Text(), `{"frame": "`+frame+`"`) {
				var v T
				require.NoError(t, json.Unmarshal(lines.Bytes(), &v))
				vectors = append(vectors, v)
			}
		}
	}
	require.NoError(t, lines.Err())
	require.Len(t, vectors, count, "recorded")
	return vectors
}

// eachPacket runs a test for each packet that was recorded.
func eachPacket(t *testing.T, test func(t *testing.T, v packetVector, raw bool, payload string)) {
	for _, v := range recorded[packetVector](t, 17, "udp", "udp raw_mode") {
		require.Len(t, v.Datagrams, 1)
		name := v.Frame + " " + v.Datagrams[0]
		t.Run(name[:min(len(name), 40)], func(t *testing.T) {
			test(t, v, v.Frame == "udp raw_mode", frameVector{Datagrams: v.Datagrams}.payload(t, 0))
		})
	}
}

// wire returns the packet that was recorded. Where only the ends of it were,
// the middle is the payload's.
func (v packetVector) wire(t *testing.T, payload string) string {
	t.Helper()
	require.Len(t, v.Packets, 1)
	p := v.Packets[0]
	if p.WireHex != nil {
		b, err := hex.DecodeString(*p.WireHex)
		require.NoError(t, err)
		return string(b)
	}
	wire := testnet.Packed(payload)
	p.requireWire(t, wire)
	return wire
}

// TestVectorsUDPSent sends what Panda3D sent and compares the packets.
func TestVectorsUDPSent(t *testing.T) {
	eachPacket(t, func(t *testing.T, v packetVector, raw bool, payload string) {
		e := newEnd(t, nil)
		e.Writer.SetRawMode(raw)
		conn := e.udp("127.0.0.1:0")
		peer := testnet.RawUDP(t, "127.0.0.1:0")
		to := netAddressOf(peer.LocalAddr())
		err := e.Writer.SendTo(queuednet.NewDatagram([]byte(payload)), conn, to)
		require.Equal(t, v.Sent[0], err == nil, "%v", err)
		if !v.Sent[0] {
			// Panda3D closes the socket and reports a reset.
			require.True(t, v.ResetReported)
			var tooLong *queuednet.DatagramTooLongError
			assert.ErrorAs(t, err, &tooLong)
			assert.NoError(t, conn.Err())
			assert.False(t, e.Manager.ResetConnectionAvailable())
		} else {
			got, _ := rawPacket(t, peer)
			v.Packets[0].requireWire(t, got)
			assert.True(t, v.wire(t, payload) == got)
		}
		e.Writer.SetRawMode(false)
		e.sendTo(conn, to, "next")
		got, _ := rawPacket(t, peer)
		assert.Equal(t, testnet.Packed("next"), got, "nothing else")
	})
}

// TestVectorsUDPReceived feeds what Panda3D sent to a reader.
func TestVectorsUDPReceived(t *testing.T) {
	fed := 0
	eachPacket(t, func(t *testing.T, v packetVector, raw bool, payload string) {
		if !v.Sent[0] {
			return
		}
		fed++
		e := newEnd(t, nil)
		e.Reader.SetRawMode(raw)
		conn := e.udp("127.0.0.1:0")
		peer := testnet.RawUDP(t, "127.0.0.1:0")
		sendPacket(t, peer, conn.LocalAddress(), v.wire(t, payload))
		if v.Packets[0].WireLen > 0 { // an empty packet is ignored
			assert.True(t, payload == string(e.next().Message()))
		}
		next := "next"
		if !raw {
			next = testnet.Packed(next)
		}
		sendPacket(t, peer, conn.LocalAddress(), next)
		assert.Equal(t, "next", string(e.next().Message()), "nothing else")
		assert.Zero(t, conn.UDPDrops())
	})
	assert.Equal(t, 16, fed)
}

// TestVectorRawTCP sends and receives what Panda3D sent in raw mode over TCP.
func TestVectorRawTCP(t *testing.T) {
	v := recorded[frameVector](t, 1, "tcp raw_mode")[0]
	payloads := v.received(t)
	e := newEnd(t, nil)
	e.Writer.SetRawMode(true)
	conn, raw := e.raw()
	for _, payload := range payloads {
		e.Send(conn, payload)
	}
	wire := testnet.Read(t, raw, v.WireLen)
	v.requireWire(t, wire)
	assert.Equal(t, strings.Join(payloads, ""), wire)
	assert.Empty(t, e.wire(conn, raw), "nothing more")

	e.Reader.SetRawMode(true)
	conn, raw = e.raw()
	testnet.Write(t, raw, wire)
	require.NoError(t, raw.Close())
	assert.Equal(t, wire, e.rest(conn))
	assert.Equal(t, io.EOF, conn.Err())
}
