package queuednet

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestIsUDP(t *testing.T) {
	e := newEnd(t, nil)
	pipe, _ := newPacketPipe()
	udp, adopted := e.udp("127.0.0.1:0"), e.adoptUDP(pipe)
	rendezvous, _ := e.listen()
	stream, _ := e.pipe()
	for range 2 { // also after the end
		assert.True(t, udp.IsUDP())
		assert.True(t, adopted.IsUDP())
		assert.False(t, rendezvous.IsUDP())
		assert.False(t, stream.IsUDP())
		require.NoError(t, e.manager.Close())
	}
	assert.False(t, (*Connection)(nil).IsUDP())
	assert.False(t, new(Connection).IsUDP())
}

// requireUDPExchange asserts that a packet from a plain socket arrives, with
// where it came from, and that what is sent back to there does.
func (e *end) requireUDPExchange(conn *Connection, raw net.PacketConn, to NetAddress) {
	e.t.Helper()
	sendPacket(e.t, raw, to, packed("there"))
	datagram := e.next()
	assert.Equal(e.t, "there", string(datagram.Message()))
	assert.Same(e.t, conn, datagram.Connection())
	assert.Equal(e.t, raw.LocalAddr().String(), datagram.Address().String())
	e.sendTo(conn, datagram.Address(), "and back")
	packet, from := rawPacket(e.t, raw)
	assert.Equal(e.t, packed("and back"), packet)
	assert.Equal(e.t, to, from)
}

func TestUDPAddresses(t *testing.T) {
	for _, test := range []struct {
		name, open, raw string
	}{
		{"IPv4", "127.0.0.1:0", "127.0.0.1:0"},
		{"IPv6", "[::1]:0", "[::1]:0"},
		{"dual stack, IPv4", "", "127.0.0.1:0"},
		{"dual stack, IPv6", "", "[::1]:0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if strings.Contains(test.raw, "[") {
				needIPv6(t)
			}
			e := newEnd(t, nil)
			raw := rawUDP(t, test.raw)
			to := mustAddress(t, test.raw)
			var conn *Connection
			if test.open == "" {
				conn = e.udpEverywhere()
				assert.True(t, conn.LocalAddress().IsAny())
			} else {
				conn = e.udp(test.open)
				assert.Equal(t, to.IPString(), conn.LocalAddress().IPString())
			}
			assert.NotZero(t, conn.LocalAddress().Port())
			assert.Equal(t, conn.LocalAddress(), conn.Address())
			assert.Nil(t, conn.NetConn())
			assert.Nil(t, conn.Rendezvous())
			require.NoError(t, to.SetPort(conn.LocalAddress().Port()))
			e.requireUDPExchange(conn, raw, to)
			assert.Zero(t, conn.UDPDrops())
		})
	}
}

func TestUDPIPv4Only(t *testing.T) {
	e := newEnd(t, &Config{IPv4Only: true})
	conn := e.udpEverywhere()
	assert.Equal(t, "0.0.0.0", conn.LocalAddress().IPString())
	e.requireUDPExchange(conn, rawUDP(t, "127.0.0.1:0"), local(t, conn))
}

func TestUDPBoundAddress(t *testing.T) {
	e := newEnd(t, nil)
	_, err := e.manager.OpenUDPConnectionAt(mustAddress(t, "192.0.2.1:0")) // of documentation: no machine has it
	assert.Error(t, err)

	probe, err := net.ListenPacket("udp4", "127.0.0.2:0")
	if err != nil {
		t.Skip("this machine has one loopback address only: ", err)
	}
	require.NoError(t, probe.Close())
	first := e.udp("127.0.0.1:0")
	address := first.LocalAddress()
	second := e.udp(fmt.Sprintf("127.0.0.2:%d", address.Port()))
	raw := rawUDP(t, "127.0.0.1:0")
	e.requireUDPExchange(first, raw, first.LocalAddress())
	e.requireUDPExchange(second, raw, second.LocalAddress())
}

func TestUDPBroadcast(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux is known to broadcast on the loopback interface")
	}
	e := newEnd(t, nil)
	from, to := e.udp("127.0.0.1:0"), e.udpEverywhere()
	address := mustAddress(t, fmt.Sprintf("127.255.255.255:%d", to.LocalAddress().Port()))
	e.sendTo(from, address, "all")
	datagram := e.next()
	assert.Equal(t, "all", string(datagram.Message()))
	assert.Same(t, to, datagram.Connection())
	assert.Equal(t, from.LocalAddress(), datagram.Address())
	assert.Zero(t, from.UDPDrops())
}

func TestUDPPacketSizes(t *testing.T) {
	if runtime.GOOS == "darwin" {
		t.Skip("macOS sends 9,216 bytes at most, unless told otherwise")
	}
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(address, func(t *testing.T) {
			if address[0] == '[' {
				needIPv6(t)
			}
			e := newEnd(t, nil)
			conn := e.udp(address)
			raw := rawUDP(t, address)
			back := netAddressOf(raw.LocalAddr())
			for _, size := range []int{0, 1, 1500, 1501, 9000, maxPacket - 3, maxPacket - 2} {
				payload := strings.Repeat("\xff", size)
				e.sendTo(conn, back, payload)
				packet, _ := rawPacket(t, raw)
				assert.True(t, packed(payload) == packet, "%d bytes", size)
				sendPacket(t, raw, conn.LocalAddress(), packet)
				assert.True(t, payload == string(e.next().Message()), "%d bytes", size)
			}
			e.requireTooLong(conn, back, 65_506, 65_505)

			e.writer.SetRawMode(true)
			e.reader.SetRawMode(true)
			payload := strings.Repeat("\xff", 65_507)
			e.sendTo(conn, back, payload)
			packet, _ := rawPacket(t, raw)
			assert.True(t, payload == packet)
			sendPacket(t, raw, conn.LocalAddress(), packet)
			assert.True(t, payload == string(e.next().Message()))
			e.requireTooLong(conn, back, 65_508, 65_507)

			// What was refused has done nothing to the socket.
			e.writer.SetRawMode(false)
			e.reader.SetRawMode(false)
			e.requireUDPExchange(conn, raw, conn.LocalAddress())
			assert.Zero(t, conn.UDPDrops())
		})
	}
}

// requireTooLong asserts that a datagram is refused as too long.
func (e *end) requireTooLong(conn *Connection, to NetAddress, size, limit int64) {
	e.t.Helper()
	err := e.writer.SendTo(NewDatagram(make([]byte, size)), conn, to)
	var tooLong *DatagramTooLongError
	require.ErrorAs(e.t, err, &tooLong)
	assert.Equal(e.t, DatagramTooLongError{Length: size, Max: limit}, *tooLong)
}

func TestUDPDatagramLongerThanTheSendQueue(t *testing.T) {
	e := newEnd(t, &Config{MaxSendQueue: 1000})
	conn := e.udp("127.0.0.1:0")
	raw := rawUDP(t, "127.0.0.1:0")
	e.requireTooLong(conn, netAddressOf(raw.LocalAddr()), 999, 998)
	e.sendTo(conn, netAddressOf(raw.LocalAddr()), strings.Repeat("x", 998))
	rawPacket(t, raw)
}

func TestUDPBrokenPacketsAreCounted(t *testing.T) {
	e := newEnd(t, nil)
	conn := e.udp("127.0.0.1:0")
	raw := rawUDP(t, "127.0.0.1:0")
	broken := []string{
		"", "\x00", "\xff", // too short to have a sum
		"\x01\x00", "\x00\x00\x01", "\x01\x00\x00", "\x00\x01\x01", "\x07\x00\x01\x02\x03",
		packed("text") + "+", packed("text")[:5], strings.Repeat("\x01", 3000),
	}
	for i, packet := range broken {
		sendPacket(t, raw, conn.LocalAddress(), packet)
		sendPacket(t, raw, conn.LocalAddress(), packed(fmt.Sprint(i)))
		assert.Equal(t, fmt.Sprint(i), string(e.next().Message()), "the one behind %q", packet)
		assert.Equal(t, UDPDrops{Broken: uint64(i + 1)}, conn.UDPDrops())
	}
	assert.False(t, e.reader.OverflowFlag())
	assert.NoError(t, conn.Err())
	assert.True(t, e.reader.IsConnectionOk(conn))
	e.requireNoReset()
}

// sentAll reports whether nothing waits to be written.
func sentAll(conn *Connection) bool {
	out := &conn.packets.out
	out.mu.Lock()
	defer out.mu.Unlock()
	return out.inFlight == 0 && out.pending == nil
}

func TestUDPUnsentIsCounted(t *testing.T) {
	e := newEnd(t, nil)
	conn := e.udp("127.0.0.1:0")
	raw := rawUDP(t, "127.0.0.1:0")
	for range 5 { // an address of the other family has no route from there
		e.sendTo(conn, mustAddress(t, "[::1]:9"), "lost")
		e.sendTo(conn, netAddressOf(raw.LocalAddr()), "sent")
		packet, _ := rawPacket(t, raw)
		assert.Equal(t, packed("sent"), packet)
	}
	eventually(t, "the count", func() bool { return sentAll(conn) })
	assert.Equal(t, UDPDrops{Unsent: 5}, conn.UDPDrops())
	assert.NoError(t, conn.Err())
	e.requireNoReset()
}

func TestUDPOptions(t *testing.T) {
	e := newEnd(t, nil)
	conn := e.udp("127.0.0.1:0")
	for name, set := range map[string]func() error{
		"SetRecvBufferSize":  func() error { return conn.SetRecvBufferSize(256 << 10) },
		"SetSendBufferSize":  func() error { return conn.SetSendBufferSize(256 << 10) },
		"SetReuseAddr":       func() error { return conn.SetReuseAddr(true) },
		"SetIPTimeToLive":    func() error { return conn.SetIPTimeToLive(3) },
		"SetIPTypeOfService": func() error { return conn.SetIPTypeOfService(16) },
	} {
		assert.NoError(t, set(), name)
	}
	for name, set := range map[string]func() error{
		"SetNoDelay":   func() error { return conn.SetNoDelay(true) },
		"SetKeepAlive": func() error { return conn.SetKeepAlive(true) },
		"SetLinger":    func() error { return conn.SetLinger(true, time.Second) },
	} {
		err := set()
		assert.ErrorIs(t, err, errors.ErrUnsupported, name)
		assert.ErrorContains(t, err, name)
	}
	assert.ErrorIs(t, conn.Flush(), ErrWrongKind)
	assert.ErrorIs(t, conn.ConsiderFlush(), ErrWrongKind)

	require.True(t, e.manager.CloseConnection(conn))
	e.requireNoReset(conn)
	assert.ErrorIs(t, conn.SetRecvBufferSize(1<<16), net.ErrClosed)

	pipe, _ := newPacketPipe()
	adopted := e.adoptUDP(pipe)
	assert.ErrorIs(t, adopted.SetRecvBufferSize(1<<16), errors.ErrUnsupported)

	var stream Connection
	assert.Zero(t, stream.UDPDrops(), "of a connection of another kind")
}

func TestUDPOpenErrors(t *testing.T) {
	e := newEnd(t, nil)
	for _, port := range []int{-1, 65536} {
		_, err := e.manager.OpenUDPConnection(port)
		var addrErr *net.AddrError
		assert.ErrorAs(t, err, &addrErr)
	}
	_, err := e.manager.OpenUDPConnectionAt(mustAddress(t, "[ff02::1%no-such-interface]:0"))
	assert.Error(t, err)
	_, err = e.manager.AdoptUDPConnection(nil)
	assert.ErrorIs(t, err, ErrWrongKind)

	rendezvous, _ := e.listen()
	conn := e.udp("127.0.0.1:0")
	assert.ErrorIs(t, e.listener.AddConnection(conn), ErrWrongKind)
	assert.ErrorIs(t, e.reader.AddConnection(conn), ErrAlreadyAdded)
	assert.ErrorIs(t, e.reader.AddConnection(rendezvous), ErrWrongKind)

	require.NoError(t, e.manager.Close())
	pipe, _ := newPacketPipe()
	for _, open := range []func() (*Connection, error){
		func() (*Connection, error) { return e.manager.OpenUDPConnection(0) },
		func() (*Connection, error) { return e.manager.OpenUDPConnectionAt(mustAddress(t, "127.0.0.1:0")) },
		func() (*Connection, error) { return e.manager.OpenUDPConnectionAt(mustAddress(t, "[ff02::1]:0")) },
		func() (*Connection, error) { return e.manager.AdoptUDPConnection(pipe) },
	} {
		_, err := open()
		assert.ErrorIs(t, err, net.ErrClosed)
	}
	_, _, err = pipe.ReadFrom(nil)
	assert.ErrorIs(t, err, net.ErrClosed, "closed, because it was given away")

	e = newEnd(t, &Config{TCPHeaderSize: 3})
	_, err = e.manager.OpenUDPConnection(0)
	var configErr *ConfigError
	assert.ErrorAs(t, err, &configErr)
}

func TestUDPFromManyGoroutines(t *testing.T) {
	const sequences, count = 8, 2000
	e := newEnd(t, nil)
	pipe, out := newPacketPipe()
	conn := e.adoptUDP(pipe)
	next := make([]int, sequences)
	var sending sync.WaitGroup
	for sequence := range sequences {
		sending.Go(func() {
			for i := range count {
				err := e.writer.SendTo(numbered(sequence, i), conn, NetAddressFrom(udpAddr(100+sequence).AddrPort()))
				if !assert.NoError(t, err) {
					return
				}
			}
		})
	}
	for range sequences * count {
		var sent packet
		select {
		case sent = <-out:
		case <-time.After(patience):
			t.Fatal("no packet")
		}
		sequence := sent.peer.(*net.UDPAddr).Port - 100
		assert.Equal(t, packed(string(numbered(sequence, next[sequence]).Message())), sent.data)
		next[sequence]++
	}
	sending.Wait()
	assert.Equal(t, slices.Repeat([]int{count}, sequences), next)
	assert.Zero(t, conn.UDPDrops())
}

// numbered returns a datagram of a sequence. Now and then one is longer than
// what the system takes in one piece.
func numbered(sequence, i int) *Datagram {
	var dg Datagram
	dg.AddUint16(uint16(sequence))
	dg.AddUint32(uint32(i))
	if i%1000 == 0 {
		dg.PadBytes(50_000)
	}
	return &dg
}
