package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"github.com/queuednet/queuednet"
)

// UDP: two sources send numbered packets to the server, which answers each. Only
// what overflows may be lost, and each queue tells how much that was.

// packetLives are the numbers that packets have in the place of a life's.
const (
	pingerLife = 0xffff_fff0 + iota
	rawPacketLife
)

// packetCount is one direction of one source.
type packetCount struct{ last, count atomic.Uint32 }

// take checks a packet: packets may be missing, but none comes twice or late.
func (c *packetCount) take(b []byte, life uint32) error {
	_, from, number, err := parseMessage(b)
	switch {
	case err != nil:
		return err
	case from != life:
		return fmt.Errorf("a packet of %x", from)
	case number <= c.last.Load():
		return fmt.Errorf("packet %d after %d", number, c.last.Load())
	}
	c.last.Store(number)
	c.count.Add(1)
	return nil
}

// echo is the server's side.
type echo struct {
	reader  *queuednet.QueuedConnectionReader
	writer  *queuednet.ConnectionWriter
	conn    *queuednet.Connection
	address queuednet.NetAddress

	received [2]packetCount
	answered [2]atomic.Uint32
}

func newEcho(m *queuednet.QueuedConnectionManager) (*echo, error) {
	e := &echo{reader: queuednet.NewQueuedConnectionReader(m), writer: queuednet.NewConnectionWriter(m)}
	var err error
	e.conn, e.address, err = openPackets(m, e.reader)
	return e, err
}

// openPackets opens a UDP connection on the loopback.
func openPackets(m *queuednet.QueuedConnectionManager, r *queuednet.QueuedConnectionReader) (*queuednet.Connection, queuednet.NetAddress, error) {
	var address queuednet.NetAddress
	if err := address.SetLocalhost(0); err != nil {
		return nil, address, err
	}
	conn, err := m.OpenUDPConnectionAt(address)
	if err != nil {
		return nil, address, err
	}
	return conn, conn.LocalAddress(), r.AddConnection(conn)
}

// answer sends back what has come.
func (e *echo) answer() error {
	for datagram := range e.reader.Datagrams() {
		_, life, _, err := parseMessage(datagram.Message())
		if err == nil && life != pingerLife && life != rawPacketLife {
			err = fmt.Errorf("a packet of %x", life)
		}
		if err != nil {
			return err
		}
		source := life - pingerLife
		if err := e.received[source].take(datagram.Message(), life); err != nil {
			return fmt.Errorf("at the server: %w", err)
		}
		switch err := e.writer.SendTo(&datagram.Datagram, e.conn, datagram.Address()); {
		case err == nil:
			e.answered[source].Add(1)
		case !errors.Is(err, queuednet.ErrSendQueueFull):
			return err
		}
	}
	return nil
}

// burst draws how many packets to send now.
func burst(r *rand.Rand) int {
	switch r.IntN(300) {
	case 0:
		return r.IntN(600)
	case 1, 2, 3, 4, 5:
		return 20
	}
	return r.IntN(3)
}

func packetSize(r *rand.Rand) int { return messageHead + r.IntN(300) }

// pinger is the library's source, which the loop of the bots drives.
type pinger struct {
	reader   *queuednet.QueuedConnectionReader
	writer   *queuednet.ConnectionWriter
	conn     *queuednet.Connection
	to       queuednet.NetAddress
	sent     atomic.Uint32
	quiet    atomic.Bool // no more is sent
	received packetCount
	message  queuednet.Datagram
	bytes    []byte
}

func newPinger(m *queuednet.QueuedConnectionManager, to queuednet.NetAddress) (*pinger, error) {
	p := &pinger{reader: queuednet.NewQueuedConnectionReader(m), writer: queuednet.NewConnectionWriter(m), to: to}
	var err error
	p.conn, _, err = openPackets(m, p.reader)
	return p, err
}

func (p *pinger) send(r *rand.Rand) {
	if p.quiet.Load() {
		return
	}
	for range burst(r) {
		p.bytes = appendMessage(p.bytes[:0], numbered, pingerLife, p.sent.Load()+1, packetSize(r))
		p.message.Assign(p.bytes)
		if p.writer.SendTo(&p.message, p.conn, p.to) != nil {
			return
		}
		p.sent.Add(1)
	}
}

func (p *pinger) take() error {
	for datagram := range p.reader.Datagrams() {
		if err := p.received.take(datagram.Message(), pingerLife); err != nil {
			return fmt.Errorf("at the bots: %w", err)
		}
	}
	return nil
}

// rawPinger is the source with a plain socket, which has two goroutines.
type rawPinger struct {
	conn     *net.UDPConn
	sent     atomic.Uint32
	received packetCount
}

func newRawPinger(to queuednet.NetAddress) (*rawPinger, error) {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to.AddrPort()))
	return &rawPinger{conn: conn}, err
}

// send sends until told to stop.
func (p *rawPinger) send(r *rand.Rand, stop <-chan struct{}) error {
	ticker := time.NewTicker(time.Second / 30)
	defer ticker.Stop()
	var b []byte
	for {
		select {
		case <-stop:
			return nil
		case <-ticker.C:
		}
		for range burst(r) {
			payload := appendMessage(b[:0], numbered, rawPacketLife, p.sent.Load()+1, packetSize(r))
			var sum uint16
			for _, x := range payload {
				sum += uint16(x)
			}
			packet := append(binary.LittleEndian.AppendUint16(nil, sum), payload...)
			if _, err := p.conn.Write(packet); err != nil {
				return err
			}
			p.sent.Add(1)
		}
	}
}

// receive receives until the socket is closed.
func (p *rawPinger) receive() error {
	b := make([]byte, 1<<16)
	for {
		n, err := p.conn.Read(b)
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			return err
		case n < 2:
			return fmt.Errorf("a packet of %d bytes", n)
		}
		if err := p.received.take(b[2:n], rawPacketLife); err != nil {
			return fmt.Errorf("at a plain socket: %w", err)
		}
	}
}
