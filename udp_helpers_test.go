package queuednet

import (
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// udp opens a UDP connection at an address and adds it to the reader.
func (e *end) udp(address string) *Connection {
	e.t.Helper()
	conn, err := e.manager.OpenUDPConnectionAt(mustAddress(e.t, address))
	require.NoError(e.t, err)
	require.NoError(e.t, e.reader.AddConnection(conn))
	return conn
}

// udpEverywhere opens a UDP connection on all interfaces and adds it to the reader.
func (e *end) udpEverywhere() *Connection {
	e.t.Helper()
	conn, err := e.manager.OpenUDPConnection(0)
	require.NoError(e.t, err)
	require.NoError(e.t, e.reader.AddConnection(conn))
	return conn
}

// adoptUDP adopts a packet socket and adds it to the reader.
func (e *end) adoptUDP(socket net.PacketConn) *Connection {
	e.t.Helper()
	conn, err := e.manager.AdoptUDPConnection(socket)
	require.NoError(e.t, err)
	require.NoError(e.t, e.reader.AddConnection(conn))
	return conn
}

// sendTo sends text, which must succeed.
func (e *end) sendTo(conn *Connection, to NetAddress, text string) {
	e.t.Helper()
	require.NoError(e.t, e.writer.SendTo(NewDatagram([]byte(text)), conn, to))
}

// rawPacket reads one packet from a plain socket.
func rawPacket(t testing.TB, raw net.PacketConn) (packet string, from NetAddress) {
	t.Helper()
	b := make([]byte, 1<<16)
	n, addr, err := raw.ReadFrom(b)
	require.NoError(t, err)
	return string(b[:n]), netAddressOf(addr)
}

// sendPacket sends one packet from a plain socket.
func sendPacket(t testing.TB, raw net.PacketConn, to NetAddress, packet string) {
	t.Helper()
	_, err := raw.WriteTo([]byte(packet), net.UDPAddrFromAddrPort(to.AddrPort()))
	require.NoError(t, err)
}

// local returns where on this machine a connection can be reached.
func local(t testing.TB, conn *Connection) NetAddress {
	t.Helper()
	address := conn.LocalAddress()
	if address.IsAny() {
		require.NoError(t, address.SetLocalhost(address.Port()))
	}
	return address
}

// A packetPipe is a packet socket without a network, also for a bubble of
// synctest. What is put into in arrives; what is sent goes to write.
type packetPipe struct {
	in        chan packet
	write     func(packet) error // it may wait until writeEnd
	readEnd   deadline
	writeEnd  deadline
	closed    chan struct{}
	closeOnce sync.Once
	localAddr net.Addr
}

// A packet is what a packetPipe carries.
type packet struct {
	data string
	peer net.Addr
	err  error // instead: what ReadFrom answers
}

// newPacketPipe returns one that collects what is sent in a channel.
func newPacketPipe() (p *packetPipe, out chan packet) {
	out = make(chan packet, 10_000)
	p = &packetPipe{in: make(chan packet, 10_000), closed: make(chan struct{}), localAddr: udpAddr(1)}
	p.write = func(sent packet) error {
		out <- sent
		return nil
	}
	return p, out
}

// udpAddr is an address of the network that is not there.
func udpAddr(port int) *net.UDPAddr { return &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port} }

func (p *packetPipe) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case <-p.closed:
		return 0, nil, net.ErrClosed
	case <-p.readEnd.passed():
		return 0, nil, os.ErrDeadlineExceeded
	default:
	}
	select {
	case packet := <-p.in:
		return copy(b, packet.data), packet.peer, packet.err
	case <-p.closed:
		return 0, nil, net.ErrClosed
	case <-p.readEnd.passed():
		return 0, nil, os.ErrDeadlineExceeded
	}
}

func (p *packetPipe) WriteTo(b []byte, to net.Addr) (int, error) {
	select {
	case <-p.closed:
		return 0, net.ErrClosed
	case <-p.writeEnd.passed():
		return 0, os.ErrDeadlineExceeded
	default:
		return len(b), p.write(packet{data: string(b), peer: to})
	}
}

func (p *packetPipe) Close() error {
	p.closeOnce.Do(func() { close(p.closed) })
	return nil
}

func (p *packetPipe) LocalAddr() net.Addr                { return p.localAddr }
func (p *packetPipe) SetReadDeadline(t time.Time) error  { return p.readEnd.set(t) }
func (p *packetPipe) SetWriteDeadline(t time.Time) error { return p.writeEnd.set(t) }
func (p *packetPipe) SetDeadline(t time.Time) error {
	p.writeEnd.set(t)
	return p.readEnd.set(t)
}

// A deadline is a channel that is closed when the time has come.
type deadline struct {
	mu    sync.Mutex
	timer *time.Timer
	over  chan struct{}
}

func (d *deadline) passed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over == nil {
		d.over = make(chan struct{})
	}
	return d.over
}

func (d *deadline) set(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	if d.over == nil {
		d.over = make(chan struct{})
	}
	over := d.over
	select {
	case <-over:
		if t.IsZero() || time.Until(t) > 0 {
			over = make(chan struct{})
			d.over = over
		}
	default:
	}
	switch wait := time.Until(t); {
	case t.IsZero():
	case wait > 0:
		d.timer = time.AfterFunc(wait, func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.over == over {
				closeOnce(over)
			}
		})
	default:
		closeOnce(over)
	}
	return nil
}

func closeOnce(over chan struct{}) {
	select {
	case <-over:
	default:
		close(over)
	}
}
