package conformance_test

import (
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/queuednet/queuednet"
	"github.com/queuednet/queuednet/internal/testnet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// overUDP runs a test with a connection and a plain socket, both on the
// loopback, and asserts that it has not ended the connection.
func overUDP(test func(t *testing.T, u *udpWire)) func(t *testing.T) {
	return func(t *testing.T) {
		e := newEnd(t, nil)
		u := &udpWire{end: e, conn: e.udp("127.0.0.1:0"), raw: testnet.RawUDP(t, "127.0.0.1:0")}
		test(t, u)
		assert.NoError(t, u.conn.Err())
		e.requireNoReset()
	}
}

type udpWire struct {
	*end
	conn *queuednet.Connection
	raw  *net.UDPConn
}

// rawAddress returns where the plain socket can be reached.
func (u *udpWire) rawAddress() queuednet.NetAddress { return netAddressOf(u.raw.LocalAddr()) }

// arrives sends a packet to the connection.
func (u *udpWire) arrives(packet string) {
	u.T.Helper()
	sendPacket(u.T, u.raw, u.conn.LocalAddress(), packet)
}

// sends sends a payload and returns the packet.
func (u *udpWire) sends(payload string) string {
	u.T.Helper()
	u.sendTo(u.conn, u.rawAddress(), payload)
	packet, from := rawPacket(u.T, u.raw)
	assert.Equal(u.T, u.conn.LocalAddress(), from)
	return packet
}

// dropped asserts that a packet is dropped, and what it is counted as.
func (u *udpWire) dropped(packet string, as queuednet.UDPDrops) {
	u.T.Helper()
	u.arrives(packet)
	u.arrives(testnet.Packed("the next one"))
	datagram := u.next()
	assert.Equal(u.T, "the next one", string(datagram.Message()))
	assert.Equal(u.T, as, u.conn.UDPDrops())
	assert.Zero(u.T, u.Reader.CurrentQueueSize())
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
		u.dropped("\x07\x00\x01\x02\x03", queuednet.UDPDrops{Broken: 1})
	})},
	{99, "udp_1_byte", overUDP(func(t *testing.T, u *udpWire) {
		u.dropped("\x00", queuednet.UDPDrops{Broken: 1})
	})},
	{100, "udp_sum_wraps", overUDP(func(t *testing.T, u *udpWire) {
		packet := u.sends(strings.Repeat("\xff", 300))
		assert.Equal(t, "\xd4\x2a", packet[:2])
		u.arrives(packet)
		assert.Equal(t, packet[2:], string(u.next().Message()))
		u.dropped("\xd4\x2a"+strings.Repeat("\xff", 299), queuednet.UDPDrops{Broken: 1})
	})},
	{101, "udp_1502_byte_packet", overUDP(func(t *testing.T, u *udpWire) {
		payload := pattern(1500)
		u.arrives(testnet.Packed(payload))
		assert.Equal(t, payload, string(u.next().Message()))
	})},
	{102, "udp_longer_packet", overUDP(func(t *testing.T, u *udpWire) {
		// Panda3D cuts them, and what it cuts off may be zeros, so that the sum fits.
		for _, payload := range []string{strings.Repeat("\x00", 3000), pattern(1501), pattern(9000), pattern(60_000)} {
			u.arrives(testnet.Packed(payload))
			assert.True(t, payload == string(u.next().Message()), "%d bytes, whole", len(payload))
		}
		assert.Zero(t, u.conn.UDPDrops())
	})},
	{103, "udp_zero_length_packet", overUDP(func(t *testing.T, u *udpWire) {
		for i := range 3 {
			u.dropped("", queuednet.UDPDrops{Broken: uint64(i + 1)})
		}
	})},
	{105, "is_valid_for_udp", func(t *testing.T) {
		e := newEnd(t, nil)
		for size, valid := range map[int]bool{0: true, 1500: true, 1501: false} {
			assert.Equal(t, valid, e.Writer.IsValidForUDP(queuednet.NewDatagram(make([]byte, size))), "%d bytes", size)
		}
		assert.False(t, e.Writer.IsValidForUDP(nil))
	}},
	{106, "udp_send_2000_bytes", overUDP(func(t *testing.T, u *udpWire) {
		payload := pattern(2000)
		assert.Equal(t, testnet.Packed(payload), u.sends(payload))
	})},
	{107, "udp_send_66000_bytes", overUDP(func(t *testing.T, u *udpWire) {
		// Panda3D closes the socket.
		u.requireTooLong(u.conn, u.rawAddress(), 66_000, 65_505)
		assert.Equal(t, testnet.Packed("still open"), u.sends("still open"))
		assert.True(t, u.Reader.IsConnectionOk(u.conn))
	})},
	{108, "udp_port_in_use", func(t *testing.T) {
		e := newEnd(t, nil)
		first := e.udpEverywhere()
		for range 2 {
			second, err := e.Manager.OpenUDPConnection(first.LocalAddress().Port())
			assert.ErrorIs(t, err, testnet.ErrAddressInUse)
			assert.Nil(t, second)
		}
		local := e.udp("127.0.0.1:0")
		_, err := e.Manager.OpenUDPConnectionAt(local.LocalAddress())
		assert.ErrorIs(t, err, testnet.ErrAddressInUse)
		require.True(t, e.Manager.CloseConnection(first))
		e.requireNoReset()
		_, err = e.Manager.OpenUDPConnection(first.LocalAddress().Port())
		assert.NoError(t, err, "free again")
	}},
	{109, "udp_port_0", overUDP(func(t *testing.T, u *udpWire) {
		// Panda3D's unbound sending socket is bound by its first send. Here it is
		// from the start, and receives, too.
		conn := u.udpEverywhere()
		assert.NotZero(t, conn.LocalAddress().Port())
		u.sendTo(conn, u.rawAddress(), "sent")
		packet, from := rawPacket(t, u.raw)
		assert.Equal(t, testnet.Packed("sent"), packet)
		assert.Equal(t, conn.LocalAddress().Port(), from.Port())
		sendPacket(t, u.raw, from, testnet.Packed("answered"))
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
		e, dg := u.end, queuednet.NewDatagram([]byte("x"))
		to := u.rawAddress()
		stream, peer := e.raw()
		rendezvous, _ := e.listen()
		assert.ErrorIs(t, e.Writer.SendTo(dg, stream, to), queuednet.ErrWrongKind)
		assert.ErrorIs(t, e.Writer.SendTo(dg, rendezvous, to), queuednet.ErrWrongKind)
		assert.ErrorIs(t, e.Writer.Send(dg, u.conn), queuednet.ErrWrongKind)
		assert.ErrorIs(t, e.Writer.Broadcast(dg, slices.Values([]*queuednet.Connection{u.conn})), queuednet.ErrWrongKind)
		assert.ErrorIs(t, e.Writer.SendTo(dg, nil, to), queuednet.ErrForeignConnection)
		assert.ErrorIs(t, newEnd(t, nil).Writer.SendTo(dg, u.conn, to), queuednet.ErrForeignConnection)
		assert.Error(t, e.Writer.SendTo(nil, u.conn, to))
		assert.Error(t, e.Writer.SendTo(dg, u.conn, queuednet.NetAddress{}))
		assert.Equal(t, testnet.Packed("its own"), u.sends("its own"), "nothing else")
		e.Send(stream, "its own")
		assert.Equal(t, testnet.Framed(2, "its own"), e.wire(stream, peer), "nothing else")
	})(t)
}
