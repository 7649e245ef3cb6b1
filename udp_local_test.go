package queuednet

import (
	"errors"
	"net"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A server on all interfaces answers from the address that was asked.
func TestUDPAnswersFromTheAddressThatWasAsked(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells the local address of a packet")
	}
	for name, test := range map[string]struct {
		config *Config
		client string
		asked  []string
	}{
		"dual stack, IPv4": {nil, "127.0.0.1:0", []string{"127.0.0.2", "127.0.0.3"}},
		"dual stack, IPv6": {nil, "[::1]:0", []string{"::1"}},
		"IPv4 only":        {&Config{IPv4Only: true}, "127.0.0.1:0", []string{"127.0.0.2", "127.0.0.3"}},
	} {
		t.Run(name, func(t *testing.T) {
			if mustAddress(t, test.client).IsIPv6() {
				needIPv6(t)
			}
			e := newEnd(t, test.config)
			conn := e.udpEverywhere()
			raw := rawUDP(t, test.client)
			for _, host := range append(test.asked, test.asked...) {
				var to NetAddress
				require.NoError(t, to.SetHost(host, conn.LocalAddress().Port()))
				sendPacket(t, raw, to, packed("there"))
				datagram := e.next()
				assert.Equal(t, to, datagram.LocalAddress())
				assert.Equal(t, to, datagram.Clone().LocalAddress())
				require.NoError(t, e.writer.SendFrom(NewDatagram([]byte("back")), conn, datagram.LocalAddress(), datagram.Address()))
				packet, from := rawPacket(t, raw)
				assert.Equal(t, packed("back"), packet)
				assert.Equal(t, to, from)
			}
			assert.Zero(t, conn.UDPDrops())
		})
	}
}

// Packets from one peer to two addresses are not taken for one another's.
func TestUDPLocalAddressOfEach(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells the local address of a packet")
	}
	e := newEnd(t, nil)
	conn, err := e.manager.OpenUDPConnection(0) // all are queued before the loop sees the first
	require.NoError(t, err)
	raw := rawUDP(t, "127.0.0.1:0")
	hosts := []string{"127.0.0.2", "127.0.0.2", "127.0.0.3", "127.0.0.2"}
	for _, host := range hosts {
		var to NetAddress
		require.NoError(t, to.SetHost(host, conn.LocalAddress().Port()))
		sendPacket(t, raw, to, packed(host))
	}
	require.NoError(t, e.reader.AddConnection(conn))
	var got []string
	e.until("datagrams", func() bool {
		for datagram := range e.reader.Datagrams() {
			assert.Equal(t, string(datagram.Message()), datagram.LocalAddress().IPString())
			got = append(got, string(datagram.Message()))
		}
		return len(got) == len(hosts)
	})
	assert.Equal(t, hosts, got)
}

func TestUDPSendFrom(t *testing.T) {
	e := newEnd(t, nil)
	raw := rawUDP(t, "127.0.0.1:0")
	to := netAddressOf(raw.LocalAddr())
	send := func(conn *Connection, from string) error {
		return e.writer.SendFrom(NewDatagram([]byte("x")), conn, mustAddress(t, from), to)
	}
	everywhere, bound := e.udpEverywhere(), e.udp("127.0.0.1:0")
	for _, test := range []struct {
		conn *Connection
		from string
	}{{everywhere, "0.0.0.0:0"}, {bound, "0.0.0.0:0"}, {bound, "127.0.0.1:9"}} {
		require.NoError(t, send(test.conn, test.from), test.from)
		packet, from := rawPacket(t, raw)
		assert.Equal(t, packed("x"), packet)
		assert.Equal(t, local(t, test.conn), from)
	}
	assert.ErrorIs(t, send(bound, "127.0.0.2:0"), errors.ErrUnsupported)
	var address *net.AddrError
	assert.ErrorAs(t, send(everywhere, "[::1]:0"), &address)
	stream, _ := e.pipe()
	assert.ErrorIs(t, send(stream, "127.0.0.1:0"), ErrWrongKind)
	assert.ErrorIs(t, send(nil, "127.0.0.1:0"), ErrForeignConnection)

	if !everywhere.packets.locals {
		assert.ErrorIs(t, send(everywhere, "127.0.0.2:0"), errors.ErrUnsupported)
		return
	}
	require.NoError(t, send(everywhere, "192.0.2.1:0")) // of documentation: no machine has it
	eventually(t, "a packet that the system refuses", func() bool { return everywhere.UDPDrops().Unsent == 1 })
}

func TestLocalAddressOfADatagram(t *testing.T) {
	e := newEnd(t, nil)
	assert.Zero(t, new(NetDatagram).LocalAddress())
	conn, raw := e.raw()
	write(t, raw, framed(2, "stream"))
	datagram := e.next()
	assert.Equal(t, conn.LocalAddress(), datagram.LocalAddress())
	bound := e.udp("127.0.0.1:0")
	sendPacket(t, rawUDP(t, "127.0.0.1:0"), bound.LocalAddress(), packed("packet"))
	datagram = e.next()
	assert.Equal(t, bound.LocalAddress(), datagram.LocalAddress())
	datagram.Clear()
	assert.Zero(t, datagram.LocalAddress())
}

// Asking and setting the local address of packets allocates nothing for each.
func TestUDPLocalAddressAllocatesNothing(t *testing.T) {
	if isRace() {
		t.Skip("with the race detector everything allocates")
	}
	e := newEnd(t, nil)
	conn := e.udpEverywhere()
	raw, answer := rawUDP(t, "127.0.0.1:0"), NewDatagram(make([]byte, 100))
	packet, room := []byte(packed(string(make([]byte, 100)))), make([]byte, 200)
	to := local(t, conn).AddrPort()
	allocs := testing.AllocsPerRun(500, func() {
		raw.WriteToUDPAddrPort(packet, to)
		answered := false
		for !answered {
			for datagram := range e.reader.Datagrams() {
				answered = e.writer.SendFrom(answer, conn, datagram.LocalAddress(), datagram.Address()) == nil
			}
			runtime.Gosched()
		}
		raw.ReadFromUDPAddrPort(room)
	})
	assert.Less(t, allocs, 1.0) // the garbage collector may empty the pools
}

// A toldPipe is a packetPipe that tells local addresses: those in to, one after another.
type toldPipe struct {
	*packetPipe
	to   chan net.Addr
	from chan net.Addr
}

func (p *toldPipe) ReadFromTo(b []byte) (n int, from, to net.Addr, err error) {
	if n, from, err = p.ReadFrom(b); err == nil {
		to = <-p.to
	}
	return n, from, to, err
}

func (p *toldPipe) WriteFromTo(b []byte, from, to net.Addr) (int, error) {
	p.from <- from
	return p.WriteTo(b, to)
}

// A socket that is none of the system's may know local addresses.
func TestUDPAdoptedTellsLocalAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnd(t, nil)
		pipe, out := newPacketPipe()
		pipe.localAddr = &net.UDPAddr{IP: net.IPv4zero, Port: 7}
		told := &toldPipe{pipe, make(chan net.Addr, 2), make(chan net.Addr, 2)}
		conn := e.adoptUDP(told)
		for _, to := range []net.Addr{&net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 7}, nil} {
			told.to <- to
			pipe.in <- packet{data: packed("x"), peer: udpAddr(2)}
			datagram := e.next()
			assert.Equal(t, netAddressOf(to), datagram.LocalAddress())
			require.NoError(t, e.writer.SendFrom(&datagram.Datagram, conn, datagram.LocalAddress(), datagram.Address()))
			sent := <-out
			assert.Equal(t, packed("x"), sent.data)
			assert.Equal(t, udpAddr(2).String(), sent.peer.String())
			if to != nil {
				assert.Equal(t, to.String(), (<-told.from).String())
			}
		}
		assert.Empty(t, told.from)
		assert.Zero(t, conn.UDPDrops())
		require.NoError(t, e.manager.Close())
	})
}
