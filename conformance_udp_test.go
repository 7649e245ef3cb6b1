package queuednet

import (
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// overUDP runs a test with a connection and a plain socket, both on the
// loopback, and asserts that it has not ended the connection.
func overUDP(test func(t *testing.T, u *udpWire)) func(t *testing.T) {
	return func(t *testing.T) {
		e := newEnd(t, nil)
		u := &udpWire{end: e, conn: e.udp("127.0.0.1:0"), raw: rawUDP(t, "127.0.0.1:0")}
		test(t, u)
		assert.NoError(t, u.conn.Err())
		e.requireNoReset()
	}
}

type udpWire struct {
	*end
	conn *Connection
	raw  *net.UDPConn
}

// rawAddress returns where the plain socket can be reached.
func (u *udpWire) rawAddress() NetAddress { return netAddressOf(u.raw.LocalAddr()) }

// arrives sends a packet to the connection.
func (u *udpWire) arrives(packet string) {
	u.t.Helper()
	sendPacket(u.t, u.raw, u.conn.LocalAddress(), packet)
}

// sends sends a payload and returns the packet.
func (u *udpWire) sends(payload string) string {
	u.t.Helper()
	u.sendTo(u.conn, u.rawAddress(), payload)
	packet, from := rawPacket(u.t, u.raw)
	assert.Equal(u.t, u.conn.LocalAddress(), from)
	return packet
}

// dropped asserts that a packet is dropped, and what it is counted as.
func (u *udpWire) dropped(packet string, as UDPDrops) {
	u.t.Helper()
	u.arrives(packet)
	u.arrives(packed("the next one"))
	datagram := u.next()
	assert.Equal(u.t, "the next one", string(datagram.Message()))
	assert.Equal(u.t, as, u.conn.UDPDrops())
	assert.Zero(u.t, u.reader.CurrentQueueSize())
}

var udpRows = []row{
	{95, "udp_bytes", overUDP(func(t *testing.T, u *udpWire) {
		assert.Equal(t, "\xff\x01\xff\xff\x01", u.sends("\xff\xff\x01"))
	})},
	{96, "udp_empty_payload", overUDP(func(t *testing.T, u *udpWire) {
		assert.Equal(t, "\x00\x00", u.sends(""))
		u.arrives("\x00\x00")
		assert.Zero(t, u.next().Length())
	})},
	{97, "udp_good_sum", overUDP(func(t *testing.T, u *udpWire) {
		u.arrives("\x06\x00\x01\x02\x03")
		datagram := u.next()
		assert.Equal(t, "\x01\x02\x03", string(datagram.Message()))
		assert.Same(t, u.conn, datagram.Connection())
		assert.Equal(t, u.rawAddress(), datagram.Address())
	})},
	{98, "udp_bad_sum", overUDP(func(t *testing.T, u *udpWire) {
		u.dropped("\x07\x00\x01\x02\x03", UDPDrops{Broken: 1})
	})},
	{99, "udp_1_byte", overUDP(func(t *testing.T, u *udpWire) {
		u.dropped("\x00", UDPDrops{Broken: 1})
	})},
	{100, "udp_sum_wraps", overUDP(func(t *testing.T, u *udpWire) {
		packet := u.sends(strings.Repeat("\xff", 300))
		assert.Equal(t, "\xd4\x2a", packet[:2])
		u.arrives(packet)
		assert.Equal(t, packet[2:], string(u.next().Message()))
		u.dropped("\xd4\x2a"+strings.Repeat("\xff", 299), UDPDrops{Broken: 1})
	})},
	{101, "udp_1502_byte_packet", overUDP(func(t *testing.T, u *udpWire) {
		payload := pattern(1500)
		u.arrives(packed(payload))
		assert.Equal(t, payload, string(u.next().Message()))
	})},
	{102, "udp_longer_packet", overUDP(func(t *testing.T, u *udpWire) {
		// Panda3D cuts them, and what it cuts off may be zeros, so that the sum fits.
		for _, payload := range []string{strings.Repeat("\x00", 3000), pattern(1501), pattern(9000), pattern(60_000)} {
			u.arrives(packed(payload))
			assert.True(t, payload == string(u.next().Message()), "%d bytes, whole", len(payload))
		}
		assert.Zero(t, u.conn.UDPDrops())
	})},
	{103, "udp_zero_length_packet", overUDP(func(t *testing.T, u *udpWire) {
		for i := range 3 {
			u.dropped("", UDPDrops{Broken: uint64(i + 1)})
		}
	})},
	{105, "is_valid_for_udp", func(t *testing.T) {
		e := newEnd(t, nil)
		for size, valid := range map[int]bool{0: true, 1500: true, 1501: false} {
			assert.Equal(t, valid, e.writer.IsValidForUDP(NewDatagram(make([]byte, size))), "%d bytes", size)
		}
		assert.False(t, e.writer.IsValidForUDP(nil))
	}},
	{106, "udp_send_2000_bytes", overUDP(func(t *testing.T, u *udpWire) {
		payload := pattern(2000)
		assert.Equal(t, packed(payload), u.sends(payload))
	})},
	{107, "udp_send_66000_bytes", overUDP(func(t *testing.T, u *udpWire) {
		// Panda3D closes the socket.
		u.requireTooLong(u.conn, u.rawAddress(), 66_000, 65_505)
		assert.Equal(t, packed("still open"), u.sends("still open"))
		assert.True(t, u.reader.IsConnectionOk(u.conn))
	})},
	{108, "udp_port_in_use", func(t *testing.T) {
		e := newEnd(t, nil)
		first := e.udpEverywhere()
		for range 2 {
			second, err := e.manager.OpenUDPConnection(first.LocalAddress().Port())
			assert.ErrorIs(t, err, errAddressInUse)
			assert.Nil(t, second)
		}
		local := e.udp("127.0.0.1:0")
		_, err := e.manager.OpenUDPConnectionAt(local.LocalAddress())
		assert.ErrorIs(t, err, errAddressInUse)
		require.True(t, e.manager.CloseConnection(first))
		e.requireNoReset(first)
		_, err = e.manager.OpenUDPConnection(first.LocalAddress().Port())
		assert.NoError(t, err, "free again")
	}},
	{109, "udp_port_0", overUDP(func(t *testing.T, u *udpWire) {
		// Panda3D's unbound sending socket is bound by its first send. Here it is
		// from the start, and receives, too.
		conn := u.udpEverywhere()
		assert.NotZero(t, conn.LocalAddress().Port())
		u.sendTo(conn, u.rawAddress(), "sent")
		packet, from := rawPacket(t, u.raw)
		assert.Equal(t, packed("sent"), packet)
		assert.Equal(t, conn.LocalAddress().Port(), from.Port())
		sendPacket(t, u.raw, from, packed("answered"))
		datagram := u.next()
		assert.Equal(t, "answered", string(datagram.Message()))
		assert.Same(t, conn, datagram.Connection())

		// An address that is given is not ignored.
		assert.Equal(t, "127.0.0.1", u.conn.LocalAddress().IPString())
	})},
}

// TestConformanceUDPWrongTarget is the part of row 110 (wrong_target) that is
// about UDP: the form with an address on TCP, and the plain one on UDP.
func TestConformanceUDPWrongTarget(t *testing.T) {
	overUDP(func(t *testing.T, u *udpWire) {
		e, dg := u.end, NewDatagram([]byte("x"))
		to := u.rawAddress()
		stream, peer := e.raw()
		rendezvous, _ := e.listen()
		assert.ErrorIs(t, e.writer.SendTo(dg, stream, to), ErrWrongKind)
		assert.ErrorIs(t, e.writer.SendTo(dg, rendezvous, to), ErrWrongKind)
		assert.ErrorIs(t, e.writer.Send(dg, u.conn), ErrWrongKind)
		assert.ErrorIs(t, e.writer.Broadcast(dg, slices.Values([]*Connection{u.conn})), ErrWrongKind)
		assert.ErrorIs(t, e.writer.SendTo(dg, nil, to), ErrForeignConnection)
		assert.ErrorIs(t, newEnd(t, nil).writer.SendTo(dg, u.conn, to), ErrForeignConnection)
		assert.Error(t, e.writer.SendTo(nil, u.conn, to))
		assert.Error(t, e.writer.SendTo(dg, u.conn, NetAddress{}))
		assert.Equal(t, packed("its own"), u.sends("its own"), "nothing else")
		e.send(stream, "its own")
		assert.Equal(t, framed(2, "its own"), e.wire(stream, peer), "nothing else")
	})(t)
}
